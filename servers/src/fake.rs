//! A server that says what a seed makes it say.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fastrand::Rng;

use crate::port::Port;
use crate::proxy::Said;

/// More than this it does not say on one connection.
const MOST: usize = 8 * 1024 * 1024;

/// Listens on 127.0.0.1, and on each connection says something that no server says: noise, or what a real one said
/// ([`Proxy::heard`](crate::Proxy::heard)) cut short, with bytes changed, sizes blown up, pieces left out, repeated or swapped, or a byte at a
/// time; then it closes, or is silent. Which, depends on the seed and the connection's number alone.
#[derive(Debug)]
pub struct FakeServer {
    port: Port,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    seed: u64,
    said: Vec<Said>,
    // Both Relaxed: a flag that is polled, and a count; they guard no other data.
    closed: AtomicBool,
    connections: AtomicU64,
}

impl FakeServer {
    /// Starts to listen.
    ///
    /// # Panics
    ///
    /// When there is no port to listen on.
    #[must_use]
    pub fn start(seed: u64, said: Vec<Said>) -> Self {
        let port = Port::free();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).expect("the port is free");
        listener.set_nonblocking(true).expect("a listener can be asked without waiting");
        let said = said.into_iter().filter(|pieces| !pieces.is_empty()).collect();
        let (closed, connections) = (AtomicBool::new(false), AtomicU64::new(0));
        let shared = Arc::new(Shared { seed, said, closed, connections });
        let its = shared.clone();
        let accepting = thread::Builder::new()
            .name("hj-test-fake".to_owned())
            .spawn(move || accept(&listener, &its))
            .expect("a thread starts");
        Self { port, shared, accepting: Some(accepting) }
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Connections until now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.closed.load(Ordering::Relaxed) {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        let number = shared.connections.fetch_add(1, Ordering::Relaxed);
        let its = shared.clone();
        let speak = move || {
            // A client that has gone away has heard enough.
            let _ = speak(stream, &its, number);
        };
        thread::Builder::new().name("hj-test-fake".to_owned()).spawn(speak).expect("a thread starts");
    }
}

fn speak(mut stream: TcpStream, shared: &Shared, number: u64) -> io::Result<()> {
    let mut random = Rng::with_seed(shared.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(Duration::from_secs(1)))?;
    let pieces = spoil(shared, &mut random);
    let trickles = random.u8(..) < 16;
    for piece in &pieces {
        // A real server mostly answers, but not for ever.
        listen(&mut stream, Duration::from_millis(random.u64(1..15)))?;
        if trickles {
            for byte in piece.iter().take(64) {
                stream.write_all(&[*byte])?;
                thread::sleep(Duration::from_millis(3));
            }
        } else {
            stream.write_all(piece)?;
        }
    }
    // Sometimes it neither says any more nor goes.
    let silence = if random.u8(..) < 64 { 2_000 } else { 5 };
    for _ in 0..silence / 5 {
        if shared.closed.load(Ordering::Relaxed) {
            break;
        }
        listen(&mut stream, Duration::from_millis(5))?;
    }
    Ok(())
}

/// Waits so long for the client to say something, and forgets it.
fn listen(stream: &mut TcpStream, within: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(within))?;
    match stream.read(&mut [0; 4096]) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(()),
        Err(error) => Err(error),
    }
}

fn spoil(shared: &Shared, random: &mut Rng) -> Said {
    if shared.said.is_empty() || random.u8(..) < 32 {
        return (0..random.usize(0..6)).map(|_| noise(random)).collect();
    }
    let mut pieces = shared.said[random.usize(..shared.said.len())].clone();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..pieces.len());
        let other = random.usize(..pieces.len());
        match random.u8(0..9) {
            0 => pieces.truncate(at + 1),
            1 => pieces.swap(at, other),
            2 => pieces.insert(at, noise(random)),
            3 => {
                let again = pieces[at].clone();
                pieces.extend(std::iter::repeat_n(again, random.usize(1..50)));
            }
            4 if pieces.len() > 1 => drop(pieces.remove(at)),
            _ => spoil_piece(&mut pieces[at], random),
        }
    }
    let mut left = MOST;
    pieces.retain(|piece| {
        left = left.saturating_sub(piece.len());
        left > 0
    });
    pieces
}

fn spoil_piece(piece: &mut Vec<u8>, random: &mut Rng) {
    if piece.is_empty() {
        return;
    }
    let at = random.usize(..piece.len());
    match random.u8(0..5) {
        0 => piece.truncate(at),
        1 => piece[at] ^= 1 << random.u8(0..8),
        2 => piece[at] = random.u8(..),
        // A size of four bytes, as binary protocols have it, or of many digits, as those of text do.
        3 => piece.splice(at..(at + 4).min(piece.len()), [0x7F, 0xFF, 0xFF, 0xFF]).for_each(drop),
        _ => {
            let digits: Vec<usize> = (0..piece.len()).filter(|at| piece[*at].is_ascii_digit()).collect();
            if let Some(at) = random.choice(digits) {
                piece.splice(at..=at, *b"9999999999").for_each(drop);
            }
        }
    }
}

fn noise(random: &mut Rng) -> Vec<u8> {
    let size = match random.u8(..) {
        0..=1 => random.usize(..MOST),
        2..=63 => random.usize(..8 * 1024),
        _ => random.usize(..64),
    };
    match random.u8(0..3) {
        0 => vec![random.u8(..); size],
        1 => (0..size).map(|_| random.u8(32..127)).collect(),
        _ => (0..size).map(|_| random.u8(..)).collect(),
    }
}
