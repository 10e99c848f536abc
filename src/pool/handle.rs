//! Waiting for a job's result: on a thread, for a while, not at all, or in a task.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use oneshot::{RecvTimeoutError, TryRecvError};

use super::state::Flag;
use crate::error::JobError;

thread_local! {
    /// Whether this thread is a worker, of whatever runtime.
    static ON_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Says that the calling thread is a worker from now on.
pub(super) fn enter_worker() {
    ON_WORKER.set(true);
}

pub(super) fn on_worker() -> bool {
    ON_WORKER.get()
}

/// The way to the result of a submitted job.
///
/// Wait on a thread with [`wait`](Self::wait) or [`wait_timeout`](Self::wait_timeout), look without waiting with
/// [`poll`](Self::poll), or `.await` it in a task of whatever executor. Dropping the handle lets the job go on without it.
#[must_use = "dropping the handle gives up the result; use `execute` if nobody wants it"]
pub struct JobHandle<T> {
    result: oneshot::Receiver<Result<T, JobError>>,
    cancelled: Arc<Flag>,
}

/// Why a wait brought no result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// The job ended without one.
    Job(JobError),
    /// It has not ended yet.
    TimedOut,
    /// The calling thread is a worker, which must not wait for other workers: everybody might. Poll the handle, or
    /// await it elsewhere.
    OnWorker,
    /// The result was already taken by an earlier wait or poll.
    Taken,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::Job(error) => error.fmt(f),
            WaitError::TimedOut => f.write_str("the job has not ended yet"),
            WaitError::OnWorker => {
                f.write_str("a worker must not wait for a job: poll it, or await it elsewhere")
            }
            WaitError::Taken => f.write_str("the result was already taken"),
        }
    }
}

impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WaitError::Job(error) => Some(error),
            _ => None,
        }
    }
}

impl From<JobError> for WaitError {
    fn from(error: JobError) -> Self {
        WaitError::Job(error)
    }
}

impl<T> JobHandle<T> {
    pub(crate) fn new() -> (oneshot::Sender<Result<T, JobError>>, Arc<Flag>, Self) {
        let (sender, result) = oneshot::channel();
        let cancelled = Arc::new(Flag::default());
        (sender, cancelled.clone(), Self { result, cancelled })
    }

    /// Waits for the result. Blocks the thread until the job has ended.
    ///
    /// # Errors
    /// [`WaitError::Job`] if it ended without a result; [`WaitError::OnWorker`], at once, on a worker thread when the
    /// result is not there yet.
    pub fn wait(&self) -> Result<T, WaitError> {
        match self.poll() {
            Err(WaitError::TimedOut) if on_worker() => Err(WaitError::OnWorker),
            Err(WaitError::TimedOut) => {
                self.result.recv_ref().map_err(|_| WaitError::Taken)?.map_err(WaitError::Job)
            }
            done => done,
        }
    }

    /// Waits for the result, at most for `timeout`. Blocks the thread meanwhile.
    ///
    /// # Errors
    /// As [`wait`](Self::wait), and [`WaitError::TimedOut`]: the job goes on, and the handle stays good.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<T, WaitError> {
        match self.poll() {
            Err(WaitError::TimedOut) if on_worker() => Err(WaitError::OnWorker),
            Err(WaitError::TimedOut) => match self.result.recv_timeout(timeout) {
                Ok(result) => result.map_err(WaitError::Job),
                Err(RecvTimeoutError::Timeout) => Err(WaitError::TimedOut),
                Err(RecvTimeoutError::Disconnected) => Err(WaitError::Taken),
            },
            done => done,
        }
    }

    /// Takes the result if it is there. Wait-free.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] while it is not there; else as [`wait`](Self::wait).
    pub fn poll(&self) -> Result<T, WaitError> {
        match self.result.try_recv() {
            Ok(result) => result.map_err(WaitError::Job),
            Err(TryRecvError::Empty) => Err(WaitError::TimedOut),
            // A job always answers before it lets go of its end, so there was an answer, and it is gone.
            Err(TryRecvError::Disconnected) => Err(WaitError::Taken),
        }
    }

    /// Asks the job to stop: not started yet, it will not be run; running, it sees
    /// [`Context::is_cancelled`](crate::Context::is_cancelled), and may go on all the same. Wait-free.
    pub fn cancel(&self) {
        self.cancelled.set();
    }
}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("ended", &self.result.has_message()).finish_non_exhaustive()
    }
}

impl<T> IntoFuture for JobHandle<T> {
    type Output = Result<T, JobError>;
    type IntoFuture = JobFuture<T>;

    fn into_future(self) -> JobFuture<T> {
        JobFuture(self.result.into_future())
    }
}

/// A [`JobHandle`] as a future. It needs no runtime: the worker that ends the job wakes the task.
#[must_use = "futures do nothing unless awaited"]
pub struct JobFuture<T>(oneshot::AsyncReceiver<Result<T, JobError>>);

impl<T> Future for JobFuture<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        // Disconnected: the result was taken by an earlier `JobHandle::poll`, so nothing will ever come.
        Pin::new(&mut self.0).poll(task).map(|sent| sent.unwrap_or(Err(JobError::Abandoned)))
    }
}

impl<T> fmt::Debug for JobFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobFuture").finish_non_exhaustive()
    }
}
