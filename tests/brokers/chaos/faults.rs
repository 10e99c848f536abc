//! What may happen to any broker.

use std::thread::sleep;
use std::time::Duration;

use heijunka_servers::{Direction, Proxy};

use super::flow::Flow;
use super::place::Server;
use super::plan::Plan;

/// SIGKILL at seeded moments, and started again some time later.
pub(crate) fn killed(server: &impl Server) {
    let name = format!("{} killed", server.name());
    let plan = Plan::new(&name);
    let mut random = plan.random();
    let mut flow = Flow::start(&name, plan, server.connect());
    for round in 1..=plan.pick(5, 2) {
        flow.wait_for_more(random.u64(20..plan.items / 6));
        sleep(server.youth() + Duration::from_millis(random.u64(0..300)));
        server.kill();
        sleep(Duration::from_millis(random.u64(0..2_000)));
        server.restart();
        flow.flows_again(&format!("kill and restart {round}"));
    }
    flow.finish(|| server.look());
}

/// SIGSTOP for 20 s: the connection is there, and nothing answers.
pub(crate) fn paused(server: &impl Server) {
    let name = format!("{} paused", server.name());
    let plan = Plan::new(&name);
    let mut flow = Flow::start(&name, plan, server.connect());
    flow.wait_for_more(50);
    server.pause();
    sleep(Duration::from_secs(plan.pick(20, 10)));
    server.resume();
    flow.flows_again("standing still");
    flow.finish(|| server.look());
}

/// A fault of the network, some seconds each time.
fn network(server: &impl Server, what: &str, rounds: u32, seconds: u64, fault: impl Fn(&Proxy)) {
    let name = format!("{} {what}", server.name());
    let plan = Plan::new(&name);
    let mut random = plan.random();
    let proxy = Proxy::to(server.port());
    let mut flow = Flow::start(&name, plan, server.through(proxy.port()));
    for round in 1..=plan.pick(rounds * 2, rounds) {
        flow.wait_for_more(random.u64(10..plan.items / 10));
        fault(&proxy);
        let seconds = plan.pick(seconds * 3, seconds);
        sleep(Duration::from_millis(random.u64(seconds * 500..seconds * 1_000)));
        proxy.heal();
        flow.flows_again(&format!("fault {round}"));
    }
    println!("{name}: {} connections", proxy.connections());
    flow.finish(|| server.look());
}

pub(crate) fn cut(server: &impl Server) {
    network(server, "cut off", 3, 1, Proxy::cut);
}

pub(crate) fn stalled_to_server(server: &impl Server) {
    network(server, "does not hear", 1, 6, |proxy| proxy.stall(Direction::ToServer));
}

pub(crate) fn stalled_to_client(server: &impl Server) {
    network(server, "is not heard", 1, 6, |proxy| proxy.stall(Direction::ToClient));
}

/// Where it must find out by itself: the proxy heals before that, and must not tell.
pub(crate) fn half_open(server: &impl Server) {
    let name = format!("{} half open", server.name());
    let plan = Plan::new(&name);
    let proxy = Proxy::to(server.port());
    let mut flow = Flow::start(&name, plan, server.through(proxy.port()));
    for round in 1..=plan.pick(3, 1) {
        flow.wait_for_more(20);
        proxy.half_open();
        flow.flows_again(&format!("half open {round}"));
    }
    proxy.heal();
    flow.finish(|| server.look());
}

/// 200 ms each way: everything is slow, nothing fails.
pub(crate) fn delayed(server: &impl Server) {
    let name = format!("{} far away", server.name());
    let plan = Plan::new(&name);
    let proxy = Proxy::to(server.port());
    let mut flow = Flow::start(&name, plan, server.through(proxy.port()));
    flow.wait_for_more(20);
    proxy.delay(Duration::from_millis(200));
    sleep(Duration::from_secs(plan.pick(20, 4)));
    flow.flows_again("becoming far away");
    proxy.heal();
    flow.flows_again("becoming near");
    flow.finish(|| server.look());
}

pub(crate) fn limited(server: &impl Server) {
    network(server, "at 10 KiB/s", 1, 6, |proxy| proxy.limit(10 * 1024));
}
