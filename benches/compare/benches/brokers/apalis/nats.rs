//! Beside apalis' backend for NATS.

use apalis::prelude::{TaskSink, WorkerBuilder};
use apalis_nats::{Config, NatsJetStream};
use async_nats_of_apalis::Client;
use async_nats_of_apalis::jetstream::consumer::pull;
use async_nats_of_apalis::jetstream::{self, Context, stream};
use heijunka_compare::clock;
use heijunka_compare::cores::unpinned;
use heijunka_compare::report::Goal;
use heijunka_compare::suite::Suite;
use tokio::runtime::Runtime;

use super::{Held, NAME, items, runtime, wait_until};
use crate::nats::{Bare, OURS, broker, server};
use crate::ours::{self, Cost};

/// Deliveries that wait for their acknowledgement: what ours holds and has asked for, and as with RabbitMQ.
const PENDING: i64 = 512;

type Backend = NatsJetStream<String, pull::Config>;

struct Theirs {
    runtime: Runtime,
    client: Client,
    context: Context,
}

impl Theirs {
    fn connect(url: &str) -> Self {
        let runtime = runtime();
        let (client, context) = runtime.block_on(async {
            let client = async_nats_of_apalis::connect(url).await.expect("it connects");
            (client.clone(), jetstream::new(client))
        });
        Self { runtime, client, context }
    }

    /// With its stream and its consumer, which the first push makes; all that is there is gone then. On its runtime.
    fn backend(&self) -> Backend {
        let mut config = Config::new(NAME).with_pull_consumer().durable().with_max_ack_pending(PENDING);
        config.stream.retention = stream::RetentionPolicy::WorkQueue;
        config.stream.discard = stream::DiscardPolicy::New;
        config.stream.storage = stream::StorageType::File;
        let mut backend = NatsJetStream::new(self.client.clone()).with_config(config);
        self.push(&mut backend, 1);
        self.purge();
        backend
    }

    fn purge(&self) {
        self.runtime.block_on(async { self.stream().await.purge().await.expect("it is emptied") });
    }

    async fn stream(&self) -> stream::Stream {
        self.context.get_stream(NAME).await.expect("there is a stream")
    }

    /// How many the server has.
    fn depth(&self) -> u64 {
        self.runtime.block_on(self.stream()).cached_info().state.messages
    }

    /// Returns when the server has them all.
    fn push(&self, backend: &mut Backend, count: u32) {
        self.runtime.block_on(backend.push_bulk(items(count))).expect("they are sent");
        wait_until(|| self.depth() == u64::from(count));
    }

    /// Nanoseconds per item.
    fn publish(&self, count: u32) -> f64 {
        let _entered = self.runtime.enter();
        let mut backend = self.backend();
        let start = clock::raw();
        self.push(&mut backend, count);
        let nanos = clock::nanos_between(start, clock::raw());
        self.purge();
        nanos as f64 / f64::from(count)
    }

    fn consume(&self, count: u32) -> Cost {
        let _entered = self.runtime.enter();
        let mut backend = self.backend();
        self.push(&mut backend, count);
        let held = Held::new(count);
        let its = held.clone();
        let worker = WorkerBuilder::new(NAME).backend(backend).build(move |payload: String, worker| {
            let held = its.clone();
            async move { held.run(payload, worker).await }
        });
        held.cost(&self.runtime, worker.run(), || wait_until(|| self.depth() == 0))
    }
}

pub(super) fn measure(suite: &mut Suite) {
    let plan = suite.plan;
    let (publish, consume) = ("nats/push-bulk-unconfirmed/apalis", "nats/consume/apalis");
    if ![publish, consume].iter().any(|row| suite.wants(row)) {
        return;
    }
    let server = server();
    let theirs: &'static Theirs = Box::leak(Box::new(unpinned(move || Theirs::connect(&server.url()))));
    let many = plan.scaled(5000);
    let publisher = unpinned(move || broker(server));
    suite.ratio(publish, Goal::AtMost(1.0), ours::pipelining(&publisher, many), || {
        unpinned(move || theirs.publish(many))
    });
    publisher.close(ours::PATIENCE);
    unpinned(move || Bare::connect(&server.url()).purge(OURS));
    ours::row(
        suite,
        consume,
        Goal::AtMost(1.0),
        || unpinned(move || ours::consume(&broker(server), many)),
        || unpinned(move || theirs.consume(many)),
    );
}
