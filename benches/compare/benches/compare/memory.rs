//! Heap allocations per submitted job, counted.

use heijunka::Idle;
use heijunka_compare::allocations;
use heijunka_compare::report::Goal;
use heijunka_compare::spawn::{Heijunka, Spawn, with_pinned};
use heijunka_compare::suite::Suite;
use heijunka_compare::tally::Tally;

/// What a typical small job carries: a reference and a few words of a request.
type Request = [u64; 4];

pub(crate) fn measure(suite: &mut Suite) {
    let (cores, jobs) = (suite.plan.cores, suite.plan.scaled(100_000));
    let tally = Tally::leaked();
    suite.figure("memory/allocations", "allocations per job", Goal::AtMost(0.0), || {
        with_pinned(
            cores,
            || Heijunka::start(Idle::default()),
            |pool| {
                let run = || {
                    tally.reset();
                    for job in 0..jobs {
                        let request: Request = [u64::from(job); 4];
                        pool.spawn(move || {
                            std::hint::black_box(request);
                            tally.add_one();
                        });
                    }
                    tally.wait_for(u64::from(jobs));
                };
                // What a thread allocates once, on its first job or its first refusal, is no cost per job.
                run();
                Some(allocations::during(run) as f64 / f64::from(jobs))
            },
        )
    });
}
