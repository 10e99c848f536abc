//! A named thread that can be joined with a deadline.

use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::time::{Clock, Moment};

/// A thread of the runtime: it has a name, and nothing ends without having tried to join it.
#[derive(Debug)]
pub(crate) struct Managed {
    name: String,
    handle: JoinHandle<()>,
}

impl Managed {
    /// Starts `body` on a thread of this name (of which Linux shows the first 15 bytes).
    pub(crate) fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let handle = Builder::new().name(name.clone()).spawn(body)?;
        Ok(Self { name, handle })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the thread has ended, at most until `deadline`; hands itself back if it has not.
    pub(crate) fn join_until(self, clock: &Clock, deadline: Moment) -> Result<(), Self> {
        // Polled: ending is rare, and a join with a time limit does not exist.
        let mut pause = Duration::from_micros(20);
        while !self.handle.is_finished() {
            if clock.now() >= deadline {
                return Err(self);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(2));
        }
        // Its panic, if it died of one, was reported when it was replaced.
        drop(self.handle.join());
        Ok(())
    }
}
