//! Items: published, delivered, worked on, settled.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{
    Clock, Embedded, EmbeddedSettings, ItemSpec, KanbanConfig, Outcome, RetryConfig, Runtime, ScheduleConfig,
    TraceContext, TracingConfig, Work,
};
use parking_lot::Mutex;

use crate::common::{GENEROUS, eventually, workers};
use crate::recorder::{Recorder, Span};

type Seen = Arc<Mutex<Vec<Option<TraceContext>>>>;

/// A queue for a domain of this name, whose handler fails once, and what its handler saw.
fn queue(domain: &str, spans: bool, schedule: Option<ScheduleConfig>) -> (Runtime, Seen) {
    let seen = Seen::default();
    let noted = seen.clone();
    let handler = move |work: &Work<'_>| {
        noted.lock().push(work.item().trace());
        if work.attempt() == 1 { Outcome::retry("once") } else { Outcome::Done }
    };
    let clock = Clock::monotonic();
    let broker = Embedded::in_memory(EmbeddedSettings::default(), clock.clone());
    let millis = Duration::from_millis;
    let retry = RetryConfig { base: millis(1), cap: millis(5), ..RetryConfig::default() };
    let builder = Runtime::builder()
        .clock(clock)
        .tracing(TracingConfig { spans })
        .on_broker(Arc::new(broker))
        .kanban(KanbanConfig { retry, ..KanbanConfig::default() })
        .pool(domain, workers(1))
        .handler(domain, handler);
    let builder = schedule.into_iter().fold(builder, |builder, schedule| builder.schedule("often", schedule));
    (builder.start().unwrap(), seen)
}

fn of(name: &str, domain: &str) -> Vec<Span> {
    let lane = format!("kanban.normal.{domain}");
    Recorder::of_process().find(name, "messaging.destination.name", &lane)
}

fn each<'s>(spans: &'s [Span], field: &str) -> Vec<&'s str> {
    spans.iter().map(|span| span.field(field)).collect()
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn the_way_of_an_item_is_told_from_publisher_to_settlement() {
    let _recorder = Recorder::of_process();
    let (runtime, seen) = queue("told", true, None);
    let publisher = runtime.kanban().unwrap().publisher().clone();
    publisher.publish(ItemSpec::new("told").id("7").payload("hello").header("TraceParent", TRACE)).unwrap();
    assert!(runtime.drain(GENEROUS).is_clean());
    assert_eq!(*seen.lock(), [Some(TRACE.parse().unwrap()); 2]);
    let [publish] = &of("heijunka.publish", "told")[..] else { panic!("one publication") };
    assert_eq!(publish.field("heijunka.outcome"), "stored");
    let (delivers, processes) = (of("heijunka.deliver", "told"), of("heijunka.process", "told"));
    let settles = of("heijunka.settle", "told");
    assert_eq!(each(&delivers, "heijunka.outcome"), ["retry", "ack"]);
    assert_eq!(each(&processes, "heijunka.outcome"), ["retry", "done"]);
    assert_eq!(each(&processes, "heijunka.attempt"), ["1", "2"]);
    assert_eq!(each(&settles, "heijunka.verdict"), ["retry", "ack"]);
    assert_eq!(each(&settles, "heijunka.outcome"), ["done", "done"]);
    for (deliver, (process, settle)) in delivers.iter().zip(processes.iter().zip(&settles)) {
        assert_eq!(deliver.parent, None);
        assert_eq!((process.parent, settle.parent), (Some(deliver.id), Some(deliver.id)));
        assert!(process.thread.is_some() && deliver.closed && process.closed && settle.closed);
    }
    // The names that OpenTelemetry has for messaging, and the trace to link with, on each of them.
    for (span, kind, operation) in [
        (publish, "producer", "send"),
        (&delivers[0], "consumer", "receive"),
        (&processes[0], "consumer", "process"),
        (&settles[0], "client", "settle"),
    ] {
        assert_eq!((span.field("otel.kind"), span.field("messaging.operation.type")), (kind, operation));
        assert_eq!(span.field("otel.name"), format!("{} told", span.field("messaging.operation.name")));
        assert_eq!(span.field("messaging.system"), "heijunka");
        assert_eq!(span.field("messaging.message.id"), "7");
        assert_eq!(span.field("messaging.message.body.size"), "5");
        assert_eq!(span.field("trace_id"), &TRACE[3..35]);
        assert_eq!(span.field("parent_span_id"), &TRACE[36..52]);
    }
}

#[test]
fn an_item_without_a_trace_begins_one_and_so_does_a_schedule() {
    let _recorder = Recorder::of_process();
    let often = ScheduleConfig {
        every: Some(Duration::from_millis(100)),
        domain: "begun".into(),
        ..Default::default()
    };
    let (runtime, seen) = queue("begun", true, Some(often));
    let publisher = runtime.kanban().unwrap().publisher().clone();
    publisher.publish(ItemSpec::new("begun").id("7")).unwrap();
    eventually("some ran", || seen.lock().len() >= 4);
    drop(runtime);
    let seen = seen.lock();
    let traces: Vec<String> =
        seen.iter().map(|trace| format!("{:032x}", trace.unwrap().trace_id())).collect();
    let processes = of("heijunka.process", "begun");
    assert!(each(&processes, "trace_id").iter().all(|id| traces.iter().any(|trace| trace == id)));
    let own = Recorder::of_process().find("heijunka.process", "messaging.message.id", "7");
    let own: Vec<_> = own.into_iter().filter(|span| span.field("otel.name") == "process begun").collect();
    assert!(
        own.iter().all(|span| span.field("trace_id") == own[0].field("trace_id")),
        "a retry stays in its trace"
    );
    let mut different = traces.clone();
    different.sort();
    different.dedup();
    assert!(different.len() >= 2, "each item has its own: {traces:?}");
}

#[test]
fn off_there_are_no_spans_and_no_traces_that_nobody_gave() {
    let recorder = Recorder::of_process();
    let often = ScheduleConfig {
        every: Some(Duration::from_millis(100)),
        domain: "quiet".into(),
        ..Default::default()
    };
    let (runtime, seen) = queue("quiet", false, Some(often));
    let publisher = runtime.kanban().unwrap().publisher().clone();
    publisher.publish(ItemSpec::new("quiet").id("quiet-7")).unwrap();
    eventually("some ran", || seen.lock().len() >= 4);
    drop(runtime);
    assert!(seen.lock().iter().all(Option::is_none));
    assert!(!recorder.any("messaging.destination.name", "kanban.normal.quiet"));
}
