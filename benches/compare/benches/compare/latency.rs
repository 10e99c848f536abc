use std::time::Duration;
use heijunka_compare::latency::*;
use heijunka_compare::spawn::*;
use heijunka_compare::suite::Suite;
use heijunka_compare::cores;

fn pool<P: Spawn>(suite: &Suite, pace: &Pace, build: impl FnOnce()->P) -> Latency {
    with_pinned(suite.cores, build, |pool| pace.run(|arrival| pool.spawn(move || arrival.started())))
}
fn bare(suite: &Suite, pace: &Pace, wait: Wait) -> Latency {
    cores::pin(suite.cores.worker);
    let channel = Channel::start(1024, wait, Arrival::started);
    cores::pin(suite.cores.submitter);
    pace.run(|arrival| channel.send(arrival))
}
pub(crate) fn measure(suite: &mut Suite) {
    let pace = Pace::new(Duration::from_micros(20), suite.scaled(10_000));
    let slow = Pace::new(Duration::from_millis(1), suite.scaled(500));
    for _ in 0..5 {
        println!("bare spin {:?} block {:?}", bare(suite, &pace, Wait::Spin), bare(suite, &pace, Wait::Block));
        println!("slow block {:?}", bare(suite, &slow, Wait::Block));
        println!("rayon {:?}", pool(suite, &pace, Rayon::start));
        println!("tokio {:?}", pool(suite, &pace, Tokio::start));
        println!("threadpool {:?}", pool(suite, &pace, Threadpool::start));
        println!("rusty_pool {:?}", pool(suite, &pace, RustyPool::start));
    }
}
