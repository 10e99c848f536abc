//! The watchdog, `hj-amqp-dog`: the client's calls know no time limit, so whoever makes one says how long it may take, and if it
//! takes longer, its socket is shut down. That returns every call on the connection within a few milliseconds.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::thread::Bell;
use crate::time::{Clock, Moment};

/// From one look to the next.
const LOOK: Duration = Duration::from_millis(250);

/// Ends a connection, from any thread.
#[derive(Clone, Debug)]
pub(super) struct Kill(Arc<TcpStream>);

impl Kill {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self(Arc::new(socket))
    }

    /// An error means that it is dead already.
    pub(super) fn fire(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

#[derive(Debug)]
pub(super) struct Dog {
    clock: Clock,
    pack: Mutex<Pack>,
    bell: Bell,
}

#[derive(Debug, Default)]
struct Pack {
    watched: Vec<Watched>,
    next: u64,
    /// Connections that were ended because a call hung.
    fired: u64,
    ending: bool,
}

#[derive(Debug)]
struct Watched {
    number: u64,
    until: Moment,
    limit: Duration,
    kill: Kill,
    what: &'static str,
}

impl Dog {
    pub(super) fn new() -> Self {
        Self { clock: Clock::monotonic(), pack: Mutex::default(), bell: Bell::default() }
    }

    /// Does what may block, and is called `what`; its connection does not outlive `limit` of that.
    pub(super) fn watch<R>(
        &self,
        kill: &Kill,
        limit: Duration,
        what: &'static str,
        work: impl FnOnce() -> R,
    ) -> R {
        let number = {
            let mut pack = self.pack.lock();
            pack.next += 1;
            let number = pack.next;
            let until = self.clock.now().after(limit);
            pack.watched.push(Watched { number, until, limit, kill: kill.clone(), what });
            number
        };
        // Also when the work panics, or the dog would bite a connection that does nothing.
        let _leash = Leash { dog: self, number };
        work()
    }

    /// The server has answered a call on this connection: the next one may take as long again.
    pub(super) fn answered(&self, kill: &Kill) {
        let now = self.clock.now();
        for watched in &mut self.pack.lock().watched {
            if Arc::ptr_eq(&watched.kill.0, &kill.0) {
                watched.until = now.after(watched.limit);
            }
        }
    }

    pub(super) fn fired(&self) -> u64 {
        self.pack.lock().fired
    }

    pub(super) fn run(&self) {
        while !self.pack.lock().ending {
            self.bell.listen(LOOK);
            let now = self.clock.now();
            let mut pack = self.pack.lock();
            let hung: Vec<_> = pack.watched.extract_if(.., |watched| watched.until <= now).collect();
            pack.fired += hung.len() as u64;
            drop(pack);
            for watched in hung {
                let Watched { kill, what, .. } = watched;
                tracing::warn!(what, "a call of the RabbitMQ client hangs: its connection is abandoned");
                kill.fire();
            }
        }
    }

    pub(super) fn end(&self) {
        self.pack.lock().ending = true;
        self.bell.ring();
    }

    /// Whatever is being waited for on these threads is over.
    pub(super) fn bite(&self) {
        for watched in &self.pack.lock().watched {
            watched.kill.fire();
        }
    }
}

struct Leash<'a> {
    dog: &'a Dog,
    number: u64,
}

impl Drop for Leash<'_> {
    fn drop(&mut self) {
        self.dog.pack.lock().watched.retain(|watched| watched.number != self.number);
    }
}
