//! The regulator alone, in a service that already has its threads: a thread per connection over loopback, as many
//! callers as it likes, at most four of them served at a time. `cargo run --release --example admission_only`
#![allow(clippy::disallowed_methods, reason = "the service and its callers bring their own threads")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use heijunka::{Class, Limits, Regulator};

const CALLERS: usize = 12;

/// Asks for a permit before it works; refused, it says so at once instead of letting the caller wait.
fn serve(mut connection: TcpStream, regulator: &Regulator) -> io::Result<()> {
    let mut request = [0; 64];
    let length = connection.read(&mut request)?;
    let class = if request[..length].starts_with(b"urgent") { Class::PRIORITY } else { Class::NORMAL };
    match regulator.try_acquire(class) {
        Ok(_permit) => {
            thread::sleep(Duration::from_millis(50)); // the work; the permit comes back when it ends
            connection.write_all(b"200 done")
        }
        Err(rejected) => {
            let wait = regulator.retry_after(&rejected).unwrap_or_default();
            write!(connection, "503 {rejected}; retry after {} ms", wait.as_millis())
        }
    }
}

/// A call: what was asked and what came back.
fn call(service: SocketAddr, request: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(service)?;
    connection.write_all(request.as_bytes())?;
    connection.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Four at a time, one place of which only urgent calls may take.
    let regulator = Arc::new(Regulator::new(Limits::new(4, 4, 1)?));
    regulator.set_typical_hold(Duration::from_millis(50));

    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let service = listener.local_addr()?;
    let shared = regulator.clone();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let regulator = shared.clone();
            thread::spawn(move || serve(connection, &regulator));
        }
    });

    println!("{CALLERS} callers at once, 4 places, 1 of them for urgent calls:");
    let request = |caller: usize| if caller == CALLERS - 1 { "urgent" } else { "ordinary" };
    let calls: Vec<_> = (0..CALLERS)
        .map(|caller| thread::spawn(move || (request(caller), call(service, request(caller)))))
        .collect();
    let mut served = 0;
    for call in calls {
        let (request, answer) = call.join().map_err(|_| "a caller died")?;
        let answer = answer?;
        served += usize::from(answer.starts_with("200"));
        println!("{request:>8}: {answer}");
    }
    let status = regulator.status();
    println!("{served} served, {} refused, {} in flight", status.refused.total(), status.in_flight);
    assert_eq!(served as u64 + status.refused.total(), CALLERS as u64);
    Ok(())
}
