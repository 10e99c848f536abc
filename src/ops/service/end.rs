//! The service is asked to end.

use std::sync::Arc;
use std::time::Duration;

use super::{LONG, Method, Routes, done};
use crate::kanban::{ItemId, KanbanReport};
use crate::ops::request::Request;
use crate::ops::wire::{DrainLine, Drained, Progress};
use crate::runtime::{Report, Runtime};

/// How often a drain tells how it goes.
const TELL: Duration = Duration::from_millis(250);

pub(super) fn routes(
    routes: Routes,
    runtime: &Arc<Runtime>,
    end: Arc<dyn Fn(bool, Option<Duration>) + Send + Sync>,
) -> Routes {
    let (draining, stop) = (runtime.clone(), end.clone());
    // At once: those who are busy with something long must not shut it out.
    let begin = move |request: &Request| {
        request.only(&["within"])?;
        let within = request.query_as::<humantime::Duration>("within")?.map(Into::into);
        end(true, within);
        Ok(())
    };
    routes
        .begun_lines(Method::Post, "/drain", LONG, begin, move |_, lines| {
            let report = loop {
                if let Some(report) = draining.ended() {
                    break report;
                }
                // It goes on whether or not somebody listens.
                lines.line(&DrainLine::Progress(progress(&draining)))?;
                std::thread::sleep(TELL);
            };
            lines.line(&DrainLine::Done(drained(&report)))
        })
        .quick(Method::Post, "/stop", move |request| {
            request.only(&[])?;
            stop(false, None);
            Ok(done("stopping"))
        })
}

fn progress(runtime: &Runtime) -> Progress {
    let left = runtime.kanban().and_then(|kanban| kanban.broker().item_count(TELL).ok());
    let running = u64::from(runtime.regulator().status().in_flight);
    let ready = left.unwrap_or(0).saturating_sub(running);
    Progress { ready, delayed: 0, running }
}

fn drained(report: &Report) -> Drained {
    let texts = |ids: &[ItemId]| ids.iter().map(|id| id.as_str().to_owned()).collect();
    let queue = report.kanban.clone().unwrap_or_default();
    let lost = queue.lost();
    let KanbanReport { given_back, abandoned, left, .. } = queue;
    Drained {
        clean: report.is_clean(),
        left,
        lost,
        given_back: texts(&given_back),
        abandoned: texts(&abandoned),
    }
}
