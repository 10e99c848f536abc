//! A server that says random, truncated and oversized things: to whoever connects, and to who was connected to a real one before.
//!
//! `HEIJUNKA_GARBAGE_ROUNDS` sets how many connections (10 000 in the long form, 300 unless told), `HEIJUNKA_SEED` what is said.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use heijunka::{Broker, Clock, Lane, Name, Priority, Publisher, Want};
use heijunka_servers::{FakeServer, NatsServer, Proxy, RabbitServer};

use crate::chaos::flow::Flow;
use crate::chaos::letters::{self, DOMAIN};
use crate::chaos::place::{self, Server};
use crate::chaos::plan::{Plan, from_environment};

/// Connections that are tried at the same time.
const ABREAST: u64 = 4;

const SHORTLY: Duration = Duration::from_millis(200);

type Connect = dyn Fn(u16) -> Option<Arc<dyn Broker>> + Sync;

/// What this process takes up.
struct Usage {
    /// Allocated and not freed, in bytes.
    allocated: usize,
    /// Resident, in bytes: with what the allocator keeps for later.
    resident: u64,
    threads: u64,
    /// Processor time until now, in clock ticks: hundredths of a second.
    ticks: u64,
}

impl Usage {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let number = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let after_name: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = |field: usize| after_name[field].parse::<u64>().unwrap();
        Self {
            allocated: allocated(),
            resident: number("VmRSS:") * 1024,
            threads: number("Threads:"),
            ticks: ticks(11) + ticks(12),
        }
    }
}

/// As glibc counts it, over all of its arenas. It keeps eight of them per core, and in each as much as was ever needed at a time, which for frames of
/// megabytes is some hundred MiB in all: what is resident says nothing of what is still held.
fn allocated() -> usize {
    // SAFETY: it may be called at any time from any thread.
    let counted = unsafe { libc::mallinfo2() };
    counted.uordblks + counted.hblkhd
}

/// Uses a broker as little as can be, through a proxy that listens.
fn use_once(broker: &Arc<dyn Broker>, within: Duration) {
    let publisher = Publisher::new(broker.clone(), Clock::monotonic()).timeout(within);
    let _ = publisher.publish(letters::spec("garbage-quick"));
    let lanes = Priority::ALL.map(|priority| Lane { priority, domain: Name::new(DOMAIN).unwrap() });
    let wants = lanes.each_ref().map(|lane| Want { lane, most: 10 });
    drop(broker.pull(&wants, within));
    let _ = broker.depth(&lanes[0], within);
    let _ = broker.dead_letters(0, 10, within);
    broker.close(within);
}

fn garbage(name: &str, healthy: &dyn Server, connect: &Connect) {
    let plan = Plan::new(name);
    let rounds = from_environment("HEIJUNKA_GARBAGE_ROUNDS").unwrap_or(300);
    let proxy = Proxy::to(healthy.port());
    let broker = healthy.through(proxy.port());
    use_once(&broker, letters::WITHIN);
    drop(broker);
    let heard = proxy.heard();
    assert!(heard.iter().any(|said| said.len() > 1), "it was listened to");
    drop(proxy);

    let panics: &'static AtomicU64 = Box::leak(Box::default());
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // amiquip panics in a thread of its own over some nonsense, which ends with its connection and nothing else. No backtrace: what is read to
        // name the callers is kept, megabytes of it.
        if thread::current().name() == Some("amiquip-io") {
            return println!("amiquip: {panic}");
        }
        // Relaxed: a count, read after all that panic have ended.
        panics.fetch_add(1, Ordering::Relaxed);
        usual(panic);
    }));
    let fake = FakeServer::start(plan.seed, heard);
    let connected = AtomicU64::new(0);
    let mut before = None;
    // The first part warms up whatever is allocated once.
    for part in [rounds / 3, rounds - rounds / 3] {
        thread::scope(|scope| {
            for _ in 0..ABREAST {
                scope.spawn(|| {
                    for _ in 0..part.div_ceil(ABREAST) {
                        if let Some(broker) = connect(fake.port()) {
                            connected.fetch_add(1, Ordering::Relaxed);
                            use_once(&broker, SHORTLY);
                        }
                    }
                });
            }
        });
        if before.is_none() {
            before = Some(Usage::now());
        }
    }
    let before = before.unwrap();
    let busy = Usage::now();
    // The threads of given up connections end by themselves, and so do those of the server.
    thread::sleep(Duration::from_secs(5));
    let resting = Usage::now();
    thread::sleep(Duration::from_secs(2));
    let after = Usage::now();
    println!(
        "{name}: {} connections, {} of them good enough; {} KiB allocated, then {} KiB ({} KiB resident); threads {}, then {}; {} ms of \
         processor time in all, {} ms in the last 2 s; {} panics",
        fake.connections(),
        connected.load(Ordering::Relaxed),
        before.allocated / 1024,
        after.allocated / 1024,
        after.resident / 1024,
        before.threads,
        after.threads,
        busy.ticks * 10,
        (after.ticks - resting.ticks) * 10,
        panics.load(Ordering::Relaxed),
    );
    assert!(fake.connections() >= rounds, "somebody connected");
    assert_eq!(panics.load(Ordering::Relaxed), 0, "no panics");
    // The listener and the main thread, and what was there before.
    assert!(after.threads <= 8, "{} threads are left", after.threads);
    assert!(after.allocated < before.allocated + (8 << 20), "memory grows");
    assert!(after.ticks - resting.ticks < 50, "something goes round in circles");
}

#[test]
fn nats_that_talks_garbage() {
    garbage("nats garbage", &NatsServer::start(), &|port| {
        let url = format!("nats://127.0.0.1:{port}");
        let settings = heijunka::NatsSettings { connect_timeout: SHORTLY, ..place::nats_settings(vec![url]) };
        Some(Arc::new(heijunka::Nats::connect(settings, Clock::monotonic()).ok()?))
    });
}

#[test]
fn amqp_that_talks_garbage() {
    garbage("amqp garbage", &RabbitServer::shared().vhost(), &|port| {
        let settings = heijunka::AmqpSettings { connect_timeout: SHORTLY, ..place::amqp_settings(port, "/") };
        Some(Arc::new(heijunka::Amqp::connect(settings, Clock::monotonic()).ok()?))
    });
}

/// Was well, is answered by garbage whenever it connects anew, and is well again: nothing was lost.
fn in_between(server: &impl Server) {
    let name = format!("{} garbage in between", server.name());
    let plan = Plan::new(&name);
    // What was said to who published nothing: a server that repeats its confirmations would be believed, and rightly.
    let before = Proxy::to(server.port());
    let broker = server.through(before.port());
    let _ = broker.dead_letter_count(letters::WITHIN);
    broker.close(letters::WITHIN);
    let proxy = Proxy::to(server.port());
    let mut flow = Flow::start(&name, plan, server.through(proxy.port()));
    flow.wait_for_more(30);
    let fake = FakeServer::start(plan.seed, before.heard());
    proxy.redirect(fake.port());
    thread::sleep(Duration::from_secs(plan.pick(30, 6)));
    proxy.redirect(server.port());
    flow.flows_again("garbage");
    println!("{name}: {} connections to who talked garbage", fake.connections());
    flow.finish(|| server.look());
}

#[test]
fn nats_talks_garbage_for_a_while() {
    in_between(&NatsServer::start());
}

#[test]
fn amqp_talks_garbage_for_a_while() {
    in_between(&RabbitServer::shared().vhost());
}
