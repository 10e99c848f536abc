//! What is told of the pull queue.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heijunka::{
    Builder, ItemSpec, KanbanConfig, Misfire, Outcome, PoolConfig, Priority, RetryConfig, Runtime, Schedule,
    When, Work,
};

use crate::exposition::Exposition;

/// A minute or so of looks.
const LOOKS: u32 = 30_000;

fn scrape(runtime: &Runtime) -> Exposition {
    Exposition::parse(&runtime.metrics())
}

/// Scrapes until it is so.
fn until(runtime: &Runtime, what: &str, is_so: impl Fn(&Exposition) -> bool) -> Exposition {
    for _ in 0..LOOKS {
        let exposition = scrape(runtime);
        if is_so(&exposition) {
            return exposition;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("{what}: {:#?}", scrape(runtime).samples);
}

/// Looks often, tries again soon.
fn builder() -> Builder {
    let retry = RetryConfig {
        max_attempts: 2,
        base: Duration::from_millis(1),
        cap: Duration::from_millis(2),
        ..RetryConfig::default()
    };
    let sample = Duration::from_millis(20);
    let kanban = KanbanConfig { retry, sample, prefetch: 1, payload: 100, ..KanbanConfig::default() };
    let pool = PoolConfig { min_workers: 1, max_workers: 1, pin: false, ..PoolConfig::default() };
    Runtime::builder().limits(80, 100).kanban(kanban).pool("mail", pool)
}

fn publish(runtime: &Runtime, spec: ItemSpec) {
    runtime.kanban().unwrap().publisher().publish(spec).unwrap();
}

#[test]
fn without_a_queue_there_is_none_of_it() {
    let pool = PoolConfig { min_workers: 1, pin: false, ..PoolConfig::default() };
    let runtime = Runtime::builder().pool("mail", pool).start().unwrap();
    let of_queue = |name: &&String| {
        ["items_", "queue_", "schedule_", "dead_", "settle", "broker_", "failover_"]
            .iter()
            .any(|begin| name["heijunka_".len()..].starts_with(begin))
    };
    let types = scrape(&runtime).types;
    assert_eq!(types.keys().filter(of_queue).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn every_way_that_an_item_can_go_is_counted_where_it_belongs() {
    let handler = |work: &Work<'_>| match work.item().id.as_str() {
        "again" if work.attempt() == 1 => Outcome::retry("not yet"),
        "never" => Outcome::dead_letter("never"),
        _ => Outcome::Done,
    };
    let runtime = builder().handler("mail", handler).start().unwrap();
    for id in ["a", "b", "again", "never"] {
        publish(&runtime, ItemSpec::new("mail").id(id));
    }
    let publisher = runtime.kanban().unwrap().publisher().clone();
    assert!(publisher.publish(ItemSpec::new("mail").payload(vec![0; 101])).is_err());
    let settled = |outcome: &str| format!("heijunka_items_settled_total{{outcome=\"{outcome}\"}}");
    let ended = until(&runtime, "all have ended", |exposition| {
        exposition.value(&settled("acked")) + exposition.value(&settled("dead_lettered")) > 3.5
    });
    let outcome_of = |outcome: &str| format!("heijunka_items_published_total{{outcome=\"{outcome}\"}}");
    ended.is(&outcome_of("stored"), 4);
    ended.is(&outcome_of("invalid"), 1);
    for none in ["duplicate", "not_stored", "unknown"] {
        ended.is(&outcome_of(none), 0);
    }
    ended.is("heijunka_items_pulled_total", 5);
    ended.is("heijunka_items_processed_total{outcome=\"done\"}", 3);
    ended.is("heijunka_items_processed_total{outcome=\"failed\"}", 2);
    for (outcome, count) in [("acked", 3), ("retried", 1), ("released", 0), ("dead_lettered", 1)] {
        ended.is(&settled(outcome), count);
    }
    for none in ["items_dropped", "items_stalled", "settlements_gone", "settlements_retried"] {
        ended.is(&format!("heijunka_{none}_total"), 0);
    }
    ended.is("heijunka_items_repeated_total{state=\"done\"}", 0);
    ended.is("heijunka_items_repeated_total{state=\"running\"}", 0);
    let dead = until(&runtime, "the dead letter is sampled", |exposition| {
        exposition.samples.get("heijunka_dead_letters").is_some_and(|letters| *letters > 0.5)
    });
    dead.is("heijunka_dead_letters", 1);
    let age = |exposition: &Exposition| exposition.value("heijunka_dead_letters_oldest_age_seconds");
    until(&runtime, "it grows older", |exposition| age(exposition) > age(&dead));
    assert!(runtime.drain(Duration::from_secs(60)).is_clean());
    let after = scrape(&runtime);
    after.is("heijunka_items_pulled_total", 5);
    after.is("heijunka_queue_slots_used", 0);
}

#[test]
fn what_waits_and_what_runs_is_told_by_domain_and_priority() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let handler = move |_: &Work<'_>| {
        while !gate.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Outcome::Done
    };
    let runtime = builder().handler("mail", handler).start().unwrap();
    for id in 0..5 {
        publish(&runtime, ItemSpec::new("mail").id(format!("high-{id}")).priority(Priority::High));
    }
    let item = |priority: &str, state: &str| {
        format!("heijunka_queue_items{{domain=\"mail\",priority=\"{priority}\",state=\"{state}\"}}")
    };
    // One runs, one is held.
    let busy = until(&runtime, "sampled", |exposition| {
        let of = |state| exposition.samples.get(&item("high", state)).copied().unwrap_or_default();
        of("ready") > 2.5 && of("unsettled") > 1.5
    });
    busy.is(&item("high", "ready"), 3);
    busy.is(&item("high", "unsettled"), 2);
    for (priority, state) in [("high", "delayed"), ("normal", "ready"), ("low", "unsettled")] {
        busy.is(&item(priority, state), 0);
    }
    let age = |priority: &str| {
        format!("heijunka_queue_oldest_age_seconds{{domain=\"mail\",priority=\"{priority}\"}}")
    };
    busy.is(&age("low"), 0);
    let before = busy.value(&age("high"));
    until(&runtime, "it grows older", |exposition| exposition.value(&age("high")) > before);
    let busy = scrape(&runtime);
    let domain = "{domain=\"mail\"}";
    for (family, value) in
        [("held", 1), ("running", 1), ("stalled", 0), ("workers", 1), ("target_workers", 2)]
    {
        busy.is(&format!("heijunka_queue_{family}{domain}"), value);
    }
    busy.is("heijunka_queue_slots_used", 2);
    busy.is("heijunka_queue_slots", 1024);
    busy.is("heijunka_queue_draining", 0);
    busy.is("heijunka_broker_failing", 0);
    let mean = format!("heijunka_queue_handler_mean_seconds{domain}");
    assert!(!busy.samples.contains_key(&mean), "none has ended");
    open.store(true, Ordering::Release);
    let idle = until(&runtime, "all are done", |exposition| {
        exposition.value(&item("high", "ready")) + exposition.value(&item("high", "unsettled")) < 0.5
    });
    idle.is(&age("high"), 0);
    assert!(idle.value(&mean) > 0.0);
    assert!(runtime.drain(Duration::from_secs(60)).is_clean());
    scrape(&runtime).is("heijunka_queue_draining", 1);
}

#[test]
fn a_breaker_is_told_by_its_state() {
    let handler = |_: &Work<'_>| Outcome::retry("down");
    let runtime = builder().handler("mail", handler).start().unwrap();
    let state = |state: &str| format!("heijunka_queue_breaker{{domain=\"mail\",state=\"{state}\"}}");
    let only = |exposition: &Exposition, present: &str| {
        for one in ["closed", "open", "half_open", "ramp"] {
            exposition.is(&state(one), u64::from(one == present));
        }
    };
    only(
        &until(&runtime, "it is there", |exposition| exposition.samples.contains_key(&state("closed"))),
        "closed",
    );
    for id in 0..3 {
        publish(&runtime, ItemSpec::new("mail").id(format!("n-{id}")));
    }
    only(&until(&runtime, "it opens", |exposition| exposition.value(&state("open")) > 0.5), "open");
    let _ = runtime.stop(Duration::from_secs(60));
}

#[test]
fn schedules_are_told_by_name() {
    let runtime = builder().handler("mail", |_: &Work<'_>| Outcome::Done).start().unwrap();
    let scheduler = runtime.kanban().unwrap().scheduler().clone();
    let every = |name: &str, time| {
        let schedule = Schedule::new(name, "mail", When::Every(time)).unwrap();
        Schedule { misfire: Misfire::Skip, ..schedule }
    };
    scheduler.add(every("often", Duration::from_millis(100))).unwrap();
    scheduler.add(every("seldom", Duration::from_secs(86_400))).unwrap();
    scheduler.pause("seldom").unwrap();
    let items = |name: &str| format!("heijunka_schedule_items_total{{schedule=\"{name}\"}}");
    let some = until(&runtime, "two ticks", |exposition| exposition.value(&items("often")) > 1.5);
    some.is(&items("seldom"), 0);
    for (name, paused) in [("often", 0), ("seldom", 1)] {
        let labels = format!("{{schedule=\"{name}\"}}");
        some.is(&format!("heijunka_schedule_duplicates_total{labels}"), 0);
        some.is(&format!("heijunka_schedule_slowed_factor{labels}"), 1);
        some.is(&format!("heijunka_schedule_paused{labels}"), paused);
        some.is(&format!("heijunka_schedule_failing{labels}"), 0);
        for reason in ["missed", "unfinished", "slowed", "unpublished", "canary"] {
            let series =
                format!("heijunka_schedule_skipped_total{{schedule=\"{name}\",reason=\"{reason}\"}}");
            assert!(some.samples.contains_key(&series), "{series}");
        }
    }
    scheduler.cancel("seldom").unwrap();
    assert!(!scrape(&runtime).samples.contains_key(&items("seldom")));
    let _ = runtime.drain(Duration::from_secs(60));
}

#[test]
fn every_family_of_the_queue_is_there_with_its_type() {
    let runtime = builder().handler("mail", |_: &Work<'_>| Outcome::Done).start().unwrap();
    let sampled =
        until(&runtime, "sampled", |exposition| exposition.samples.contains_key("heijunka_dead_letters"));
    let types: BTreeSet<(&str, &str)> =
        sampled.types.iter().map(|(name, kind)| (&name["heijunka_".len()..], kind.as_str())).collect();
    let expected = [
        ("broker_failing", "gauge"),
        ("dead_letters", "gauge"),
        ("dead_letters_oldest_age_seconds", "gauge"),
        ("items_dropped", "counter"),
        ("items_processed", "counter"),
        ("items_published", "counter"),
        ("items_pulled", "counter"),
        ("items_repeated", "counter"),
        ("items_settled", "counter"),
        ("items_stalled", "counter"),
        ("queue_breaker", "gauge"),
        ("queue_draining", "gauge"),
        ("queue_handler_mean_seconds", "gauge"),
        ("queue_held", "gauge"),
        ("queue_items", "gauge"),
        ("queue_oldest_age_seconds", "gauge"),
        ("queue_running", "gauge"),
        ("queue_slots", "gauge"),
        ("queue_slots_used", "gauge"),
        ("queue_stalled", "gauge"),
        ("queue_strays", "gauge"),
        ("queue_target_workers", "gauge"),
        ("queue_workers", "gauge"),
        ("schedule_duplicates", "counter"),
        ("schedule_failing", "gauge"),
        ("schedule_items", "counter"),
        ("schedule_paused", "gauge"),
        ("schedule_skipped", "counter"),
        ("schedule_slowed_factor", "gauge"),
        ("settlements_gone", "counter"),
        ("settlements_retried", "counter"),
    ];
    for family in expected {
        assert!(types.contains(&family), "{family:?}");
    }
    let own = |name: &str| {
        ["items_", "queue_", "schedule_", "dead_", "settle", "broker_", "failover_"]
            .iter()
            .any(|begin| name.starts_with(begin))
    };
    assert_eq!(types.iter().filter(|(name, _)| own(name)).count(), expected.len(), "{types:?}");
}
