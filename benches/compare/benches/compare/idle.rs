//! What a runtime costs that has nothing to do.

use std::thread;
use std::time::Duration;

use heijunka::Idle;
use heijunka_compare::processor;
use heijunka_compare::report::Goal;
use heijunka_compare::spawn::Heijunka;
use heijunka_compare::suite::Suite;

const WORKERS: u32 = 8;

pub(crate) fn measure(suite: &mut Suite) {
    let seconds = suite.plan.scaled(10);
    suite.figure("idle/8-workers", "% of one core", Goal::Below(0.5), || {
        let runtime = Heijunka::with_workers(WORKERS, Idle::default());
        // Starting up is not idling.
        thread::sleep(Duration::from_millis(500));
        let before = processor::time_used()?;
        thread::sleep(Duration::from_secs(u64::from(seconds)));
        let used = processor::time_used()?.saturating_sub(before);
        drop(runtime);
        Some(100.0 * used.as_secs_f64() / f64::from(seconds))
    });
}
