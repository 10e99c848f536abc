//! What is wrong at the moment, and the connections that are there.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::Said;

/// More of what a connection's server said is not kept.
const HEARD: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) cut: bool,
    /// By direction.
    pub(super) stalled: [bool; 2],
    pub(super) delay: Duration,
    pub(super) limit: Option<u64>,
}

/// A connection: both sockets, to close them from here.
#[derive(Debug)]
pub(super) struct Link {
    client: TcpStream,
    server: TcpStream,
    forgotten: AtomicBool,
    heard: Mutex<Said>,
}

// Every ordering here is Relaxed: flags and counts that are looked at every few milliseconds, and guard no other data.
impl Link {
    pub(super) fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Relaxed)
    }

    pub(super) fn hear(&self, piece: &[u8]) {
        let mut heard = self.heard.lock();
        if heard.iter().map(Vec::len).sum::<usize>() < HEARD {
            heard.push(piece.to_owned());
        }
    }

    pub(super) fn close(&self) {
        let _ = self.server.shutdown(Shutdown::Both);
        if !self.is_forgotten() {
            let _ = self.client.shutdown(Shutdown::Both);
        }
    }

    fn forget(&self) {
        self.forgotten.store(true, Ordering::Relaxed);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The port that connections are passed on to.
    server: AtomicU16,
    faults: Mutex<Faults>,
    links: Mutex<Vec<Arc<Link>>>,
    connections: AtomicU64,
    closed: AtomicBool,
}

impl State {
    pub(super) fn to(server: u16) -> Self {
        Self { server: AtomicU16::new(server), ..Self::default() }
    }

    pub(super) fn server(&self) -> u16 {
        self.server.load(Ordering::Relaxed)
    }

    pub(super) fn redirect(&self, server: u16) {
        self.server.store(server, Ordering::Relaxed);
    }

    pub(super) fn faults(&self) -> Faults {
        *self.faults.lock()
    }

    pub(super) fn change(&self, how: impl FnOnce(&mut Faults)) {
        how(&mut self.faults.lock());
    }

    pub(super) fn connect(&self, client: TcpStream, server: TcpStream) -> Arc<Link> {
        let (forgotten, heard) = (AtomicBool::new(false), Mutex::default());
        let link = Arc::new(Link { client, server, forgotten, heard });
        self.connections.fetch_add(1, Ordering::Relaxed);
        let mut links = self.links.lock();
        links.push(link.clone());
        // What is kept for its words alone need not be kept for ever.
        if links.len() > 1_000 {
            links.remove(0);
        }
        drop(links);
        // Cut in the meantime.
        if self.faults().cut || self.is_closed() {
            link.close();
        }
        link
    }

    pub(super) fn close_all(&self) {
        self.links.lock().iter().for_each(|link| link.close());
    }

    pub(super) fn forget_all(&self) {
        self.links.lock().iter().for_each(|link| link.forget());
    }

    pub(super) fn heal(&self) {
        *self.faults.lock() = Faults::default();
        for link in self.links.lock().iter().filter(|link| link.is_forgotten()) {
            let _ = link.client.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.heal();
        self.close_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn heard(&self) -> Vec<Said> {
        self.links.lock().iter().map(|link| link.heard.lock().clone()).collect()
    }
}
