//! How fast it is beside the bare client: printed, never asserted. `cargo test --release --features nats --test brokers speed -- --ignored --nocapture`

use std::time::{Duration, Instant};

use async_nats::jetstream;
use futures_util::StreamExt;
use heijunka::{Broker, NatsSettings, Settlement, Verdict, Want};
use heijunka_servers::NatsServer;

use super::rig::{WITHIN, connect, item, lane, open, settings};

const ITEMS: usize = 40_000;

fn print(what: &str, count: usize, took: Duration) {
    let each = took / u32::try_from(count).expect("few enough");
    println!("{what:40} {:8.0} /s {each:10.1?} each", count as f64 / took.as_secs_f64());
}

/// What this thread's process has used of the processor so far.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

#[expect(clippy::disallowed_methods, reason = "real time is measured")]
fn timed(what: &str, count: usize, body: impl FnOnce()) {
    let (since, before) = (Instant::now(), cpu());
    body();
    print(what, count, since.elapsed());
    println!(
        "{:40} {:.1?} of the processor each",
        "",
        cpu().saturating_sub(before) / u32::try_from(count).expect("few enough")
    );
}

#[test]
#[ignore = "it measures"]
fn speed() {
    let server = NatsServer::start();
    let nats = connect(NatsSettings { lease: Duration::from_secs(30), ..settings(&server) });
    open(&nats);
    let items: Vec<_> = (0..ITEMS)
        .map(|n| {
            let mut item = (*item(&format!("i{n}"))).clone();
            item.payload = vec![7; 256].into();
            std::sync::Arc::new(item)
        })
        .collect();
    timed("heijunka: publish one by one", 2000, || {
        for item in &items[..2000] {
            assert!(nats.publish(std::slice::from_ref(item), WITHIN)[0].is_ok());
        }
    });
    timed("heijunka: publish pipelined", ITEMS - 2000, || {
        for group in items[2000..].chunks(4000) {
            assert!(nats.publish(group, Duration::from_secs(60)).iter().all(Result::is_ok));
        }
    });
    let lane = lane();
    for most in [10, 100] {
        timed(&format!("heijunka: pull {most} and ack"), ITEMS / 2, || {
            let mut left = ITEMS / 2;
            while left > 0 {
                let taken = nats
                    .pull(&[Want { lane: &lane, most: most.min(left) }], WITHIN)
                    .expect("it can be pulled");
                left -= taken.len();
                let ack = |delivery: heijunka::Delivery| Settlement {
                    ticket: delivery.ticket,
                    verdict: Verdict::Ack,
                };
                nats.settle(taken.into_iter().map(ack).collect(), WITHIN);
            }
        });
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be built");
    runtime.block_on(bare(&server));
}

#[expect(clippy::disallowed_methods, reason = "real time is measured")]
async fn bare(server: &NatsServer) {
    let client = async_nats::connect(server.url()).await.expect("it is there");
    let context = jetstream::new(client);
    let stream = context.get_stream("KANBAN").await.expect("it is there");
    let (mut since, mut before) = (Instant::now(), cpu());
    let mut lap = |what: &str, count: usize| {
        print(what, count, since.elapsed());
        println!(
            "{:40} {:.1?} of the processor each",
            "",
            cpu().saturating_sub(before) / u32::try_from(count).expect("few enough")
        );
        (since, before) = (Instant::now(), cpu());
    };
    let send = |n: usize| {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("bare{n}").as_str());
        context.publish_with_headers("kanban.normal.mail", headers, vec![7; 256].into())
    };
    for n in 0..2000 {
        send(n).await.expect("it is sent").await.expect("it is stored");
    }
    lap("async-nats: publish one by one", 2000);
    let mut acks = futures_util::stream::FuturesUnordered::new();
    for n in 2000..ITEMS {
        acks.push(send(n).await.expect("it is sent").into_future());
        if acks.len() >= 256 {
            acks.next().await.expect("some are on their way").expect("it is stored");
        }
    }
    while let Some(ack) = acks.next().await {
        ack.expect("it is stored");
    }
    lap("async-nats: publish pipelined", ITEMS - 2000);
    let consumer: jetstream::consumer::PullConsumer =
        stream.get_consumer("kb_normal_mail").await.expect("it is there");
    for most in [10, 100] {
        let mut left = ITEMS / 2;
        while left > 0 {
            let mut batch =
                consumer.fetch().max_messages(most.min(left)).messages().await.expect("it can be asked");
            let mut acks = futures_util::stream::FuturesUnordered::new();
            while let Some(message) = batch.next().await {
                let message = message.expect("it is one");
                left -= 1;
                acks.push(async move { message.double_ack().await });
            }
            while let Some(ack) = acks.next().await {
                ack.expect("it is acknowledged");
            }
        }
        lap(&format!("async-nats: fetch {most} and double ack"), ITEMS / 2);
    }
}
