//! Beside async-nats, which the adapter is built on, on one thread as there.

use std::sync::{Arc, OnceLock};

use async_nats::HeaderMap;
use async_nats::jetstream::{self, consumer, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use heijunka::{Broker, Clock, Nats, NatsSettings};
use heijunka_compare::clock;
use heijunka_compare::cores::unpinned;
use heijunka_compare::latency::Latency;
use heijunka_compare::report::Goal;
use heijunka_compare::suite::Suite;
use heijunka_servers::NatsServer;
use tokio::runtime::{Builder, Runtime};

use crate::ours::{self, Cost, PATIENCE};
use crate::{PAYLOAD, WINDOW};

/// Our stream.
pub(crate) const OURS: &str = "KANBAN";

/// One for all rows.
pub(crate) fn server() -> &'static NatsServer {
    static SERVER: OnceLock<NatsServer> = OnceLock::new();
    SERVER.get_or_init(NatsServer::start)
}

pub(crate) fn broker(server: &NatsServer) -> Arc<dyn Broker> {
    let settings = NatsSettings { urls: vec![server.url()], window: WINDOW, ..NatsSettings::default() };
    Arc::new(Nats::connect(settings, Clock::monotonic()).expect("it connects"))
}

/// async-nats on one thread, as the adapter has it.
pub(crate) struct Bare {
    runtime: Runtime,
    context: jetstream::Context,
}

impl Bare {
    pub(crate) fn connect(url: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let context = runtime.block_on(async {
            let mut context = jetstream::new(async_nats::connect(url).await.expect("it connects"));
            context.set_timeout(PATIENCE);
            let config = stream::Config {
                name: "BARE".into(),
                subjects: vec!["bare.>".into()],
                retention: stream::RetentionPolicy::WorkQueue,
                discard: stream::DiscardPolicy::New,
                storage: stream::StorageType::File,
                ..stream::Config::default()
            };
            context.get_or_create_stream(config).await.expect("there is a stream");
            context
        });
        Self { runtime, context }
    }

    fn single(&self, items: u32) -> Latency {
        ours::latency(items, || {
            self.runtime.block_on(async {
                let ack = self
                    .context
                    .publish("bare.mail", Bytes::from_static(&PAYLOAD))
                    .await
                    .expect("it is sent");
                ack.await.expect("it is stored");
            });
        })
    }

    /// With ids that the server tells duplicates by, as it does ours, or without.
    fn pipelined(&self, items: u32, ids: bool) -> f64 {
        let start = clock::raw();
        self.runtime.block_on(async {
            let mut flying = FuturesUnordered::new();
            for item in 0..items {
                if flying.len() == WINDOW {
                    let stored: Option<Result<_, _>> = flying.next().await;
                    stored.expect("there is one").expect("it is stored");
                }
                let payload = Bytes::from_static(&PAYLOAD);
                let sent = if ids {
                    let mut headers = HeaderMap::new();
                    headers.insert("Nats-Msg-Id", format!("{start}:{item}"));
                    self.context.publish_with_headers("bare.mail", headers, payload).await
                } else {
                    self.context.publish("bare.mail", payload).await
                };
                flying.push(sent.expect("it is sent").into_future());
            }
            while let Some(stored) = flying.next().await {
                stored.expect("it is stored");
            }
        });
        clock::nanos_between(start, clock::raw()) as f64 / f64::from(items)
    }

    /// Pulls batches of the window's size, one asked for while the last is worked on, as its `messages` stream does; acknowledgements are confirmed, as ours
    /// are, or not.
    fn consume(&self, items: u32, confirmed: bool) -> Cost {
        let mut messages = self.runtime.block_on(async {
            let stream = self.context.get_stream("BARE").await.expect("there is a stream");
            let config = consumer::pull::Config {
                durable_name: Some("bare".into()),
                max_ack_pending: 20_000,
                ..consumer::pull::Config::default()
            };
            let consumer = stream.get_or_create_consumer("bare", config).await.expect("there is a consumer");
            consumer.stream().max_messages_per_batch(WINDOW).messages().await.expect("it gives messages")
        });
        ours::cost(items, || {
            self.runtime.block_on(async {
                let mut flying = FuturesUnordered::new();
                for _ in 0..items {
                    let message = messages.next().await.expect("there is one").expect("it comes");
                    if confirmed {
                        flying.push(async move { message.double_ack().await });
                        if flying.len() == WINDOW {
                            flying.next().await.expect("there is one").expect("it is acknowledged");
                        }
                    } else {
                        message.ack().await.expect("it is acknowledged");
                    }
                }
                while let Some(acked) = flying.next().await {
                    acked.expect("it is acknowledged");
                }
            });
        })
    }

    pub(crate) fn purge(&self, stream: &str) {
        self.runtime.block_on(async {
            self.context
                .get_stream(stream)
                .await
                .expect("there is a stream")
                .purge()
                .await
                .expect("it is emptied");
        });
    }
}

pub(crate) fn measure(suite: &mut Suite) {
    let plan = suite.plan;
    let rows = [
        "nats/publish-single",
        "nats/publish-pipelined",
        "nats/publish-pipelined-ids",
        "nats/consume",
        "nats/consume-confirmed",
    ];
    if !rows.iter().any(|row| suite.wants(row)) {
        return;
    }
    let server = server();
    let bare: &'static Bare = Box::leak(Box::new(unpinned(move || Bare::connect(&server.url()))));
    let broker = unpinned(move || broker(server));
    let (single, many) = (plan.scaled(300), plan.scaled(5000));
    let ours = broker.clone();
    suite.latency(
        "nats/publish-single",
        Goal::AtMost(2.0),
        || {
            let ours = ours.clone();
            unpinned(move || ours::single(&ours, single))
        },
        || unpinned(move || bare.single(single)),
    );
    for (name, ids) in [("nats/publish-pipelined", false), ("nats/publish-pipelined-ids", true)] {
        suite.ratio(name, Goal::AtMost(1.0 / 0.9), ours::pipelining(&broker, many), || {
            unpinned(move || bare.pipelined(many, ids))
        });
    }
    bare.purge(OURS);
    bare.purge("BARE");
    broker.close(PATIENCE);
    for (name, confirmed) in [("nats/consume-confirmed", true), ("nats/consume", false)] {
        ours::row(
            suite,
            name,
            Goal::AtMost(1.0 / 0.9),
            || unpinned(move || ours::consume(&self::broker(server), many)),
            || {
                unpinned(move || {
                    bare.pipelined(many, false);
                    bare.consume(many, confirmed)
                })
            },
        );
    }
}
