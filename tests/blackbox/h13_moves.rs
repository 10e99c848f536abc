//! H13: work goes on while workers move, and a worker that moved is one worker.

use std::collections::BTreeSet;
use std::time::Duration;

use heijunka::{BalanceConfig, ScalingConfig, Why};

use crate::common::load::{NAP, Relays, accounted, elastic, fast, journal, pass, ticks};
use crate::common::{Counter, Gate, Outcome, eventually, pool_status};

const SECOND: Duration = Duration::from_secs(1);

/// Workers may move again soon.
fn restless() -> (ScalingConfig, BalanceConfig) {
    let scaling = ScalingConfig { auto: false, calm: SECOND, ..ScalingConfig::default() };
    (scaling, BalanceConfig { cooldown: SECOND / 10, ..BalanceConfig::default() })
}

#[test]
fn h13_no_job_is_lost_while_workers_go_to_and_fro() {
    const SWINGS: usize = 8;
    let (scaling, balance) = restless();
    let builder = fast(20).scaling(scaling).balance(balance);
    let runtime = builder.pool("to", elastic(2, 12)).pool("fro", elastic(2, 12)).start().unwrap();
    for pool in ["to", "fro"] {
        let pool = runtime.pool(pool).unwrap();
        pool.scale_to(5).unwrap();
        pool.auto();
    }
    let relays = ["to", "fro"].map(|domain| Relays::new(&runtime, domain, NAP));
    let (ran, accepted, stop) = (Counter::default(), Counter::default(), Counter::default());
    std::thread::scope(|scope| {
        for name in ["to", "fro"] {
            let (runtime, ran, accepted, stop) = (&runtime, &ran, &accepted, &stop);
            scope.spawn(move || {
                let domain = runtime.domain(name).unwrap();
                for key in 0_u64.. {
                    if stop.get() > 0 {
                        break;
                    }
                    let done = ran.clone();
                    domain.execute(key, move |_| done.add()).unwrap();
                    accepted.add();
                    std::thread::sleep(Duration::from_micros(300));
                }
            });
        }
        let (mut moved, mut asked) = (0, 0);
        for swing in 0..SWINGS {
            // Of ten workers, nine are wanted where the load is, and the other pool keeps its two.
            relays[(swing + 1) % 2].set(0);
            relays[swing % 2].set(6);
            let to = ["to", "fro"][swing % 2];
            eventually("workers follow the load", || {
                let decision = runtime.rebalance();
                asked += usize::from(decision.why == Why::Moved);
                moved += decision.moves.iter().map(|step| step.workers).sum::<u32>();
                pool_status(&runtime, to).workers == 8
            });
            assert_eq!(["to", "fro"].map(|pool| pool_status(&runtime, pool).workers).iter().sum::<u32>(), 10);
        }
        stop.add();
        // Those that the control thread moved of itself come on top.
        assert!(journal(&runtime).contains("workers move") && (asked > 0 || moved == 0), "{asked} {moved}");
    });
    let relayed: u64 = relays.iter().map(Relays::end).sum();
    eventually("all have ended", || runtime.status().admission.in_flight == 0);
    let completed: u64 = ["to", "fro"].map(|pool| pool_status(&runtime, pool).completed).iter().sum();
    assert_eq!((completed, ran.get()), (accepted.get() + relayed, accepted.get()));

    // Nothing is overloaded any more; from here on the sizes are held, so that the gates below draw no worker over.
    ticks(&runtime, 4);
    for pool in ["to", "fro"] {
        runtime.pool(pool).unwrap().scale_to(pool_status(&runtime, pool).workers).unwrap();
    }
    // Ten workers at ten posts, none of them twice: as many jobs run at the same time, and no more.
    let mut names = BTreeSet::new();
    for pool in ["to", "fro"] {
        let status = pool_status(&runtime, pool);
        eventually("nobody is on the way", || {
            pool_status(&runtime, pool)
                .worker_status
                .iter()
                .all(|worker| worker.duty == heijunka::Duty::Serving)
        });
        let gate = Gate::default();
        let domain = runtime.domain(pool).unwrap();
        gate.occupy(&domain, 1, status.workers as usize);
        let one_more = domain.submit(1, |_| ()).unwrap();
        pass(&runtime, SECOND);
        assert!(one_more.poll().is_err(), "nobody is free for it");
        names.extend(status.worker_status.into_iter().map(|worker| worker.name));
        gate.open();
        assert_eq!(one_more.result(), Ok(()));
    }
    assert_eq!(names.len(), 10, "{names:?}");
    accounted(&runtime);
}

#[test]
fn h13_the_idle_go_and_the_busy_stay_at_their_jobs() {
    let (scaling, balance) = restless();
    // So that nothing moves before it is asked for.
    let scaling = ScalingConfig { calm: SECOND * 3600, ..scaling };
    let builder = fast(20).scaling(scaling).balance(balance);
    let runtime = builder.pool("gives", elastic(2, 8)).pool("takes", elastic(4, 12)).start().unwrap();
    let pool = runtime.pool("gives").unwrap();
    pool.scale_to(8).unwrap();
    pool.auto();
    let relays = Relays::new(&runtime, "takes", NAP);
    relays.set(4);
    ticks(&runtime, 4);
    let gate = Gate::default();
    let gives = runtime.domain("gives").unwrap();
    gate.occupy(&gives, 1, 2);
    let mut decision = runtime.rebalance();
    eventually("workers move", || {
        decision = runtime.rebalance();
        decision.why == Why::Moved || pool_status(&runtime, "takes").workers > 4
    });
    let status = ["gives", "takes"].map(|pool| pool_status(&runtime, pool).workers);
    // How many at a time, and whether more follow before this looks, is the law's and the machine's; none is lost on the way.
    assert!(status[1] > 4 && status[0] >= 2 && status[0] + status[1] == 12, "{status:?}: {decision}");
    // Those at the gate go on; whoever was idle has gone.
    let at_the_gate =
        || pool_status(&runtime, "gives").worker_status.iter().filter(|w| w.running_for.is_some()).count();
    assert_eq!(at_the_gate(), 2);
    let report = runtime.check_health();
    assert!(report.pools.iter().all(|pool| pool.lost_workers == 0), "{report:?}");
    gate.open();
    relays.end();
    eventually("the jobs have ended", || pool_status(&runtime, "gives").completed == 2);
    accounted(&runtime);
}
