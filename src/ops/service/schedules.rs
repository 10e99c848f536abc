//! Schedules come and go.

use std::sync::Arc;

use super::{ASKING, Method, Problem, Response, Routes, done, kanban};
use crate::kanban::{Schedule, ScheduleError, Scheduler};
use crate::ops::request::Request;
use crate::ops::wire::Schedules;
use crate::runtime::Runtime;

pub(super) fn routes(routes: Routes, runtime: &Arc<Runtime>) -> Routes {
    let list = runtime.clone();
    let routes = routes.quick(Method::Get, "/schedules", move |_| {
        Ok(Response::json(&Schedules { schedules: kanban(&list)?.scheduler().list() }))
    });
    let add = |scheduler: &Scheduler, request: &Request| {
        let schedule: Schedule = request.json()?;
        if schedule.name.as_str() != request.parameter("name") {
            return Err(Problem::bad(format!("the schedule in the body is named {}", schedule.name)));
        }
        scheduler.add(schedule).map_err(|error| refused(&error))?;
        Ok(format!("added {}", request.parameter("name")))
    };
    let routes = act(routes, runtime, Method::Put, "/schedules/{name}", add);
    let cancel = |scheduler: &Scheduler, request: &Request| {
        scheduler.cancel(request.parameter("name")).map_err(|error| refused(&error))?;
        Ok(format!("cancelled {}", request.parameter("name")))
    };
    let routes = act(routes, runtime, Method::Delete, "/schedules/{name}", cancel);
    let pause = |scheduler: &Scheduler, request: &Request| {
        scheduler.pause(request.parameter("name")).map_err(|error| refused(&error))?;
        Ok(format!("paused {}", request.parameter("name")))
    };
    let routes = act(routes, runtime, Method::Post, "/schedules/{name}/pause", pause);
    let resume = |scheduler: &Scheduler, request: &Request| {
        scheduler.resume(request.parameter("name")).map_err(|error| refused(&error))?;
        Ok(format!("resumed {}", request.parameter("name")))
    };
    let routes = act(routes, runtime, Method::Post, "/schedules/{name}/resume", resume);
    let run = |scheduler: &Scheduler, request: &Request| {
        let id = scheduler.run_now(request.parameter("name")).map_err(|error| refused(&error))?;
        Ok(format!("publishes {id}"))
    };
    act(routes, runtime, Method::Post, "/schedules/{name}/run", run)
}

/// What changes a schedule, and says so.
fn act(
    routes: Routes,
    runtime: &Arc<Runtime>,
    method: Method,
    pattern: &'static str,
    change: impl Fn(&Scheduler, &Request) -> Result<String, Problem> + Send + Sync + 'static,
) -> Routes {
    let runtime = runtime.clone();
    routes.slow(method, pattern, ASKING, move |request| {
        request.only(&[])?;
        Ok(done(change(kanban(&runtime)?.scheduler(), request)?))
    })
}

fn refused(error: &ScheduleError) -> Problem {
    let status = match error {
        ScheduleError::Unknown(_) => 404,
        ScheduleError::Exists(_) | ScheduleError::Busy(_) => 409,
        ScheduleError::NotKept(_) | ScheduleError::Stopped => 503,
        _ => 422,
    };
    Problem::new(status, error.to_string())
}
