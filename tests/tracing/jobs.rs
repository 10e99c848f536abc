//! Jobs: submitted here, run there.

use std::time::Duration;

use heijunka::{PoolConfig, Runtime, TracingConfig};
use tracing::Span as Around;

use crate::common::{GENEROUS, workers};
use crate::recorder::{Recorder, Span, TARGET};

/// Every test has a pool of a name of its own, since all tests of a process are recorded together.
fn runtime(pool: &str, config: PoolConfig, spans: bool) -> Runtime {
    let _recorder = Recorder::of_process();
    Runtime::builder().tracing(TracingConfig { spans }).pool(pool, config).start().unwrap()
}

fn of(name: &str, pool: &str) -> Vec<Span> {
    Recorder::of_process().find(name, "heijunka.domain", pool)
}

fn outcomes(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.field("heijunka.outcome")).collect()
}

#[test]
fn a_run_is_the_child_of_its_submission_on_another_thread() {
    let recorder = Recorder::of_process();
    let runtime = runtime("told", workers(1), true);
    let domain = runtime.domain("told").unwrap();
    let around: Around = tracing::info_span!(target: TARGET, "request", who = "the caller");
    let job = domain.job(7).priority(heijunka::Priority::High);
    assert_eq!(around.in_scope(|| job.submit(|_| 42)).unwrap().wait(), Ok(42));
    runtime.drain(GENEROUS);
    let request = recorder.find("request", "who", "the caller").remove(0);
    let [submit] = &of("heijunka.submit", "told")[..] else { panic!("one submission") };
    let [run] = &of("heijunka.run", "told")[..] else { panic!("one run") };
    assert_eq!((submit.parent, run.parent), (Some(request.id), Some(submit.id)));
    assert!(submit.thread.is_some() && run.thread.is_some() && submit.thread != run.thread);
    assert!(submit.closed && run.closed);
    assert_eq!((submit.field("heijunka.outcome"), submit.field("heijunka.jobs")), ("accepted", "1"));
    let told = ["heijunka.pool", "heijunka.worker", "heijunka.priority", "heijunka.outcome"];
    assert_eq!(told.map(|name| run.field(name)), ["told", "0", "high", "completed"]);
    assert!(run.field("heijunka.queue_delay_us").parse::<u64>().is_ok());
}

#[test]
#[allow(clippy::redundant_closure_for_method_calls, reason = "the method itself is not general enough")]
fn the_outcome_is_told_whatever_it_is() {
    let runtime = runtime("ends", workers(1), true);
    let domain = runtime.domain("ends").unwrap();
    domain
        .execute(1, |context| {
            context.fail();
        })
        .unwrap();
    domain.execute(1, |_| panic!("on purpose")).unwrap();
    domain.job(1).deadline(Duration::ZERO).execute(|_| ()).unwrap();
    // Too large for its slot with a span or without.
    let large = [1_u64; 100];
    assert_eq!(domain.submit(1, move |_| large.iter().sum::<u64>()).unwrap().wait(), Ok(100));
    runtime.drain(GENEROUS);
    assert!(domain.execute(1, |_| ()).is_err());
    let submits = of("heijunka.submit", "ends");
    assert_eq!(outcomes(&submits), ["accepted", "accepted", "accepted", "accepted", "closed"]);
    let runs = of("heijunka.run", "ends");
    assert_eq!(outcomes(&runs), ["failed", "panicked", "expired", "completed"]);
    assert!(runs.iter().zip(&submits).all(|(run, submit)| run.parent == Some(submit.id) && run.closed));
}

#[test]
fn many_at_once_are_one_submission() {
    let runtime = runtime("many", workers(2), true);
    let domain = runtime.domain("many").unwrap();
    assert_eq!(domain.job(1).execute_many((0..3).map(|_| |_: &heijunka::Context<'_>| ())).unwrap(), 3);
    runtime.drain(GENEROUS);
    let refused = domain.job(1).execute_many((0..3).map(|_| |_: &heijunka::Context<'_>| ())).unwrap_err();
    assert_eq!(refused.into_parts().1.count(), 3, "the work comes back");
    let submits = of("heijunka.submit", "many");
    assert_eq!(outcomes(&submits), ["accepted", "closed"]);
    assert_eq!(submits[0].field("heijunka.jobs"), "3");
    let runs = of("heijunka.run", "many");
    assert_eq!(outcomes(&runs), ["completed"; 3]);
    assert!(runs.iter().all(|run| run.parent == Some(submits[0].id)));
}

#[test]
fn there_are_none_until_they_are_switched_on() {
    let recorder = Recorder::of_process();
    let runtime = runtime("quiet", workers(1), false);
    let domain = runtime.domain("quiet").unwrap();
    domain.submit(1, |_| ()).unwrap().wait().unwrap();
    domain.job(1).execute_many([|_: &heijunka::Context<'_>| ()]).unwrap();
    assert!(!recorder.any("heijunka.domain", "quiet"));
    runtime.update(|config| config.tracing.spans = true).unwrap();
    domain.submit(1, |_| ()).unwrap().wait().unwrap();
    runtime.update(|config| config.tracing.spans = false).unwrap();
    domain.submit(1, |_| ()).unwrap().wait().unwrap();
    runtime.drain(GENEROUS);
    assert_eq!((of("heijunka.submit", "quiet").len(), of("heijunka.run", "quiet").len()), (1, 1));
}
