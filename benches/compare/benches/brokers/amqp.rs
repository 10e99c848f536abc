//! Beside amiquip, which the adapter is built on, and lapin.

use std::net::TcpStream;
use std::sync::{Arc, OnceLock};

use amiquip::{
    AmqpProperties, Auth, Confirm, ConfirmSmoother, Connection, ConnectionOptions, ConnectionTuning,
    ConsumerMessage, ConsumerOptions, Exchange, FieldTable as Fields, Publish,
    QueueDeclareOptions as Declare,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use heijunka::{Amqp, AmqpSettings, Broker, Clock};
use heijunka_compare::clock;
use heijunka_compare::cores::unpinned;
use heijunka_compare::latency::Latency;
use heijunka_compare::report::Goal;
use heijunka_compare::suite::Suite;
use heijunka_servers::RabbitServer;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, ConnectionProperties};
use tokio::runtime::{Builder, Runtime};

use crate::ours::{self, Cost, PATIENCE};
use crate::{PAYLOAD, WINDOW};

/// The queue of the bare clients: of the kind that ours are.
const QUEUE: &str = "bare";

/// Deliveries that wait for their acknowledgement, as ours may.
pub(crate) const PREFETCH: u16 = 512;

/// One for all rows.
pub(crate) fn server() -> &'static RabbitServer {
    static SERVER: OnceLock<RabbitServer> = OnceLock::new();
    SERVER.get_or_init(RabbitServer::start)
}

pub(crate) fn broker(server: &RabbitServer) -> Arc<dyn Broker> {
    let settings = AmqpSettings { port: server.port(), window: WINDOW, ..AmqpSettings::default() };
    Arc::new(Amqp::connect(settings, Clock::monotonic()).expect("it connects"))
}

/// lapin on one thread.
pub(crate) struct Lapin {
    runtime: Runtime,
    channel: Channel,
    _connection: lapin::Connection,
}

impl Lapin {
    pub(crate) fn connect(url: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let (connection, channel) = runtime.block_on(async {
            let connection =
                lapin::Connection::connect(url, ConnectionProperties::default()).await.expect("it connects");
            let channel = connection.create_channel().await.expect("a channel opens");
            let mut arguments = FieldTable::default();
            arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
            let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
            channel.queue_declare(QUEUE.into(), durable, arguments).await.expect("there is a queue");
            channel.confirm_select(ConfirmSelectOptions::default()).await.expect("it confirms");
            channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.expect("it limits");
            (connection, channel)
        });
        Self { runtime, channel, _connection: connection }
    }

    async fn publish(&self) -> lapin::PublisherConfirm {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default().with_delivery_mode(2);
        let sent = self.channel.basic_publish("".into(), QUEUE.into(), options, &PAYLOAD, properties);
        sent.await.expect("it is sent")
    }

    fn single(&self, items: u32) -> Latency {
        ours::latency(items, || {
            self.runtime.block_on(async {
                assert!(self.publish().await.await.expect("it is answered").is_ack());
            });
        })
    }

    fn pipelined(&self, items: u32) -> f64 {
        let start = clock::raw();
        self.runtime.block_on(async {
            let mut flying = FuturesUnordered::new();
            for _ in 0..items {
                if flying.len() == WINDOW {
                    let confirmed: Option<Result<lapin::Confirmation, _>> = flying.next().await;
                    assert!(confirmed.expect("there is one").expect("it is answered").is_ack());
                }
                flying.push(self.publish().await);
            }
            while let Some(confirmed) = flying.next().await {
                assert!(confirmed.expect("it is answered").is_ack());
            }
        });
        clock::nanos_between(start, clock::raw()) as f64 / f64::from(items)
    }

    /// What is there, pushed and acknowledged one by one.
    fn consume(&self, items: u32) -> Cost {
        ours::cost(items, || {
            self.runtime.block_on(async {
                let options = BasicConsumeOptions::default();
                let consumer =
                    self.channel.basic_consume(QUEUE.into(), "bare".into(), options, FieldTable::default());
                let mut consumer = consumer.await.expect("it consumes");
                for _ in 0..items {
                    let delivery = consumer.next().await.expect("there is one").expect("it comes");
                    delivery.ack(BasicAckOptions::default()).await.expect("it is acknowledged");
                }
                self.channel
                    .basic_cancel("bare".into(), lapin::options::BasicCancelOptions::default())
                    .await
                    .expect("it ends");
            });
        })
    }

    /// How many a queue has to give.
    #[cfg(feature = "apalis-brokers")]
    pub(crate) fn depth(&self, queue: &str) -> u32 {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = self.channel.queue_declare(queue.into(), passive, FieldTable::default());
        self.runtime.block_on(queue).expect("there is a queue").message_count()
    }

    pub(crate) fn purge(&self, queue: &str) {
        self.runtime.block_on(async {
            self.channel
                .queue_purge(queue.into(), QueuePurgeOptions::default())
                .await
                .expect("it is emptied");
        });
    }
}

/// amiquip, with the delay of small packets switched off as in the adapter.
fn bare(port: u16) -> Connection {
    let socket = TcpStream::connect(("127.0.0.1", port)).expect("it connects");
    socket.set_nodelay(true).expect("it is sent at once");
    let stream = mio06::net::TcpStream::from_stream(socket).expect("it is watched");
    let tuning = ConnectionTuning::default().mem_channel_bound(1024).buffered_writes_high_water(1 << 20);
    let options = ConnectionOptions::<Auth>::default();
    Connection::insecure_open_stream(stream, options, tuning).expect("it opens")
}

/// Nanoseconds per item with so many unconfirmed; the latency of each if that is one.
fn bare_publish(port: u16, items: u32, window: usize) -> (f64, Latency) {
    let mut connection = bare(port);
    let channel = connection.open_channel(None).expect("a channel opens");
    let confirms = channel.listen_for_publisher_confirms().expect("it listens");
    channel.enable_publisher_confirms().expect("it confirms");
    let exchange = Exchange::direct(&channel);
    let mut smoother = ConfirmSmoother::new();
    let mut flying = 0;
    let mut heard = |flying: &mut usize| {
        let confirm = confirms.recv().expect("it is answered");
        for confirm in smoother.process(confirm) {
            assert!(matches!(confirm, Confirm::Ack(_)));
            *flying -= 1;
        }
    };
    let start = clock::raw();
    let latency = ours::latency(items, || {
        while flying >= window {
            heard(&mut flying);
        }
        let properties = AmqpProperties::default().with_delivery_mode(2);
        let publish = Publish {
            body: &PAYLOAD,
            routing_key: QUEUE.into(),
            mandatory: true,
            immediate: false,
            properties,
        };
        exchange.publish(publish).expect("it is sent");
        flying += 1;
        while window == 1 && flying > 0 {
            heard(&mut flying);
        }
    });
    while flying > 0 {
        heard(&mut flying);
    }
    let each = clock::nanos_between(start, clock::raw()) as f64 / f64::from(items);
    connection.close().expect("it closes");
    (each, latency)
}

fn bare_consume(port: u16, items: u32) -> Cost {
    let mut connection = bare(port);
    let channel = connection.open_channel(None).expect("a channel opens");
    channel.qos(0, PREFETCH, false).expect("it limits");
    let mut arguments = Fields::new();
    arguments.insert("x-queue-type".into(), amiquip::AmqpValue::LongString("quorum".into()));
    let declare = Declare { durable: true, arguments, ..Declare::default() };
    let queue = channel.queue_declare(QUEUE, declare).expect("there is a queue");
    let cost = ours::cost(items, || {
        let consumer = queue.consume(ConsumerOptions::default()).expect("it consumes");
        for _ in 0..items {
            let Ok(ConsumerMessage::Delivery(delivery)) = consumer.receiver().recv() else {
                panic!("there is one")
            };
            consumer.ack(delivery).expect("it is acknowledged");
        }
        consumer.cancel().expect("it ends");
        // The client gives up the connection if the receiver is gone before it was told of the end.
        while let Ok(ConsumerMessage::Delivery(_)) = consumer.receiver().recv() {}
    });
    connection.close().expect("it closes");
    cost
}

pub(crate) fn measure(suite: &mut Suite) {
    let plan = suite.plan;
    if !["single", "pipelined", "consume"]
        .iter()
        .any(|row| ["lapin", "amiquip"].iter().any(|peer| suite.wants(&format!("amqp/{row}/{peer}"))))
    {
        return;
    }
    let server = server();
    let port = server.port();
    let lapin: &'static Lapin = Box::leak(Box::new(unpinned(move || Lapin::connect(&server.url()))));
    let broker = unpinned(move || broker(server));
    broker.open(&[lane()], heijunka::Arrivals::unheard(), PATIENCE).expect("there is a queue");
    let (single, many) = (plan.scaled(100), plan.scaled(3000));
    let one_by_one = || {
        let ours = broker.clone();
        unpinned(move || ours::single(&ours, single))
    };
    suite.latency("amqp/single/lapin", Goal::AtMost(2.0), one_by_one, || {
        unpinned(move || lapin.single(single))
    });
    suite.latency("amqp/single/amiquip", Goal::AtMost(2.0), one_by_one, || {
        unpinned(move || bare_publish(port, single, 1).1)
    });
    let pipelined = || ours::pipelining(&broker, many);
    let goal = Goal::AtMost(1.0 / 0.9);
    suite.ratio("amqp/pipelined/lapin", goal, pipelined(), || unpinned(move || lapin.pipelined(many)));
    suite.ratio("amqp/pipelined/amiquip", goal, pipelined(), || {
        unpinned(move || bare_publish(port, many, WINDOW).0)
    });
    broker.close(PATIENCE);
    lapin.purge(&lane().subject());
    lapin.purge(QUEUE);
    let consume = || unpinned(move || ours::consume(&self::broker(server), many));
    ours::row(suite, "amqp/consume/lapin", goal, consume, || {
        unpinned(move || {
            lapin.pipelined(many);
            lapin.consume(many)
        })
    });
    ours::row(suite, "amqp/consume/amiquip", goal, consume, || {
        unpinned(move || {
            lapin.pipelined(many);
            bare_consume(port, many)
        })
    });
}

pub(crate) fn lane() -> heijunka::Lane {
    let domain = heijunka::Name::new("mail").expect("it is a name");
    heijunka::Lane { priority: heijunka::Priority::Normal, domain }
}
