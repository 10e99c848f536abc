//! While what a domain depends on is down, its items are left in the broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heijunka::{BreakerConfig, BreakerState, KanbanConfig, Outcome, Priority, Runtime, Work};

use crate::common::{Counter, GENEROUS, eventually, workers};
use crate::rig::{Log, Setup, counts, dead, drain, items, on, on_every_broker, publish, queue, quick, told};

on_every_broker!(k19_09_breaker, k19_09_breaker_of_one_domain_only);

fn states(runtime: &Runtime) -> Vec<String> {
    told(runtime, "breaker").iter().map(|entry| entry.decision.clone()).collect()
}

/// Three failures in a row open it. Open, nothing is pulled nor run; half-open one item is; then more and more, then all.
fn k19_09_breaker(setup: &dyn Setup) {
    let (log, is_down, (builder, broker)) = (Log::default(), Arc::new(AtomicBool::new(true)), on(setup));
    let (runs, down) = (log.clone(), is_down.clone());
    let handler = move |work: &Work<'_>| {
        runs.note(work);
        if down.load(Ordering::SeqCst) { Outcome::retry("it is down") } else { Outcome::Done }
    };
    let breaker = BreakerConfig { failures: 3, open: Duration::from_millis(200) };
    let kanban = KanbanConfig { breaker, ..quick() };
    // Of nine workers, one is kept for high items.
    let builder = builder.pool("mail", workers(9)).kanban(kanban);
    let runtime = builder.handler("mail", handler).start().unwrap();
    let all = setup.fewer(300) as u64;
    publish(&runtime, items("", setup.fewer(300), Priority::Normal));
    eventually("it has opened", || !states(&runtime).is_empty());
    assert_eq!(states(&runtime)[0], "mail: closed -> open for 200ms");
    eventually("a probe has failed twice", || states(&runtime).len() >= 5);
    let told = states(&runtime);
    assert_eq!(
        told[1..5],
        [
            "mail: open for 200ms -> half_open",
            "mail: half_open -> open for 400ms",
            "mail: open for 400ms -> half_open",
            "mail: half_open -> open for 800ms"
        ]
    );
    // Two that did not open it, those that ran or were handed over when it opened, and one per probe; what is held or waits lost
    // no attempt.
    let failed = counts(&runtime).failed;
    assert!((3 + 2..=2 + 8 + 2 + 2).contains(&failed), "{failed}");
    // The status is a look of some milliseconds ago.
    eventually("its status says so", || matches!(queue(&runtime, "mail").breaker, BreakerState::Open { .. }));
    let before = counts(&runtime).pulled;
    let unsettled = crate::rig::depth(&*broker, Priority::Normal).unsettled;
    assert!(unsettled <= 10, "{unsettled}");
    is_down.store(false, Ordering::SeqCst);
    assert_eq!(counts(&runtime).pulled, before, "nothing is pulled while it is open");
    eventually("it is closed again", || states(&runtime).len() >= 9);
    assert_eq!(
        states(&runtime)[5..],
        [
            "mail: open for 800ms -> half_open",
            "mail: half_open -> ramp, 2 at once",
            "mail: ramp, 2 at once -> ramp, 4 at once",
            "mail: ramp, 4 at once -> ramp, 8 at once",
            "mail: ramp, 8 at once -> closed"
        ][..states(&runtime).len() - 5]
    );
    drain(&runtime);
    assert_eq!(states(&runtime).last().unwrap(), "mail: ramp, 8 at once -> closed");
    assert_eq!((counts(&runtime).done, counts(&runtime).dead_lettered), (all, 0));
    assert_eq!(log.len() as u64, all + failed);
}

/// Failures that say nothing of what it depends on leave it closed, and so do those of other domains.
fn k19_09_breaker_of_one_domain_only(setup: &dyn Setup) {
    let (sent, (builder, broker)) = (Counter::default(), on(setup));
    let seen = sent.clone();
    let builder = builder
        .pool("mail", workers(1))
        .pool("bad", workers(1))
        .kanban(KanbanConfig { breaker: BreakerConfig { failures: 3, open: GENEROUS }, ..quick() })
        .handler("bad", |_: &Work<'_>| Outcome::retry("it is down"))
        .handler("mail", move |work: &Work<'_>| {
            if work.item().lane.priority == Priority::High {
                return Outcome::dead_letter("wrong in itself");
            }
            seen.add();
            // Every third, so that no two failures follow each other.
            let fails = seen.get() % 3 == 0 && work.attempt() == 1;
            if fails { Outcome::retry("now and then") } else { Outcome::Done }
        });
    let runtime = builder.start().unwrap();
    publish(&runtime, (0..10).map(|n| heijunka::ItemSpec::new("bad").id(n.to_string())));
    eventually("it has opened", || states(&runtime).len() == 1);
    assert_eq!(states(&runtime), ["bad: closed -> open for 30s"]);
    publish(&runtime, items("wrong", 50, Priority::High));
    let right = setup.fewer(200);
    publish(&runtime, items("right", right, Priority::Normal));
    eventually("the other domain is done", || {
        counts(&runtime).acked == right as u64 && dead(&*broker).len() == 50
    });
    assert_eq!(states(&runtime).len(), 1);
    assert_eq!(queue(&runtime, "mail").breaker, BreakerState::Closed);
    assert!(matches!(queue(&runtime, "bad").breaker, BreakerState::Open { .. }));
    // Three failed; those pulled with them are held, unrun.
    assert_eq!(
        (queue(&runtime, "bad").running, counts(&runtime).failed - 50 - counts(&runtime).retried),
        (0, 0)
    );
    drop(runtime);
}
