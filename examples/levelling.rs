//! Watch a runtime level itself: a pool grows under load, idle workers move, a burst is lent workers. The clock runs twenty
//! times as fast as real time, so that minutes pass in seconds. Takes about 15 s.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heijunka::{Clock, Kind, PoolConfig, Runtime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool =
        || PoolConfig { min_workers: 2, max_workers: 12, kind: Kind::Blocking, ..PoolConfig::default() };
    let runtime = Runtime::builder()
        .clock(Clock::compressed(20))
        .pool("payment", pool())
        .pool("delivery", pool())
        .start()?;

    // Jobs of 2 ms, so many per second of real time.
    let pause = Arc::new(AtomicU64::new(10_000));
    let payment = runtime.domain("payment").ok_or("no such domain")?;
    std::thread::scope(|scope| {
        let feed = pause.clone();
        scope.spawn(move || {
            loop {
                let micros = feed.load(Ordering::Relaxed);
                if micros == 0 {
                    break;
                }
                let _ = payment.execute(micros, |_| std::thread::sleep(Duration::from_millis(2)));
                std::thread::sleep(Duration::from_micros(micros));
            }
        });
        std::thread::sleep(Duration::from_secs(5)); // 100 s of the runtime's time: the usual load is known
        pause.store(250, Ordering::Relaxed);
        std::thread::sleep(Duration::from_secs(8));
        pause.store(0, Ordering::Relaxed);
    });

    for entry in runtime.journal() {
        println!("{entry}");
    }
    let burst = runtime.burst();
    println!("{} surges, {:.0} worker-seconds of cost", burst.surge_count, burst.total_cost);
    Ok(())
}
