//! What the proxy does to bytes, and what the fake server says.
#![cfg(unix)]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use heijunka_servers::{Direction, FakeServer, Proxy};

/// Says back what it is told.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let talk = move || {
                let mut reader = stream.try_clone().unwrap();
                let _ = std::io::copy(&mut reader, &mut stream);
            };
            thread::Builder::new().spawn(talk).unwrap();
        }
    };
    thread::Builder::new().spawn(serve).unwrap();
    port
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    stream
}

/// What comes back of this: everything, or the end, or nothing for so long.
fn say(stream: &mut TcpStream, bytes: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let mut answer = vec![0; bytes.len()];
    stream.write_all(bytes).and_then(|()| stream.read_exact(&mut answer)).map_err(|error| error.kind())?;
    Ok(answer)
}

#[test]
fn a_healthy_one_passes_everything_on() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut writer = stream.try_clone().unwrap();
    let sent = bytes.clone();
    let writing = thread::Builder::new().spawn(move || writer.write_all(&sent).unwrap()).unwrap();
    let mut answer = vec![0; bytes.len()];
    stream.read_exact(&mut answer).unwrap();
    writing.join().unwrap();
    assert!(answer == bytes, "every byte, in order");
    assert_eq!(proxy.connections(), 1);
    assert!(proxy.heard()[0].iter().map(Vec::len).sum::<usize>() >= 64 * 1024);
}

#[test]
fn cut_ends_what_is_there_and_what_comes_until_it_is_healed() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    assert_eq!(say(&mut stream, b"one").unwrap(), b"one");
    proxy.cut();
    assert!(!matches!(say(&mut stream, b"two"), Ok(_) | Err(ErrorKind::WouldBlock)));
    assert!(!matches!(say(&mut connect(&proxy), b"three"), Ok(_) | Err(ErrorKind::WouldBlock)));
    proxy.heal();
    assert_eq!(say(&mut connect(&proxy), b"four").unwrap(), b"four");
}

#[test]
fn a_stalled_direction_says_nothing_until_it_is_healed() {
    for direction in [Direction::ToClient, Direction::ToServer] {
        let proxy = Proxy::to(echo());
        let mut stream = connect(&proxy);
        assert_eq!(say(&mut stream, b"one").unwrap(), b"one");
        proxy.stall(direction);
        // A read may have been under way.
        thread::sleep(Duration::from_millis(50));
        assert_eq!(say(&mut stream, b"two"), Err(ErrorKind::WouldBlock));
        proxy.heal();
        let mut answer = [0; 3];
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"two");
    }
}

#[test]
fn half_open_swallows_what_the_client_says() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    assert_eq!(say(&mut stream, b"one").unwrap(), b"one");
    proxy.half_open();
    assert_eq!(say(&mut stream, b"two"), Err(ErrorKind::WouldBlock));
    assert_eq!(say(&mut connect(&proxy), b"three").unwrap(), b"three", "new ones are fine");
    proxy.heal();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0, "closed at last");
}

#[test]
fn what_is_delayed_and_limited_comes_whole() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    proxy.delay(Duration::from_millis(100));
    assert_eq!(say(&mut stream, b"late").unwrap(), b"late");
    proxy.heal();
    proxy.limit(20_000);
    let bytes = vec![7; 10_000];
    assert_eq!(say(&mut stream, &bytes).unwrap(), bytes);
}

#[test]
fn a_fake_server_says_the_same_for_the_same_seed() {
    let hear = |seed| {
        let fake = FakeServer::start(seed, vec![vec![b"INFO {}\r\n".to_vec(), b"PONG\r\n".to_vec()]]);
        let all: Vec<Vec<u8>> = (0..5)
            .map(|_| {
                let mut stream = TcpStream::connect(("127.0.0.1", fake.port())).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let mut said = Vec::new();
                let _ = stream.read_to_end(&mut said);
                said
            })
            .collect();
        assert_eq!(fake.connections(), 5);
        all
    };
    let said = hear(1);
    assert!(said == hear(1) && said != hear(2));
}
