//! Checking a worker out: it serves one caller alone until it is given back.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::ThreadId;
use std::time::Duration;

use super::context::Context;
use super::finish::Finish;
use super::handle::on_worker;
use super::work::Work;
use crate::error::{JobError, Rejected};
use crate::metrics::{Ended, Skip};

type Call = Box<dyn FnOnce(&Context<'_>) + Send>;

/// A worker that serves its holder alone: get it from [`Domain::checkout`](crate::Domain::checkout), give it back by
/// dropping it.
///
/// Meanwhile it holds a permit, counts as busy, and is neither moved nor retired.
#[derive(Debug)]
#[must_use = "the worker goes back as soon as this is dropped"]
pub struct Checkout {
    calls: Sender<Call>,
    worker: String,
    thread: ThreadId,
}

/// Why no worker could be checked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckoutError {
    /// It was refused at once, like any other work.
    Refused(Rejected),
    /// No worker came free in time.
    TimedOut,
    /// The calling thread is a worker, which must not wait for other workers.
    OnWorker,
    /// The runtime stopped meanwhile.
    Stopped,
}

impl fmt::Display for CheckoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckoutError::Refused(rejected) => write!(f, "no worker to check out: {rejected}"),
            CheckoutError::TimedOut => f.write_str("no worker came free in time"),
            CheckoutError::OnWorker => {
                f.write_str("a worker must not wait for another: check it out elsewhere")
            }
            CheckoutError::Stopped => f.write_str("the runtime stopped before a worker came free"),
        }
    }
}

impl std::error::Error for CheckoutError {}

impl Checkout {
    /// The work that makes a worker somebody's own, and the way to learn that it has begun.
    pub(crate) fn work() -> Result<(Tenancy, Pending), CheckoutError> {
        if on_worker() {
            return Err(CheckoutError::OnWorker);
        }
        let (calls, inbox) = channel();
        let (begun, begins) = channel();
        Ok((Tenancy { inbox, begun }, Pending { begins, calls }))
    }

    /// The name of the worker's thread.
    #[must_use]
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// Runs `call` on the worker and waits for what it returns. Blocks; the call is handed over in a box.
    ///
    /// # Errors
    /// [`JobError::Panicked`]; [`JobError::Abandoned`] if the runtime stopped meanwhile; [`JobError::OnWorker`] if a call that
    /// runs on this very worker tries to run another.
    pub fn run<T, F>(&self, call: F) -> Result<T, JobError>
    where
        F: FnOnce(&Context<'_>) -> T + Send + 'static,
        T: Send + 'static,
    {
        if std::thread::current().id() == self.thread {
            return Err(JobError::OnWorker);
        }
        let (sender, result) = oneshot::channel();
        let call = move |context: &Context<'_>| drop(sender.send(super::closure::guarded(context, call)));
        self.calls.send(Box::new(call)).map_err(|_| JobError::Abandoned)?;
        result.recv().unwrap_or(Err(JobError::Abandoned))
    }
}

/// A checkout whose worker has not been found yet.
pub(crate) struct Pending {
    begins: Receiver<(String, ThreadId)>,
    calls: Sender<Call>,
}

impl Pending {
    pub(crate) fn wait(self, timeout: Duration) -> Result<Checkout, CheckoutError> {
        match self.begins.recv_timeout(timeout) {
            Ok((worker, thread)) => Ok(Checkout { calls: self.calls, worker, thread }),
            Err(RecvTimeoutError::Timeout) => Err(CheckoutError::TimedOut),
            Err(RecvTimeoutError::Disconnected) => Err(CheckoutError::Stopped),
        }
    }
}

/// The job that keeps a worker for its holder.
pub(crate) struct Tenancy {
    inbox: Receiver<Call>,
    begun: Sender<(String, ThreadId)>,
}

/// How often a checked-out worker looks whether the runtime wants it back.
const LOOK: Duration = Duration::from_millis(5);

/// Says of the worker that it is checked out, until this is dropped, also by a panic.
struct Flagged<'a>(&'a Context<'a>);

impl<'a> Flagged<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        context.pool.state.set_checked_out(context.worker, true);
        Self(context)
    }
}

impl Drop for Flagged<'_> {
    fn drop(&mut self) {
        self.0.pool.state.set_checked_out(self.0.worker, false);
    }
}

impl Work for Tenancy {
    fn run(self, context: Context<'_>, finish: Finish<'_>) {
        let thread = std::thread::current();
        if self.begun.send((thread.name().unwrap_or_default().to_owned(), thread.id())).is_err() {
            // The caller gave up waiting.
            return finish.skipped(Skip::Cancelled);
        }
        let _tenancy = Flagged::new(&context);
        loop {
            match self.inbox.recv_timeout(LOOK) {
                Ok(call) => call(&context),
                Err(RecvTimeoutError::Timeout) if !context.is_cancelled() => {}
                Err(_) => break,
            }
        }
        finish.ended(Ended::Completed);
    }

    fn discard(self, _why: JobError) {}
}
