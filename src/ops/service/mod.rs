//! What a running service can be asked: the routes over a [`Runtime`].

mod counters;
mod end;
mod letters;
mod metrics;
mod publish;
mod recent;
mod schedules;
mod status;
mod steer;

use std::sync::Arc;
use std::time::Duration;

pub use counters::{Counters, CountersError, Keeping};

use super::page;
use super::problem::Problem;
use super::request::Method;
use super::response::Response;
use super::routes::Routes;
use super::wire::Done;
use crate::kanban::{BrokerError, Kanban};
use crate::runtime::Runtime;

/// How long something that asks the broker may take.
const ASKING: Duration = Duration::from_secs(30);

/// How long something that goes through many items may take.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// The routes of [`wire`](super::wire) over this runtime.
///
/// `end` is called when the service is asked to drain (`true`) or to stop (`false`), on a thread of the control plane: it is
/// to see to it that [`Runtime::drain`] or [`Runtime::stop`] is called on another one, and returns at once. The time given with the
/// request, if any, comes along. `counters`: what was counted before this process, if that is kept.
pub fn routes(
    runtime: &Arc<Runtime>,
    counters: Option<Arc<Counters>>,
    end: impl Fn(bool, Option<Duration>) + Send + Sync + 'static,
) -> Routes {
    let routes = publish::routes(page::routes(Routes::new()), runtime);
    let routes = letters::routes(routes, runtime);
    let routes = schedules::routes(routes, runtime);
    let routes = status::routes(routes, runtime);
    let routes = metrics::routes(routes, runtime, counters);
    let routes = steer::routes(routes, runtime);
    end::routes(routes, runtime, Arc::new(end))
}

/// The pull queue, if there is one.
fn kanban(runtime: &Runtime) -> Result<Kanban, Problem> {
    runtime.kanban().ok_or_else(|| {
        Problem::new(409, "this service has no queue")
            .hint("configure a [broker], or a domain with a handler")
    })
}

fn done(text: impl Into<String>) -> Response {
    Response::json(&Done { done: text.into() })
}

/// What the broker says, as a problem.
fn broken(error: &BrokerError) -> Problem {
    let status = match error {
        BrokerError::TimedOut(_) => 504,
        BrokerError::Unsupported(_) => 501,
        BrokerError::Full(_) => 507,
        _ => 503,
    };
    Problem::new(status, error.to_string())
}
