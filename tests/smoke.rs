//! scratch
use heijunka::*;
use std::time::Duration;
#[test]
fn smoke() {
    let runtime = Runtime::builder()
        .limits(1000, 1200)
        .pool("payment", PoolConfig { min_workers: 1, ..PoolConfig::default() })
        .start()
        .unwrap();
    let d = runtime.domain("payment").unwrap();
    let h = d.submit("a", |_| 42).unwrap();
    assert_eq!(h.wait().unwrap(), 42);
    for i in 0..10000u64 {
        while d.execute(i, |_| {}).is_err() {
            std::thread::yield_now();
        }
    }
    let c = d.checkout("k", Duration::from_secs(1)).unwrap();
    println!("{} {:?}", c.worker(), c.run(|ctx| ctx.worker()));
    drop(c);
    let r = runtime.drain(Duration::from_secs(5));
    println!("{r:?}");
    let s = runtime.status();
    println!("{:?} {} {:?}", s.admission, s.balance, s.pools[0].worker_status);
    println!(
        "{} {:?} util {} q p99 {} s p50 {}",
        s.pools[0].completed,
        s.pools[0].busy,
        s.pools[0].utilisation,
        s.pools[0].latency.queue.value_at_quantile(0.99),
        s.pools[0].latency.service.value_at_quantile(0.5)
    );
}
