//! NATS first, RabbitMQ as the fallback, and what happens to one of them, or to both.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use heijunka::{Broker, Clock, Failover, FailoverSettings};
use heijunka_servers::{NatsServer, Proxy, RabbitServer, Vhost};

use super::flow::Flow;
use super::place::Server;
use super::plan::Plan;

/// Both brokers, each behind a proxy.
struct Pair {
    nats: NatsServer,
    rabbit: Vhost,
    to_nats: Proxy,
    to_rabbit: Proxy,
}

impl Pair {
    fn new() -> Self {
        let (nats, rabbit) = (NatsServer::start(), RabbitServer::shared().vhost());
        let (to_nats, to_rabbit) = (Proxy::to(nats.port()), Proxy::to(rabbit.port()));
        Self { nats, rabbit, to_nats, to_rabbit }
    }

    /// As by default, with waits that a test can wait for.
    fn open(&self) -> Failover {
        let settings = FailoverSettings {
            probe_every: Duration::from_millis(500),
            hold: Duration::from_secs(2),
            hold_most: Duration::from_secs(8),
            ..FailoverSettings::default()
        };
        let (primary, fallback) =
            (self.nats.through(self.to_nats.port()), self.rabbit.through(self.to_rabbit.port()));
        Failover::new(primary, fallback, settings, Clock::monotonic())
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn look(&self) -> (Arc<dyn Broker>, u64) {
        self.to_nats.heal();
        self.to_rabbit.heal();
        (Arc::new(self.open()), self.nats.left() + self.rabbit.left())
    }
}

#[test]
fn failover_moves_to_the_fallback_and_back() {
    let (name, pair) = ("failover", Pair::new());
    let (plan, failover) = (Plan::new(name), pair.open());
    let mut flow = Flow::start(name, plan, Arc::new(failover.clone()));
    for _ in 0..plan.pick(3, 1) {
        flow.wait_for_more(30);
        pair.nats.kill();
        flow.flows_again("the primary was killed");
        flow.wait_for_more(30);
        pair.nats.restart();
        flow.flows_again("the primary came back");
        flow.wait_until("publishing moves back", || failover.status().active().name == "nats");
    }
    let status = failover.status();
    println!("{name}: {status:?}");
    assert!(status.trips >= 1 && status.fail_backs >= 1, "{status:?}");
    flow.finish(|| pair.look());
}

#[test]
fn failover_with_a_primary_that_flaps() {
    let (name, pair) = ("failover flaps", Pair::new());
    let (plan, failover) = (Plan::new(name), pair.open());
    let mut flow = Flow::start(name, plan, Arc::new(failover.clone()));
    flow.wait_for_more(20);
    for _ in 0..plan.pick(15, 4) {
        pair.to_nats.cut();
        sleep(Duration::from_secs(2));
        pair.to_nats.heal();
        sleep(Duration::from_secs(2));
    }
    flow.flows_again("flapping");
    println!("{name}: {:?}", failover.status());
    flow.finish(|| pair.look());
}

#[test]
fn failover_with_a_primary_that_stands_still() {
    let (name, pair) = ("failover stands still", Pair::new());
    let (plan, failover) = (Plan::new(name), pair.open());
    let mut flow = Flow::start(name, plan, Arc::new(failover.clone()));
    flow.wait_for_more(20);
    pair.nats.pause();
    flow.flows_again("the primary stands still");
    sleep(Duration::from_secs(plan.pick(20, 3)));
    pair.nats.resume();
    flow.flows_again("the primary goes on");
    println!("{name}: {:?}", failover.status());
    flow.finish(|| pair.look());
}

/// Then the caller is told, and nothing is kept for later where nobody knows of it.
#[test]
fn failover_with_both_down_and_then_up() {
    let (name, pair) = ("failover both down", Pair::new());
    let (plan, failover) = (Plan::new(name), pair.open());
    let mut flow = Flow::start(name, plan, Arc::new(failover.clone()));
    for _ in 0..plan.pick(4, 1) {
        flow.wait_for_more(20);
        pair.to_nats.cut();
        pair.to_rabbit.cut();
        sleep(Duration::from_secs(plan.pick(10, 4)));
        pair.to_rabbit.heal();
        flow.flows_again("the fallback came back");
        pair.to_nats.heal();
        flow.flows_again("the primary came back");
    }
    println!("{name}: {:?}", failover.status());
    flow.finish(|| pair.look());
}
