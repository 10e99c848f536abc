//! A named thread that can be joined with a deadline.

use std::any::Any;
use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::time::Deadline;

/// What a panic said, if it said anything.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> Option<String> {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
}

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

    /// Whether nothing of it runs any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.handle.is_finished()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the thread has ended, at most until `deadline`; hands itself back if it has not.
    pub(crate) fn join_until(self, deadline: &Deadline) -> Result<(), Self> {
        // Polled: ending is rare, and a join with a time limit does not exist.
        let mut pause = Duration::from_micros(20);
        while !self.handle.is_finished() {
            if deadline.passed() {
                return Err(self);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(2));
        }
        self.reap()
    }

    /// Joins the thread if it has ended; hands itself back if it has not.
    pub(crate) fn reap(self) -> Result<(), Self> {
        if !self.handle.is_finished() {
            return Err(self);
        }
        if let Err(payload) = self.handle.join() {
            // The panic was reported when the worker was replaced, and its payload may panic again when dropped.
            std::mem::forget(payload);
        }
        Ok(())
    }
}
