//! What is changed while it runs: limits, bursts, and who has which workers.

use std::sync::Arc;
use std::time::Duration;

use super::{Method, Response, Routes, done};
use crate::ops::problem::Problem;
use crate::ops::request::Request;
use crate::ops::wire::Limits;
use crate::runtime::{ChangeError, Config, Runtime};

/// A tick of the control thread is waited for, which takes well below a millisecond.
const TICK: Duration = Duration::from_secs(5);

pub(super) fn routes(routes: Routes, runtime: &Arc<Runtime>) -> Routes {
    let (rebalance, surge, limits, told) =
        (runtime.clone(), runtime.clone(), runtime.clone(), runtime.clone());
    routes
        .slow(Method::Post, "/rebalance", TICK, move |request| {
            request.only(&[])?;
            Ok(done(rebalance.rebalance().to_string()))
        })
        .slow(Method::Post, "/surge", TICK, move |request| {
            request.only(&["enabled"])?;
            let Some(enabled) = request.query_as::<bool>("enabled")? else {
                return Err(Problem::bad("say whether bursts are to be answered")
                    .hint("/surge?enabled=true, or false"));
            };
            change(&surge, |config| config.burst.enabled = enabled)?;
            Ok(done(if enabled { "bursts are answered" } else { "bursts are not answered" }))
        })
        .quick(Method::Get, "/limits", move |_| Ok(Response::json(&in_force(&told))))
        .slow(Method::Post, "/limits", TICK, move |request| set(&limits, request))
}

fn set(runtime: &Runtime, request: &Request) -> Result<Response, Problem> {
    let wanted: Limits = request.json()?;
    if wanted == Limits::default() {
        return Err(Problem::bad("no limit is given").hint(r#"such as {"soft": 800, "hard": 1000}"#));
    }
    let known = runtime.config().admission.sub_limits;
    if let Some(name) = wanted.sub_limits.keys().find(|name| !known.contains_key(*name)) {
        let known: Vec<_> = known.into_keys().collect();
        return Err(Problem::bad(format!("there is no sub-limit {name:?}")).hint(format!(
            "there is {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        )));
    }
    change(runtime, |config| {
        let admission = &mut config.admission;
        admission.soft = wanted.soft.unwrap_or(admission.soft);
        admission.hard = wanted.hard.unwrap_or(admission.hard);
        admission.reserve = wanted.reserve.unwrap_or(admission.reserve);
        admission.sub_limits.extend(wanted.sub_limits.clone());
    })?;
    Ok(Response::json(&in_force(runtime)))
}

fn in_force(runtime: &Runtime) -> Limits {
    let admission = runtime.config().admission;
    Limits {
        soft: Some(admission.soft),
        hard: Some(admission.hard),
        reserve: Some(admission.reserve),
        sub_limits: admission.sub_limits.into_iter().collect(),
    }
}

fn change(runtime: &Runtime, change: impl FnMut(&mut Config)) -> Result<(), Problem> {
    runtime.update(change).map_err(|error| {
        let status = if matches!(error, ChangeError::Ended | ChangeError::Contended) { 409 } else { 422 };
        Problem::new(status, error.to_string())
    })
}
