//! The figures for Prometheus, in whichever of its two formats is asked for.

use std::fmt::Write as _;
use std::sync::Arc;

use super::counters::Counters;
use super::{Method, Response, Routes};
use crate::ops::request::Request;
use crate::runtime::Runtime;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes(routes: Routes, runtime: &Arc<Runtime>, counters: Option<Arc<Counters>>) -> Routes {
    let runtime = runtime.clone();
    let metrics = move |request: &Request| {
        let told = runtime.metrics();
        let text = match &counters {
            Some(counters) => counters.carry(&told),
            None => told,
        };
        Ok(if wants_open_metrics(request.header("accept").unwrap_or_default()) {
            Response::new(OPEN_METRICS, text)
        } else {
            Response::new(TEXT, older(&text))
        })
    };
    routes.quick(Method::Get, "/metrics", metrics).open()
}

/// Whether a client that accepts this would rather have it. Every Prometheus since 2.5 says so, and reads both.
fn wants_open_metrics(accept: &str) -> bool {
    let mut kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds.any(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"))
}

/// The same in the format before `OpenMetrics`, which knows neither units nor an end, and where the name of a counter's family ends in
/// `_total` as those of its series do.
fn older(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        let described = line.strip_prefix("# ").and_then(|rest| rest.split_once(' '));
        let written = match described {
            Some(("HELP", rest)) => {
                // Its name depends on the type, which comes after it.
                help = Some(rest);
                Ok(())
            }
            Some(("TYPE", rest)) => {
                let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
                let suffix = if kind == "counter" { "_total" } else { "" };
                let told = help.take().and_then(|help| help.split_once(' ')).map_or("", |(_, told)| told);
                writeln!(out, "# HELP {name}{suffix} {told}\n# TYPE {name}{suffix} {kind}")
            }
            // Of UNIT and EOF it knows nothing.
            _ if line.starts_with('#') => Ok(()),
            _ => writeln!(out, "{line}"),
        };
        debug_assert!(written.is_ok(), "a String takes everything");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_format_names_counters_in_full_and_knows_no_units() {
        let text = "# HELP a_worker_seconds Time.\n# TYPE a_worker_seconds counter\n# UNIT a_worker_seconds seconds\n\
            a_worker_seconds_total{state=\"busy\"} 1.5\n# HELP b Level.\n# TYPE b gauge\nb 2\n# EOF\n";
        let expected = "# HELP a_worker_seconds_total Time.\n# TYPE a_worker_seconds_total counter\n\
            a_worker_seconds_total{state=\"busy\"} 1.5\n# HELP b Level.\n# TYPE b gauge\nb 2\n";
        assert_eq!(older(text), expected);
    }

    #[test]
    fn the_newer_format_is_for_those_who_ask() {
        // As Prometheus 2.42 and curl say it.
        let prometheus = "application/openmetrics-text; version=1.0.0,application/openmetrics-text; version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert!(wants_open_metrics(prometheus));
        assert!(
            !wants_open_metrics("*/*")
                && !wants_open_metrics("")
                && !wants_open_metrics("text/plain;version=0.0.4")
        );
    }
}
