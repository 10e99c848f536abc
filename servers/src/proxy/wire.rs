//! One direction of one connection: a thread that reads, and one that writes when it is time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use super::state::{Link, State};

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// How long a thread goes without looking at what changed.
const TICK: Duration = Duration::from_millis(5);

/// Pieces under way, of 16 KiB at most.
const UNDER_WAY: usize = 64;

type Piece = (Instant, Vec<u8>);

pub(super) fn run(
    direction: Direction,
    from: TcpStream,
    to: TcpStream,
    state: &Arc<State>,
    link: &Arc<Link>,
) {
    let (send, pieces) = mpsc::sync_channel(UNDER_WAY);
    let (reading, writing) = ((state.clone(), link.clone()), (state.clone(), link.clone()));
    let spawn = |work: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name("hj-test-wire".to_owned()).spawn(work).expect("a thread starts");
    };
    spawn(Box::new(move || {
        read(direction, from, &send, &reading.0, &reading.1);
    }));
    spawn(Box::new(move || {
        let end = write(direction, &to, &pieces, &writing.0, &writing.1);
        // An end is passed on after all that came before it; a client that must not know does not learn it.
        if end.is_none() || !(direction == Direction::ToClient && writing.1.is_forgotten()) {
            let _ = to.shutdown(Shutdown::Write);
        }
    }));
}

fn read(direction: Direction, mut from: TcpStream, pieces: &SyncSender<Piece>, state: &State, link: &Link) {
    let mut buffer = vec![0; 16 * 1024];
    while !state.is_closed() {
        let faults = state.faults();
        if faults.stalled[direction as usize] {
            thread::sleep(TICK);
            continue;
        }
        // In small steps when it must be slow, so that it is slow evenly.
        let step = faults.limit.map_or(buffer.len(), |limit| {
            usize::try_from(limit / 20).unwrap_or(usize::MAX).clamp(1, buffer.len())
        });
        match from.read(&mut buffer[..step]) {
            Ok(0) => return,
            Ok(size) => {
                let piece = &buffer[..size];
                if direction == Direction::ToClient {
                    link.hear(piece);
                } else if link.is_forgotten() {
                    continue;
                }
                if let Some(limit) = faults.limit {
                    thread::sleep(Duration::from_secs_f64(size as f64 / limit as f64));
                }
                if pieces.send((Instant::now() + faults.delay, piece.to_owned())).is_err() {
                    return;
                }
            }
            Err(error) if is_patience(&error) => {}
            Err(_) => return,
        }
    }
}

/// None when the other side does not take it.
fn write(
    direction: Direction,
    mut to: &TcpStream,
    pieces: &Receiver<Piece>,
    state: &State,
    link: &Link,
) -> Option<()> {
    loop {
        let (due, piece) = match pieces.recv_timeout(Duration::from_millis(50)) {
            Ok(piece) => piece,
            Err(RecvTimeoutError::Timeout) if state.is_closed() => return Some(()),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Some(()),
        };
        // Healed, it need not wait any longer.
        while (Instant::now() < due && !state.faults().delay.is_zero())
            || state.faults().stalled[direction as usize]
        {
            if state.is_closed() {
                return Some(());
            }
            thread::sleep(
                TICK.min(due.saturating_duration_since(Instant::now())).max(Duration::from_millis(1)),
            );
        }
        let mut rest = piece.as_slice();
        while !rest.is_empty() && !state.is_closed() {
            match to.write(rest) {
                Ok(size) => rest = &rest[size..],
                Err(error) if is_patience(&error) => {}
                // What nobody takes is thrown away until the sender ends too.
                Err(_) if link.is_forgotten() => break,
                Err(_) => return None,
            }
        }
    }
}

fn is_patience(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
