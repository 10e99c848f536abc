//! What happens to RabbitMQ.

use std::thread::sleep;
use std::time::Duration;

use heijunka_servers::RabbitServer;

use super::faults;
use super::flow::Flow;
use super::place::Server;
use super::plan::Plan;

#[test]
fn amqp_killed_and_restarted() {
    faults::killed(&RabbitServer::start());
}

#[test]
fn amqp_stands_still() {
    faults::paused(&RabbitServer::start());
}

#[test]
fn amqp_cut_off() {
    faults::cut(&RabbitServer::shared().vhost());
}

#[test]
fn amqp_does_not_hear() {
    faults::stalled_to_server(&RabbitServer::shared().vhost());
}

#[test]
fn amqp_is_not_heard() {
    faults::stalled_to_client(&RabbitServer::shared().vhost());
}

#[test]
fn amqp_half_open() {
    faults::half_open(&RabbitServer::shared().vhost());
}

#[test]
fn amqp_far_away() {
    faults::delayed(&RabbitServer::shared().vhost());
}

#[test]
fn amqp_behind_a_thin_wire() {
    faults::limited(&RabbitServer::shared().vhost());
}

/// It stops reading from who publishes: what is consumed goes on, and publishing fails until the alarm is over.
#[test]
fn amqp_with_a_memory_alarm() {
    let (name, server) = ("amqp out of memory", RabbitServer::start());
    let plan = Plan::new(name);
    let mut flow = Flow::start(name, plan, server.connect());
    for round in 1..=plan.pick(3, 1) {
        flow.wait_for_more(30);
        server.ctl(&["set_vm_memory_high_watermark", "0.00001"]);
        sleep(Duration::from_secs(plan.pick(15, 6)));
        server.ctl(&["set_vm_memory_high_watermark", "0.4"]);
        flow.flows_again(&format!("memory alarm {round}"));
    }
    flow.finish(|| server.look());
}

/// A dead letter that finds no room is none: its item stays until there is.
#[test]
fn amqp_with_a_full_dead_letter_queue() {
    let name = "amqp full of dead letters";
    let (shared, plan) = (RabbitServer::shared(), Plan::new(name));
    let vhost = shared.vhost();
    let mut flow = Flow::start(name, plan, vhost.connect());
    flow.flows_again("nothing");
    let full = r#"{"max-length":3,"overflow":"reject-publish"}"#;
    let policy = ["set_policy", "-p", vhost.name(), "--apply-to", "queues", "full", r"^kanban\.dlq$", full];
    shared.ctl(&policy);
    flow.wait_until("no dead letter fits", || flow.shared.dead() > 6);
    flow.flows_again("no dead letter fits any more");
    // By hand there is room for some, of which the channel that publishes is told. That the limit is gone it is not told.
    flow.empty_dead_letters(&vhost.connect());
    shared.ctl(&["clear_policy", "-p", vhost.name(), "full"]);
    let report = flow.finish(|| vhost.look());
    assert!(report.dead_lettered > 6, "{report}");
}
