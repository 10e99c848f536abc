//! A worker of one's own for a while: several calls run on the same pinned thread, one after the other, with nobody in
//! between. `cargo run --release --example checkout`

use std::cell::RefCell;
use std::time::Duration;

use heijunka::{CheckoutError, PoolConfig, Runtime};

thread_local! {
    /// Something that must not leave its thread, such as a connection that is not `Send`.
    static LEDGER: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let one = PoolConfig { min_workers: 1, max_workers: 1, ..PoolConfig::default() };
    let runtime = Runtime::builder().limits(10, 10).pool("ledger", one).start()?;
    let ledger = runtime.domain("ledger").ok_or("no such domain")?;

    let worker = ledger.checkout("account 7", Duration::from_secs(1))?;
    println!("checked out {}", worker.worker());
    for amount in [10, 20, 12] {
        worker.run(move |_| LEDGER.with_borrow_mut(|ledger| ledger.push(amount)))?;
    }
    let sum = worker.run(|_| LEDGER.with_borrow(|ledger| ledger.iter().sum::<u32>()))?;
    println!("its thread remembers three entries, {sum} in total");
    assert_eq!(sum, 42);

    // The pool's only worker is away: the next one waits, and gives up.
    let refused = ledger.checkout("account 8", Duration::from_millis(50));
    println!("a second checkout: {}", refused.as_ref().err().ok_or("it should have timed out")?);
    assert_eq!(refused.err(), Some(CheckoutError::TimedOut));

    // It goes back like a permit, and the pool works on.
    drop(worker);
    println!("given back; the pool says {}", ledger.submit(0, |_| "hello")?.wait()?);
    assert!(runtime.drain(Duration::from_secs(5)).is_clean());
    Ok(())
}
