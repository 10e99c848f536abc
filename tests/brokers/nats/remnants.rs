//! Messages that a server kept although they are settled: what a kill between writing down the one and the other leaves behind, made here by
//! giving it back its messages as they were before.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use heijunka::{Broker, BrokerError, Nats, PoolConfig, Runtime, Verdict, Want, Work};
use heijunka_servers::NatsServer;
use parking_lot::Mutex;

use super::rig::{HANGS, WITHIN, connect, item, lane, open, settings, settle, until};
use crate::chaos::place::items_in;

/// More than are published again at once.
const ITEMS: usize = 250;

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The stream's messages, and a place to keep a copy of them.
fn places(server: &NatsServer) -> (PathBuf, PathBuf) {
    let store = server.folder().join("store/jetstream/$G/streams/KANBAN/msgs");
    (store, server.folder().join("as-they-were"))
}

#[test]
fn a_drain_ends_when_they_are_gone_and_runs_none_of_them_again() {
    let server = NatsServer::start();
    let nats = Arc::new(connect(settings(&server)));
    open(&nats);
    let items: Vec<_> = (0..ITEMS).map(|n| item(&format!("i{n}"))).collect();
    assert!(nats.publish(&items, WITHIN).iter().all(Result::is_ok));
    let (messages, kept) = places(&server);
    server.stop();
    copy(&messages, &kept);
    server.restart();
    until("it is connected again", || nats.item_count(WITHIN) == Ok(ITEMS as u64));
    let runs = Arc::new(Mutex::new(Vec::new()));
    let ran = runs.clone();
    let pool = PoolConfig { min_workers: 2, max_workers: 2, pin: false, ..PoolConfig::default() };
    let runtime = Runtime::builder().pool("mail", pool).on_broker(nats.clone());
    let handler = move |work: &Work<'_>| ran.lock().push(work.item().id.clone());
    let runtime = runtime.handler("mail", handler).start().unwrap();
    until("all have run", || nats.item_count(WITHIN) == Ok(0));
    server.stop();
    copy(&kept, &messages);
    server.restart();
    assert_eq!(items_in(&server), ITEMS as u64);
    assert!(runtime.drain(HANGS).is_clean());
    assert_eq!(items_in(&server), 0);
    let mut runs = std::mem::take(&mut *runs.lock());
    assert_eq!(runs.len(), ITEMS);
    runs.sort();
    runs.dedup();
    assert_eq!(runs.len(), ITEMS, "each once");
}

/// Acknowledges everything that there is, and tells what it was.
fn finish(nats: &Nats) -> Vec<String> {
    let mut ids = BTreeSet::new();
    until("all are done with", || {
        for delivery in nats.pull(&[Want { lane: &lane(), most: 9 }], WITHIN).into_iter().flatten() {
            ids.insert(delivery.item.id.as_str().to_owned());
            settle(nats, delivery, Verdict::Ack);
        }
        nats.item_count(WITHIN) == Ok(0)
    });
    ids.into_iter().collect()
}

/// Whoever looks at a lane sees them, whether it consumes or not.
#[test]
fn they_are_counted_as_waiting_for_their_time_and_come_again() {
    let server = NatsServer::start();
    let (nats, other) = (connect(settings(&server)), connect(settings(&server)));
    open(&nats);
    open(&other);
    assert!(nats.publish(&[item("a"), item("b"), item("c")], WITHIN).iter().all(Result::is_ok));
    let (messages, kept) = places(&server);
    server.stop();
    copy(&messages, &kept);
    server.restart();
    // By somebody who then goes: what is still asked for would be given the copies, and give them back, to wait for nobody.
    let first = connect(settings(&server));
    open(&first);
    assert_eq!(finish(&first), ["a", "b", "c"]);
    first.close(WITHIN);
    server.stop();
    copy(&kept, &messages);
    server.restart();
    let figures = |of: &Nats| {
        let depth = of.depth(&lane(), WITHIN)?;
        Ok::<_, BrokerError>((depth.ready, depth.delayed, depth.unsettled))
    };
    for of in [&nats, &other] {
        until("they are seen", || figures(of) == Ok((0, 3, 0)));
    }
    // Two that look at the same time publish each once.
    until("they are published again", || {
        drop(figures(&other));
        figures(&nats) == Ok((3, 0, 0))
    });
    assert_eq!(items_in(&server), 3);
    assert_eq!(finish(&nats), ["a", "b", "c"]);
}
