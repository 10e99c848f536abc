//! What goes on beside a service: a supervisor is told that it serves, how it fares, that it lives, and that it ends; and the log, what it
//! held back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use heijunka::{Readiness, Runtime};

use super::supervisor::Supervisor;
use crate::control;
use crate::error::Error;
use crate::log::Limit;

/// How often it is looked; more often if the supervisor is less patient.
const LOOK: Duration = Duration::from_secs(1);
const LEAST: Duration = Duration::from_millis(10);

/// A thread that looks after the service until this is dropped.
#[derive(Debug)]
pub(crate) struct Pulse {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    supervisor: Supervisor,
}

/// What is looked at.
struct Look {
    runtime: Arc<Runtime>,
    /// Where its control plane is to answer, if it has one.
    socket: Option<PathBuf>,
    supervisor: Supervisor,
    limit: Limit,
    every: Duration,
    ticks: u64,
}

impl Pulse {
    /// The service serves: that is told, and how it goes on from now on.
    pub(crate) fn start(
        runtime: &Arc<Runtime>,
        socket: Option<PathBuf>,
        limit: Limit,
    ) -> Result<Self, Error> {
        let supervisor = Supervisor::find();
        supervisor.ready();
        let every = supervisor.patience().map_or(LOOK, |patience| (patience / 2).clamp(LEAST, LOOK));
        let (runtime, watched) = (Arc::clone(runtime), supervisor.clone());
        let mut look = Look { runtime, socket, supervisor: watched, limit, every, ticks: 0 };
        let (end, ended) = channel();
        let work = move || look.until(&ended);
        let thread =
            std::thread::Builder::new().name("pulse".to_owned()).spawn(work).map_err(Error::Thread)?;
        Ok(Self { end: Some(end), thread: Some(thread), supervisor })
    }

    /// The service begins to end.
    pub(crate) fn ending(&self, how: &str) {
        self.supervisor.stopping(how);
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It has told its panic, if it had one.
            let _ = thread.join();
        }
    }
}

impl Look {
    fn until(&mut self, ended: &Receiver<()>) {
        while ended.recv_timeout(self.every) == Err(RecvTimeoutError::Timeout) {
            self.limit.tell();
            if self.supervisor.listens() {
                self.look();
            }
        }
        self.limit.tell_all();
    }

    fn look(&mut self) {
        let status = self.runtime.status();
        let fares = match &status.readiness {
            Readiness::Ready => format!("serving, {} in flight", status.admission.in_flight),
            not => format!("not ready: {not}"),
        };
        let ticks = std::mem::replace(&mut self.ticks, status.control.ticks);
        let answers = || self.socket.as_deref().is_none_or(|socket| control::answers(socket, self.every));
        // Silence is what tells that it hangs.
        let lives = status.control.ticks > ticks && answers();
        self.supervisor.fares(&fares, lives);
    }
}
