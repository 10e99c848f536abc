//! Servers that die, stand still, or go away.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heijunka::{
    Broker, BrokerError, Clock, Nats, NatsSettings, PublishError, Settled, Settlement, Verdict, Want,
};
use heijunka_servers::NatsServer;
use parking_lot::Mutex;

use super::rig::{WITHIN, connect, item, lane, open, settings, settle, take, until};

/// Publishes items of these numbers one group after another until each is confirmed.
fn publish_all(nats: &Nats, from: usize, to: usize) {
    const GROUP: usize = 50;
    for first in (from..to).step_by(GROUP) {
        let mut left: Vec<_> = (first..to.min(first + GROUP)).map(|n| item(&format!("i{n}"))).collect();
        until("a group is stored", || {
            let answers = nats.publish(&left, Duration::from_secs(2));
            let mut answers = answers.into_iter();
            left.retain(|_| answers.next().is_none_or(|answer| answer.is_err()));
            left.is_empty()
        });
    }
}

/// Confirmed is confirmed, whatever the server does: nothing is lost, and nothing comes that was not published.
#[test]
fn kill_and_restart_while_publishing_and_consuming_loses_nothing() {
    const ITEMS: usize = 4000;
    let server = NatsServer::start();
    let settings = NatsSettings { lease: Duration::from_secs(2), ..settings(&server) };
    let nats = connect(settings);
    open(&nats);
    let (done, published) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            publish_all(&nats, 0, ITEMS);
            published.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            let lane = lane();
            until("all are done", || {
                // As a consumer does now and then: by that what a killed server left behind is found.
                let _ = nats.depth(&lane, Duration::from_secs(2));
                let taken = nats.pull(&[Want { lane: &lane, most: 40 }], Duration::from_secs(2));
                let Ok(taken) = taken else { return false };
                let mut ids: Vec<_> =
                    taken.iter().map(|delivery| delivery.item.id.as_str().to_owned()).collect();
                let ack = |delivery: heijunka::Delivery| Settlement {
                    ticket: delivery.ticket,
                    verdict: Verdict::Ack,
                };
                let answers = nats.settle(taken.into_iter().map(ack).collect(), Duration::from_secs(2));
                let mut answers = answers.into_iter();
                ids.retain(|_| matches!(answers.next(), Some(Settled::Done)));
                done.lock().extend(ids);
                // What was settled without an answer comes again, or was removed: either way the server says so.
                published.load(Ordering::Acquire) && nats.item_count(WITHIN) == Ok(0)
            });
        });
        for round in 0..3 {
            std::thread::sleep(Duration::from_millis(150 + round * 50));
            server.kill();
            std::thread::sleep(Duration::from_millis(100));
            server.restart();
        }
    });
    assert!(nats.reconnects() >= 1);
    // Every item was settled by an answer, or by one that was lost on its way: those were acknowledged and are counted by nobody.
    let done = done.into_inner();
    assert!(done.len() <= ITEMS);
    assert!(done.len() + 4 * 40 >= ITEMS, "{} of {ITEMS}", done.len());
    assert_eq!(nats.dead_letter_count(WITHIN).expect("it counts").0, 0);
}

/// Published, confirmed, killed at once: it is there.
#[test]
fn what_was_confirmed_is_there_after_a_kill() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    open(&nats);
    publish_all(&nats, 0, 200);
    server.kill();
    let answer = nats.publish(&[item("late")], WITHIN).remove(0);
    assert!(matches!(answer, Err(PublishError::NotStored(_) | PublishError::Unknown(_))), "{answer:?}");
    server.restart();
    until("it is connected again", || nats.item_count(WITHIN).is_ok());
    let mut seen = BTreeSet::new();
    until("all came", || {
        for delivery in take(&nats, 1) {
            seen.insert(delivery.item.id.as_str().to_owned());
            settle(&nats, delivery, Verdict::Ack);
        }
        (0..200).all(|n| seen.contains(&format!("i{n}")))
    });
}

/// While it is away, calls say so at once; what was not sent is certainly not stored.
#[test]
fn calls_fail_at_once_while_there_is_no_connection() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    open(&nats);
    assert!(nats.publish(&[item("a")], WITHIN)[0].is_ok());
    let held = take(&nats, 1).remove(0);
    server.kill();
    until("it was noticed", || matches!(nats.item_count(WITHIN), Err(BrokerError::Unavailable(_))));
    let clock = Clock::monotonic();
    let since = clock.now();
    let patience = Duration::from_secs(60);
    let answer = nats.publish(&[item("b")], patience).remove(0);
    assert!(matches!(answer, Err(PublishError::NotStored(BrokerError::Unavailable(_)))), "{answer:?}");
    let pulled = nats.pull(&[Want { lane: &lane(), most: 1 }], patience);
    assert!(matches!(pulled, Err(BrokerError::Unavailable(_))), "{pulled:?}");
    let settlement = Settlement { ticket: held.ticket, verdict: Verdict::Ack };
    let Some(Settled::Failed(settlement, BrokerError::Unavailable(_))) =
        nats.settle(vec![settlement], patience).pop()
    else {
        panic!("it cannot be settled now");
    };
    assert!(clock.now().since(since) < Duration::from_secs(30), "nothing waited");
    server.restart();
    // Tickets outlive connections: what was done meanwhile can be said.
    let mut left = Some(settlement);
    until("it is settled", || {
        match nats.settle(left.take().into_iter().collect(), WITHIN).pop() {
            Some(Settled::Failed(settlement, _)) => left = Some(settlement),
            Some(Settled::Done) => {}
            other => panic!("{other:?}"),
        }
        left.is_none()
    });
    assert_eq!(nats.item_count(WITHIN), Ok(0));
}

/// A server that stands still: every call returns in its time and a little.
#[test]
fn a_server_that_stands_still_keeps_nobody() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    open(&nats);
    assert!(nats.publish(&[item("a"), item("b")], WITHIN).iter().all(Result::is_ok));
    let held = take(&nats, 1).remove(0);
    server.pause();
    let within = Duration::from_millis(300);
    let clock = Clock::monotonic();
    let lane = lane();
    // Long enough for the connection to be given up meanwhile.
    let begin = clock.now();
    let mut ticket = Some(held.ticket);
    while clock.now().since(begin) < Duration::from_secs(9) {
        let since = clock.now();
        assert!(nats.publish(&[item("c")], within)[0].is_err());
        // What came before may still be here.
        let _ = nats.pull(&[Want { lane: &lane, most: 9 }], within);
        if let Some(held) = ticket.take() {
            let _ = nats.extend(&[&held], within);
            let settlement = Settlement { ticket: held, verdict: Verdict::Ack };
            if let Some(Settled::Failed(back, _)) = nats.settle(vec![settlement], within).pop() {
                ticket = Some(back.ticket);
            }
        }
        assert!(nats.depth(&lane, within).is_err());
        assert!(nats.item_count(within).is_err());
        assert!(nats.dead_letters(0, 1, within).is_err());
        assert!(nats.dead_letter_count(within).is_err());
        assert!(nats.remove_dead_letter(1, within).is_err());
        assert!(nats.put_note("a", Some(b"1"), within).is_err());
        assert!(nats.notes(within).is_err());
        assert!(nats.open(std::slice::from_ref(&lane), super::rig::nobody(), within).is_err());
        // A dozen calls of 0.3 s; a call that hung would take a minute.
        assert!(clock.now().since(since) < Duration::from_secs(30), "a call hung");
    }
    server.resume();
    until("it works again", || nats.publish(&[item("d")], WITHIN)[0].is_ok());
    let mut seen = BTreeSet::new();
    until("everything came", || {
        for delivery in nats.pull(&[Want { lane: &lane, most: 9 }], WITHIN).into_iter().flatten() {
            seen.insert(delivery.item.id.as_str().to_owned());
            settle(&nats, delivery, Verdict::Ack);
        }
        ["b", "d"].iter().all(|id| seen.contains(*id))
    });
}

#[test]
fn closing_and_dropping_return_while_the_server_stands_still() {
    let server = NatsServer::start();
    for close in [true, false] {
        let nats = connect(settings(&server));
        open(&nats);
        server.pause();
        let clock = Clock::monotonic();
        let since = clock.now();
        if close {
            nats.close(Duration::from_secs(1));
        }
        drop(nats);
        assert!(clock.now().since(since) < Duration::from_secs(30));
        server.resume();
    }
}

/// A stream that was in memory, or removed by somebody, is gone: that is told, and nothing is taken for stored.
#[test]
fn a_stream_that_is_gone_is_told() {
    let server = NatsServer::start();
    let nats = connect(settings(&server));
    open(&nats);
    let answer = server.request("$JS.API.STREAM.DELETE.KANBAN", b"").expect("it answers");
    assert!(String::from_utf8_lossy(&answer).contains("true"));
    let answer = nats.publish(&[item("a")], WITHIN).remove(0);
    assert!(matches!(answer, Err(PublishError::NotStored(_))), "{answer:?}");
    let lane = lane();
    until("pulling says so", || nats.pull(&[Want { lane: &lane, most: 1 }], WITHIN).is_err());
    assert!(nats.item_count(WITHIN).is_err());
}
