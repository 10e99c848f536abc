//! Spans of items, named as OpenTelemetry does for messaging: publish, deliver, process, settle. Only while they are switched on.

use tracing::Span;
use tracing::field::{Empty, display};

use super::item::Item;
use super::trace::{TRACEPARENT, TraceContext};
use crate::pool::OUTCOME;
use crate::spans::TARGET;

/// What an item's spans have in common. The names of `tracing`'s spans are fixed: `otel.name` is what tracing systems show.
macro_rules! item_span {
    ($(parent: $parent:expr,)? $name:literal, $kind:literal, $operation:literal, $type:literal, $system:expr, $item:expr, $($more:tt)*) => {{
        let (item, system): (&Item, &str) = ($item, $system);
        let span = tracing::info_span!(
            target: TARGET,
            $(parent: $parent,)?
            $name,
            otel.name = %format_args!(concat!($operation, " {}"), item.lane.domain),
            otel.kind = $kind,
            messaging.system = system,
            messaging.operation.name = $operation,
            messaging.operation.type = $type,
            messaging.destination.name = %format_args!("kanban.{}.{}", item.lane.priority, item.lane.domain),
            messaging.message.id = item.id.as_str(),
            messaging.message.body.size = item.payload.len(),
            trace_id = Empty,
            parent_span_id = Empty,
            heijunka.outcome = Empty,
            $($more)*
        );
        if let Some(trace) = item.trace().filter(|_| !span.is_disabled()) {
            span.record("trace_id", display(format_args!("{:032x}", trace.trace_id())));
            span.record("parent_span_id", display(format_args!("{:016x}", trace.span_id())));
        }
        span
    }};
}

/// An item on its way into the broker, within whatever its publisher is in.
pub(super) fn publish(system: &str, item: &Item) -> Span {
    item_span!("heijunka.publish", "producer", "publish", "send", system, item,)
}

/// An item on loan, from its delivery to the broker's confirmation that it is settled.
pub(super) fn deliver(system: &str, item: &Item, deliveries: u32) -> Span {
    item_span!(
        parent: None, "heijunka.deliver", "consumer", "deliver", "receive", system, item,
        heijunka.deliveries = deliveries,
    )
}

/// An item with its handler.
pub(super) fn process(system: &str, item: &Item, delivery: &Span, attempt: u32, pool: &str) -> Span {
    item_span!(
        parent: delivery, "heijunka.process", "consumer", "process", "process", system, item,
        heijunka.attempt = attempt, heijunka.pool = pool,
    )
}

/// What became of an item, until its broker has answered.
pub(super) fn settle(system: &str, item: &Item, delivery: &Span, verdict: &str) -> Span {
    item_span!(
        parent: delivery, "heijunka.settle", "client", "settle", "settle", system, item,
        heijunka.verdict = verdict,
    )
}

/// The span ends so.
#[allow(clippy::needless_pass_by_value, reason = "the last handle ends it")]
pub(super) fn ended(span: Span, outcome: &str) {
    span.record(OUTCOME, outcome);
}

/// What others know a broker as.
pub(super) fn system(broker: &str) -> &'static str {
    match broker {
        "nats" => "nats",
        "amqp" => "rabbitmq",
        _ => "heijunka",
    }
}

/// An item that belongs to no trace begins one.
pub(crate) fn begin_trace(item: &mut Item) {
    item.headers.entry(TRACEPARENT.to_owned()).or_insert_with(|| TraceContext::begin().to_string());
}
