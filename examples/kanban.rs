//! The pull queue from end to end: publish, work, try again, bury, schedule, replay, drain. It takes about two seconds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use heijunka::{
    DeadLetterFilter, ItemSpec, KanbanConfig, Kind, Outcome, PoolConfig, Priority, ReplayOptions,
    RetryConfig, Runtime, Schedule, When, Work,
};

/// A fault in the handler that is mended while the program runs.
static MENDED: AtomicBool = AtomicBool::new(false);
static SENT: AtomicU64 = AtomicU64::new(0);

fn send_mail(work: &Work<'_>) -> Outcome {
    let item = work.item();
    if work.attempt() == 1 && item.id.as_str() == "mail-3" {
        return Outcome::retry("the mail server is busy"); // comes again, later each time
    }
    if item.payload.is_empty() && !MENDED.load(Ordering::Acquire) {
        return Outcome::dead_letter("no text"); // no attempt will succeed
    }
    // The same item may run more than once, if a process dies between this line and the next. Hand the id on to what you call.
    SENT.fetch_add(1, Ordering::Relaxed);
    Outcome::Done
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let retry = RetryConfig { base: Duration::from_millis(50), ..RetryConfig::default() };
    let runtime = Runtime::builder()
        .limits(80, 100)
        .pool("mail", PoolConfig { kind: Kind::Blocking, max_workers: 4, ..PoolConfig::default() })
        .kanban(KanbanConfig { retry, ..KanbanConfig::default() })
        .handler("mail", send_mail) // the broker is in memory, unless the configuration says otherwise
        .start()?;
    let kanban = runtime.kanban().ok_or("no handler, no queue")?;

    // One item, and a batch. `Ok` means that the broker has it.
    let urgent =
        ItemSpec::new("mail").payload("now!").priority(Priority::High).deadline_in(Duration::from_secs(30));
    println!("published {}", kanban.publisher().publish(urgent)?.id);
    let batch = (1..=20).map(|n| ItemSpec::new("mail").id(format!("mail-{n}")).payload(format!("mail {n}")));
    for receipt in kanban.publisher().publish_batch(batch.chain([ItemSpec::new("mail").id("empty")])) {
        receipt?;
    }

    // Five times a second, by the clock on the wall: several processes that run this publish each item once.
    let digest = Schedule::new("digest", "mail", When::Every(Duration::from_millis(200)))?;
    kanban.scheduler().add(Schedule { payload: "digest".into(), ..digest })?;
    std::thread::sleep(Duration::from_secs(1));
    kanban.scheduler().cancel("digest")?;

    let letters = kanban.dead_letters();
    for letter in letters.list(&DeadLetterFilter::default(), 3)?.letters {
        println!(
            "dead: {} after {} attempts, {}: {}",
            letter.item.id, letter.attempts, letter.reason, letter.error
        );
    }
    MENDED.store(true, Ordering::Release);
    let replayed = letters.replay_all(&DeadLetterFilter::default(), &ReplayOptions::default());
    println!(
        "{} of {} replayed",
        replayed.letters.iter().filter(|letter| letter.outcome.is_replayed()).count(),
        replayed.letters.len()
    );

    // Refuses new work, runs what waits, and tells what became of it.
    let report = runtime.drain(Duration::from_secs(10));
    let counts = kanban.status().counts;
    println!("{} sent, {} tried again, {} buried", counts.done, counts.retried, counts.dead_lettered);
    assert_eq!(counts.done, SENT.load(Ordering::Relaxed));
    assert!(report.is_clean());
    Ok(())
}
