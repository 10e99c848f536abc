use heijunka_compare::spawn::*;
use heijunka_compare::clock;
use heijunka_compare::tally::Tally;
use heijunka_compare::suite::Suite;

fn pool<P: Spawn>(suite: &Suite, jobs: u32, window: u32, build: impl FnOnce()->P) -> f64 {
    let tally = Tally::leaked();
    with_pinned(suite.cores, build, |pool| {
        let run = |n: u32| {
            tally.reset();
            for i in 0..n { if i >= window { tally.wait_for(u64::from(i + 1 - window)); } pool.spawn(move || tally.add_one()); }
            tally.wait_for(u64::from(n)); };
        run(jobs / 10);
        let start = clock::raw();
        run(jobs);
        clock::nanos_between(start, clock::raw()) as f64 / f64::from(jobs)
    })
}
pub(crate) fn measure(suite: &mut Suite) {
    let jobs = suite.scaled(200_000);
    for _ in 0..5 {
        println!("bare spin {:.1} block {:.1}", pool(suite, jobs, u32::MAX, || Channel::of_closures(1024, Wait::Spin)), pool(suite, jobs, u32::MAX, || Channel::of_closures(1024, Wait::Block)));
        for w in [1024, 4096, u32::MAX] {
        println!("{w} rayon {:.1} tokio {:.1} threadpool {:.1} rusty {:.1}", pool(suite, jobs, w, Rayon::start), pool(suite, jobs, w, Tokio::start), pool(suite, jobs, w, Threadpool::start), pool(suite, jobs, w, RustyPool::start));
        }
    }
}
