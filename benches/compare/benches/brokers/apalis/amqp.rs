//! Beside apalis' backend for RabbitMQ.

use std::future::poll_fn;
use std::pin::Pin;
use std::thread::sleep;
use std::time::Duration;

use apalis::prelude::{TaskBuilder, TaskSink, WorkerBuilder};
use apalis_amqp::{AmqpBackend, Config};
use heijunka_compare::clock;
use heijunka_compare::cores::unpinned;
use heijunka_compare::report::Goal;
use heijunka_compare::suite::Suite;
use tokio::runtime::Runtime;

use super::{Held, NAME, items, runtime, wait_until};
use crate::amqp::{Lapin, PREFETCH, broker, lane, server};
use crate::ours::{self, Cost};

/// How many are pushed.
#[derive(Clone, Copy)]
enum Way {
    /// In its own way, which makes the sink ready for every item.
    Bulk,
    /// With the sink made ready once: all that this does is to open a channel.
    Sink,
}

/// Apalis' side, and lapin to look at the queue with.
struct Theirs {
    runtime: Runtime,
    url: String,
    lapin: Lapin,
}

impl Theirs {
    fn connect(url: String) -> Self {
        Self { runtime: runtime(), lapin: Lapin::connect(&url), url }
    }

    /// With its queue and its channel, which the first push makes: and that item is gone again. On its runtime.
    fn backend(&self) -> AmqpBackend<String> {
        let config = Config::default().queue(NAME).quorum(true).prefetch_count(PREFETCH);
        let backend = AmqpBackend::new_from_addr(&self.url).expect("it is an address");
        let mut backend = backend.with_config(config);
        self.push(&mut backend, 1, Way::Bulk);
        self.lapin.purge(NAME);
        backend
    }

    /// Returns when the server has them all.
    fn push(&self, backend: &mut AmqpBackend<String>, count: u32, way: Way) {
        let items = items(count);
        self.runtime.block_on(async {
            match way {
                Way::Bulk => backend.push_bulk(items).await.expect("they are sent"),
                Way::Sink => {
                    poll_fn(|task| TaskSink::poll_ready(Pin::new(&mut *backend), task))
                        .await
                        .expect("it is ready");
                    for item in items {
                        let item = TaskBuilder::new(item).build();
                        TaskSink::start_send(Pin::new(&mut *backend), item).expect("it is taken");
                    }
                    poll_fn(|task| TaskSink::poll_flush(Pin::new(&mut *backend), task))
                        .await
                        .expect("they are sent");
                }
            }
        });
        wait_until(|| self.lapin.depth(NAME) == count);
    }

    /// Nanoseconds per item.
    fn publish(&self, count: u32, way: Way) -> f64 {
        let _entered = self.runtime.enter();
        let mut backend = self.backend();
        let start = clock::raw();
        self.push(&mut backend, count, way);
        let nanos = clock::nanos_between(start, clock::raw());
        self.lapin.purge(NAME);
        nanos as f64 / f64::from(count)
    }

    fn consume(&self, count: u32) -> Cost {
        let _entered = self.runtime.enter();
        let mut backend = self.backend();
        self.push(&mut backend, count, Way::Sink);
        let held = Held::new(count);
        let its = held.clone();
        let worker = WorkerBuilder::new(NAME).backend(backend).build(move |payload: String, worker| {
            let held = its.clone();
            async move { held.run(payload, worker).await }
        });
        let cost = held.cost(&self.runtime, worker.run(), || ());
        // The worker's channel has closed by then, and what it had not acknowledged would be back.
        sleep(Duration::from_millis(200));
        assert_eq!(self.lapin.depth(NAME), 0, "every item is acknowledged");
        cost
    }
}

pub(super) fn measure(suite: &mut Suite) {
    let plan = suite.plan;
    let publish =
        [("amqp/push-bulk-unconfirmed/apalis", Way::Bulk), ("amqp/push-sink-unconfirmed/apalis", Way::Sink)];
    let consume = "amqp/consume/apalis";
    if !publish.iter().any(|(row, _)| suite.wants(row)) && !suite.wants(consume) {
        return;
    }
    let server = server();
    let theirs: &'static Theirs = Box::leak(Box::new(unpinned(move || Theirs::connect(server.url()))));
    let many = plan.scaled(3000);
    let publisher = unpinned(move || broker(server));
    publisher.open(&[lane()], heijunka::Arrivals::unheard(), ours::PATIENCE).expect("there is a queue");
    for (name, way) in publish {
        suite.ratio(name, Goal::AtMost(1.0), ours::pipelining(&publisher, many), || {
            unpinned(move || theirs.publish(many, way))
        });
    }
    publisher.close(ours::PATIENCE);
    theirs.lapin.purge(&lane().subject());
    ours::row(
        suite,
        consume,
        Goal::AtMost(1.0),
        || unpinned(move || ours::consume(&broker(server), many)),
        || unpinned(move || theirs.consume(many)),
    );
}
