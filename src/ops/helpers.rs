//! The few threads that run what may block.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::lines::{Lines, Pipe};
use super::problem::Problem;
use super::request::Request;
use super::routes::{Route, Run};
use super::settings::OpsLimits;
use crate::sync::channel::{Receiver, Sender, bounded};
use crate::thread::{Managed, panic_message};

/// A request for one of them.
pub(super) struct Errand {
    pub(super) request: Box<Request>,
    pub(super) route: Arc<Route>,
    pub(super) pipe: Arc<Pipe>,
}

/// The way to them. Once it is dropped they end, when they have done what they have.
#[derive(Clone, Debug)]
pub(super) struct Helpers(Sender<Errand>);

impl Helpers {
    pub(super) fn start(limits: &OpsLimits) -> std::io::Result<(Self, Vec<Managed>)> {
        let (sender, receiver) = bounded(limits.queue.max(1));
        let threads = (1..=limits.helpers.max(1)).map(|number| {
            let (errands, patience) = (receiver.clone(), limits.request);
            Managed::spawn(format!("hj-ops-{number}"), move || serve(&errands, patience))
        });
        Ok((Self(sender), threads.collect::<Result<_, _>>()?))
    }

    /// Hands it over, unless too many wait already.
    pub(super) fn send(&self, errand: Errand) -> Result<(), Problem> {
        self.0.try_send(errand).map_err(|_| {
            Problem::new(503, "too many requests are waiting to be worked on").hint("try again in a moment")
        })
    }
}

fn serve(errands: &Receiver<Errand>, patience: Duration) {
    while let Ok(Errand { request, route, pipe }) = errands.recv() {
        if !pipe.is_gone() {
            let result = guarded(&request, || match &route.run {
                Run::Quick(run) | Run::Slow(_, run) => run(&request).map(Some),
                Run::Lines(_, _, run) => {
                    run(&request, &mut Lines::new(pipe.clone(), patience)).map(|()| None)
                }
                // These are told by the thread that serves all.
                Run::Events(..) => Ok(None),
            });
            pipe.end(result);
        }
    }
}

/// Runs a handler; a panic becomes a problem.
pub(super) fn guarded<T>(request: &Request, run: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let why = panic_message(&*payload).unwrap_or_else(|| "without a message".to_owned());
        // Its drop may panic as well.
        std::mem::forget(payload);
        // Whoever listens to the log may be what panicked.
        let _ = catch_unwind(AssertUnwindSafe(
            || tracing::error!(%why, ?request, "a handler of the control plane panicked"),
        ));
        Err(Problem::new(500, format!("a fault of heijunka: {why}")))
    })
}
