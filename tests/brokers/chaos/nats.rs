//! What happens to a NATS server.

use std::thread::sleep;
use std::time::Duration;

use heijunka_servers::NatsServer;
use serde_json::{Value, json};

use super::faults;
use super::flow::Flow;
use super::letters::{self, Kind};
use super::place::Server;
use super::plan::Plan;

#[test]
fn nats_killed_and_restarted() {
    faults::killed(&NatsServer::start());
}

#[test]
fn nats_stands_still() {
    faults::paused(&NatsServer::start());
}

#[test]
fn nats_cut_off() {
    faults::cut(&NatsServer::start());
}

#[test]
fn nats_does_not_hear() {
    faults::stalled_to_server(&NatsServer::start());
}

#[test]
fn nats_is_not_heard() {
    faults::stalled_to_client(&NatsServer::start());
}

#[test]
fn nats_half_open() {
    faults::half_open(&NatsServer::start());
}

#[test]
fn nats_far_away() {
    faults::delayed(&NatsServer::start());
}

#[test]
fn nats_behind_a_thin_wire() {
    faults::limited(&NatsServer::start());
}

/// A work-queue stream forgets the ids of what was acknowledged when its server restarts, so a publisher that repeats itself is taken at its
/// word within the window: the seen store knows better.
#[test]
fn nats_restarted_with_acknowledged_items_inside_the_window() {
    let (name, server) = ("nats forgets", NatsServer::start());
    let plan = Plan::new(name);
    let mut flow = Flow::start(name, plan, server.connect());
    flow.flows_again("nothing");
    let ids: Vec<String> = (0..50).map(|n| Kind::Quick.id(&format!("again-{n}"))).collect();
    let publish = || {
        for id in &ids {
            flow.shared.history.attempted(id);
            while flow.kanban().publisher().publish(letters::spec(id)).is_err() {
                flow.shared.history.unknown(id);
                sleep(Duration::from_millis(20));
            }
            flow.shared.history.confirmed(id);
        }
    };
    publish();
    flow.wait_until("all have run", || flow.shared.ran("again-") == ids.len());
    server.kill();
    server.restart();
    publish();
    flow.flows_again("restart");
    let report = flow.finish(|| server.look());
    assert!(report.duplicates.is_empty(), "{report}");
}

/// A dead letter that finds no room is none: its item stays until there is.
#[test]
fn nats_with_a_full_dead_letter_stream() {
    let (name, server) = ("nats full of dead letters", NatsServer::start());
    let plan = Plan::new(name);
    let mut flow = Flow::start(name, plan, server.connect());
    flow.flows_again("nothing");
    limit_letters(&server, 3);
    flow.wait_until("no dead letter fits", || flow.shared.dead() > 6);
    flow.flows_again("no dead letter fits any more");
    limit_letters(&server, -1);
    let report = flow.finish(|| server.look());
    assert!(report.dead_lettered > 6, "{report}");
}

fn limit_letters(server: &NatsServer, most: i64) {
    let ask = |subject: &str, config: &[u8]| -> Value {
        let answer = server.request(subject, config).expect("it answers");
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer.get("error"), None, "{answer}");
        answer
    };
    let mut config = ask("$JS.API.STREAM.INFO.KANBAN_DLQ", b"")["config"].take();
    config["max_msgs"] = json!(most);
    ask("$JS.API.STREAM.UPDATE.KANBAN_DLQ", config.to_string().as_bytes());
}
