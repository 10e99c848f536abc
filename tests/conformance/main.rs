//! The conformance suite against the embedded broker, in both forms.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use heijunka::conformance::{self, Subject};
use heijunka::{Broker, Clock, Durability, Embedded, EmbeddedSettings, Failover, FailoverSettings};

fn settings() -> EmbeddedSettings {
    EmbeddedSettings { lease: Duration::from_millis(500), ..EmbeddedSettings::default() }
}

struct InMemory;

impl Subject for InMemory {
    fn open(&self) -> Arc<dyn Broker> {
        Arc::new(Embedded::in_memory(settings(), Clock::monotonic()))
    }
}

/// A file of its own, removed at the end.
struct InFile {
    path: PathBuf,
    durability: Durability,
}

impl InFile {
    fn new(durability: Durability) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("heijunka-conformance-{}-{number}.redb", std::process::id());
        Self { path: std::env::temp_dir().join(name), durability }
    }
}

impl Subject for InFile {
    fn open(&self) -> Arc<dyn Broker> {
        let broker = Embedded::in_file(&self.path, settings(), self.durability, Clock::monotonic());
        Arc::new(broker.expect("the file can be opened"))
    }
}

impl Drop for InFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Two brokers as one.
struct Two<A, B>(A, B);

impl<A: Subject, B: Subject> Subject for Two<A, B> {
    fn open(&self) -> Arc<dyn Broker> {
        let (primary, fallback) = (self.0.open(), self.1.open());
        let failover = Failover::new(primary, fallback, FailoverSettings::default(), Clock::monotonic());
        Arc::new(failover.expect("it can be started"))
    }
}

mod failover_in_memory {
    heijunka::conformance_tests!(|| super::Two(super::InMemory, super::InMemory));
}

mod failover_of_file_and_memory {
    heijunka::conformance_tests!(|| super::Two(
        super::InFile::new(heijunka::Durability::Process),
        super::InMemory
    ));
}

mod failover_in_files {
    heijunka::conformance_tests!(|| super::Two(
        super::InFile::new(heijunka::Durability::Process),
        super::InFile::new(heijunka::Durability::Process)
    ));
}

mod in_memory {
    heijunka::conformance_tests!(|| super::InMemory);
}

mod in_file {
    heijunka::conformance_tests!(|| super::InFile::new(heijunka::Durability::Process));
}

mod on_disk {
    heijunka::conformance_tests!(|| super::InFile::new(heijunka::Durability::Disk));
}

/// Gives a new file each time, though it is durable by its own word.
struct Forgetful(std::cell::RefCell<Vec<InFile>>);

impl Subject for Forgetful {
    fn open(&self) -> Arc<dyn Broker> {
        self.0.borrow_mut().push(InFile::new(Durability::Process));
        self.0.borrow().last().map(Subject::open).expect("one was made")
    }
}

#[test]
#[should_panic(expected = "1 items of kanban.normal.mail")]
fn a_broker_that_forgets_is_found_out() {
    let subject = Forgetful(std::cell::RefCell::default());
    conformance::check("acked_items_are_gone", &subject);
    conformance::check("what_was_settled_stays_so_after_reopening", &subject);
}
