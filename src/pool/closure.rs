//! Closures as work: with a handle to the result, and without.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::context::Context;
use super::finish::Finish;
use super::state::Flag;
use super::work::Work;
use crate::error::JobError;
use crate::metrics::{Ended, Skip};
use crate::thread::panic_message;

/// Fire and forget: nothing is allocated, and nobody waits.
pub(crate) struct Plain<F>(pub(crate) F);

impl<F: FnOnce(&Context<'_>) + Send + 'static> Work for Plain<F> {
    #[inline]
    fn run(self, context: Context<'_>, finish: Finish<'_>) {
        // A panic leaves the closure's captures half changed at worst, and they are gone with it.
        match catch_unwind(AssertUnwindSafe(|| (self.0)(&context))) {
            Ok(()) => finish.ended(if context.failed.get() { Ended::Failed } else { Ended::Completed }),
            Err(payload) => {
                finish.ended(Ended::Panicked);
                report(&context, &*payload);
                // Last: a payload whose drop panics ends the worker, which is then replaced.
                drop(payload);
            }
        }
    }

    fn discard(self, _why: JobError) {}
}

/// Somebody holds a handle to the result.
pub(crate) struct Tracked<F, T> {
    pub(crate) work: F,
    pub(crate) result: oneshot::Sender<Result<T, JobError>>,
    pub(crate) cancelled: Arc<Flag>,
}

impl<F, T> Work for Tracked<F, T>
where
    F: FnOnce(&Context<'_>) -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self, context: Context<'_>, finish: Finish<'_>) {
        let Self { work, result, cancelled } = self;
        if cancelled.is_set() {
            finish.skipped(Skip::Cancelled);
            drop(result.send(Err(JobError::Cancelled)));
            return;
        }
        let context = Context { cancelled: Some(&cancelled), ..context };
        // A send fails only if the handle is gone, and with it whoever wanted the result.
        match catch_unwind(AssertUnwindSafe(|| work(&context))) {
            Ok(value) => {
                finish.ended(if context.failed.get() { Ended::Failed } else { Ended::Completed });
                drop(result.send(Ok(value)));
            }
            Err(payload) => {
                finish.ended(Ended::Panicked);
                drop(result.send(Err(JobError::Panicked(report(&context, &*payload)))));
                drop(payload);
            }
        }
    }

    fn discard(self, why: JobError) {
        drop(self.result.send(Err(why)));
    }
}

/// Calls `work`, and turns a panic into an error.
pub(super) fn guarded<T>(context: &Context<'_>, work: impl FnOnce(&Context<'_>) -> T) -> Result<T, JobError> {
    catch_unwind(AssertUnwindSafe(|| work(context)))
        .map_err(|payload| JobError::Panicked(report(context, &*payload)))
}

/// Logs the panic, and returns its message.
#[cold]
fn report(context: &Context<'_>, payload: &(dyn Any + Send)) -> String {
    let message = panic_message(payload).unwrap_or_else(|| "a panic without a message".to_owned());
    tracing::warn!(pool = context.pool(), worker = context.worker(), %message, "a job panicked");
    message
}
