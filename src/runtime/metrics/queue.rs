//! The pull queue: what went through it, what waits in it, and what is published time and again.

use std::fmt;

use prometheus_client::registry::Unit;

use super::Scrape;
use super::failover::failover;
use super::families::Families;
use crate::kanban::{ConsumerStatus, KanbanCounts, KanbanStatus, QueueStatus};
use crate::priority::Priority;
use crate::time::Timestamp;

/// The states of a breaker by their names.
const BREAKER: [&str; 4] = ["closed", "open", "half_open", "ramp"];

impl Scrape {
    /// Nothing at all without a pull queue.
    pub(super) fn kanban(&self, families: &mut Families<'_>) -> fmt::Result {
        let Some(kanban) = &self.status.kanban else { return Ok(()) };
        items(families, &kanban.counts)?;
        if let Some(status) = &kanban.failover {
            failover(families, status)?;
        }
        if let Some(consumer) = &kanban.consumer {
            places(families, consumer)?;
            waiting(families, kanban, consumer)?;
            working(families, consumer)?;
        }
        self.schedules(families)
    }

    fn schedules(&self, families: &mut Families<'_>) -> fmt::Result {
        let named = || self.schedules.iter().map(|status| (status.schedule.name.as_str(), status));
        let published = named().map(|(name, status)| ([("schedule", name)], status.published));
        families.counter("schedule_items", "Items that a schedule published.", None, published)?;
        let duplicates = named().map(|(name, status)| ([("schedule", name)], status.duplicates));
        let help = "Those of them that another instance had published already.";
        families.counter("schedule_duplicates", help, None, duplicates)?;
        let skipped = named().flat_map(|(name, status)| {
            let skipped = status.skipped;
            let reasons = [
                ("missed", skipped.missed),
                ("unfinished", skipped.unfinished),
                ("slowed", skipped.slowed),
                ("unpublished", skipped.unpublished),
                ("canary", skipped.canary),
            ];
            reasons.map(|(reason, ticks)| ([("schedule", name), ("reason", reason)], ticks))
        });
        families.counter("schedule_skipped", "Ticks that were not published.", None, skipped)?;
        let slowed = named().map(|(name, status)| ([("schedule", name)], status.slowed));
        let help = "Of so many ticks one is published: more than 1 while the queue is deep.";
        families.gauge("schedule_slowed_factor", help, slowed)?;
        let paused = named().map(|(name, status)| ([("schedule", name)], u32::from(status.paused)));
        families.gauge("schedule_paused", "1 while it is paused.", paused)?;
        let failing = named().map(|(name, status)| ([("schedule", name)], u32::from(status.error.is_some())));
        families.gauge("schedule_failing", "1 while something is wrong with it.", failing)
    }
}

/// What is counted: each family by one question, so that its series add up.
fn items(families: &mut Families<'_>, counts: &KanbanCounts) -> fmt::Result {
    let by_outcome = |outcomes: &[(&'static str, u64)]| -> Vec<([(&'static str, &'static str); 1], u64)> {
        outcomes.iter().map(|(outcome, items)| ([("outcome", *outcome)], *items)).collect()
    };
    let published = [
        ("stored", counts.published),
        ("duplicate", counts.published_twice),
        ("invalid", counts.invalid),
        ("not_stored", counts.not_stored),
        ("unknown", counts.unknown),
    ];
    families.counter("items_published", "Items that were to be published.", None, by_outcome(&published))?;
    families.count("items_pulled", "Items delivered to this process.", None, counts.pulled)?;
    let processed = [("done", counts.done), ("failed", counts.failed)];
    families.counter("items_processed", "Handlers that ended.", None, by_outcome(&processed))?;
    let settled = [
        ("acked", counts.acked),
        ("retried", counts.retried),
        ("released", counts.released),
        ("dead_lettered", counts.dead_lettered),
    ];
    let help = "Items whose end the broker confirmed; retried and released ones come again.";
    families.counter("items_settled", help, None, by_outcome(&settled))?;
    let help = "Items that were too late and are dropped by configuration; acked as well.";
    families.count("items_dropped", help, None, counts.dropped)?;
    let help = "Items delivered once more and not run: done before, or running here.";
    let repeated = [("done", counts.duplicates), ("running", counts.concurrent)];
    let labelled = repeated.map(|(state, items)| ([("state", state)], items));
    families.counter("items_repeated", help, None, labelled)?;
    let help = "Items that ran so long that their lease was given up.";
    families.count("items_stalled", help, None, counts.stalled)?;
    let help = "Settlements that came too late: the item comes again.";
    families.count("settlements_gone", help, None, counts.gone)?;
    let help = "Settlements that failed and were tried again.";
    families.count("settlements_retried", help, None, counts.unsettled)
}

fn places(families: &mut Families<'_>, consumer: &ConsumerStatus) -> fmt::Result {
    let help = "Items held, running or being settled.";
    families.level("queue_slots_used", help, None, consumer.slots_used)?;
    families.level("queue_slots", "The most of them.", None, consumer.slots)?;
    let help = "1 while the broker does not work.";
    families.level("broker_failing", help, None, u32::from(consumer.fault.is_some()))?;
    families.level("queue_draining", "1 while it ends.", None, u32::from(consumer.draining))
}

/// What is in the broker, as of the last sample: nothing is told before the first.
fn waiting(families: &mut Families<'_>, kanban: &KanbanStatus, consumer: &ConsumerStatus) -> fmt::Result {
    let lanes = || {
        consumer.queues.iter().flat_map(|queue| {
            Priority::ALL.into_iter().filter_map(move |priority| {
                let depth = queue.depths[priority.index()]?;
                Some(([("domain", queue.domain.as_str()), ("priority", priority.name())], depth))
            })
        })
    };
    let items = lanes().flat_map(|([domain, priority], depth)| {
        let states = [("ready", depth.ready), ("delayed", depth.delayed), ("unsettled", depth.unsettled)];
        states.map(|(state, items)| ([domain, priority, ("state", state)], items))
    });
    families.gauge("queue_items", "Items in the broker.", items)?;
    let ages = lanes().filter_map(|(labels, depth)| {
        // None is ready, so none waits; else the broker may not know.
        let age = if depth.ready == 0 { 0.0 } else { age(kanban.at, depth.oldest?) };
        Some((labels, age))
    });
    let help = "How long ago the oldest ready item was published.";
    families.gauge_in(&Unit::Seconds, "queue_oldest_age", help, ages)?;
    if let Some(strays) = &consumer.strays {
        let strays = strays.iter().map(|(lane, items)| {
            ([("domain", lane.domain.as_str()), ("priority", lane.priority.name())], *items)
        });
        families.gauge("queue_strays", "Items of domains that nobody seems to consume.", strays)?;
    }
    let Some((letters, oldest)) = consumer.dead_letters else { return Ok(()) };
    families.level("dead_letters", "Dead letters in the broker.", None, letters)?;
    let age = oldest.map_or(0.0, |oldest| age(kanban.at, oldest));
    let help = "How long ago the oldest dead letter died.";
    families.level("dead_letters_oldest_age", help, Some(&Unit::Seconds), age)
}

fn working(families: &mut Families<'_>, consumer: &ConsumerStatus) -> fmt::Result {
    let each = |value: fn(&QueueStatus) -> u32| {
        consumer.queues.iter().map(move |queue| ([("domain", queue.domain.as_str())], value(queue)))
    };
    let help = "Items pulled and waiting for a permit.";
    families.gauge("queue_held", help, each(|queue| queue.held))?;
    let help = "Items with a worker, or in a pool's lane.";
    families.gauge("queue_running", help, each(|queue| queue.running))?;
    let help = "Items that run so long that their lease was given up.";
    families.gauge("queue_stalled", help, each(|queue| queue.stalled))?;
    families.gauge("queue_workers", "Workers in its pools.", each(|queue| queue.workers))?;
    let help = "Workers that its depth asks for; 0 before the first sample.";
    families.gauge("queue_target_workers", help, each(|queue| queue.target_workers))?;
    let states = consumer.queues.iter().flat_map(|queue| {
        let present = queue.breaker.name();
        BREAKER
            .map(|state| ([("domain", queue.domain.as_str()), ("state", state)], u32::from(state == present)))
    });
    families.gauge("queue_breaker", "1 for the state that its breaker is in.", states)?;
    let means = consumer
        .queues
        .iter()
        .filter_map(|queue| Some(([("domain", queue.domain.as_str())], queue.mean?.as_secs_f64())));
    let help = "How long its handler takes, on average over the last few items.";
    families.gauge_in(&Unit::Seconds, "queue_handler_mean", help, means)
}

/// Seconds; a clock that was set back makes nobody younger than nothing.
fn age(now: Timestamp, then: Timestamp) -> f64 {
    now.since(then).as_secs_f64()
}
