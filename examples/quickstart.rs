//! Two pools, some work, a refusal, a clean end: `cargo run --release --example quickstart`.

use std::time::Duration;

use heijunka::{PoolConfig, Priority, Runtime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let two = PoolConfig { min_workers: 1, max_workers: 4, ..PoolConfig::default() };
    let runtime = Runtime::builder()
        .limits(80, 100) // in flight: low-priority work is refused from 80 on, everything at 100
        .reserve(0.0) // nothing set aside for priority domains, as there are none
        .pool("payment", two.clone())
        .pool("mail", two)
        .start()?;

    // Resolve a domain once, keep the handle, submit from any thread.
    let payment = runtime.domain("payment").ok_or("no such domain")?;
    let receipt = payment.submit("customer 42", |context| format!("paid on {}", context.pool()))?;
    println!("{}", receipt.wait()?);

    // Fire and forget, with a priority and a deadline; refused work comes back at once, untouched.
    let mail = runtime.domain("mail").ok_or("no such domain")?;
    let newsletter = |_: &heijunka::Context<'_>| std::thread::sleep(Duration::from_micros(100));
    let mut sent = 0;
    for customer in 0..200_u32 {
        let job = mail.job(customer).priority(Priority::Low).deadline(Duration::from_secs(1));
        match job.execute(newsletter) {
            Ok(()) => sent += 1,
            Err(refused) => {
                println!("after {sent}: {refused}; try again in {:?}", mail.retry_after(&refused.rejected()));
                break;
            }
        }
    }

    // Refuses new work, runs what was accepted, and tells what became of it.
    let report = runtime.drain(Duration::from_secs(5));
    println!("{} jobs finished during the drain, {} handed back", report.finished, report.abandoned);
    assert!(report.is_clean());
    Ok(())
}
