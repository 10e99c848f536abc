//! A server that dies, stands still, or takes nothing.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heijunka::{
    Amqp, Arrivals, Broker, BrokerError, Clock, PublishError, Settled, Settlement, Verdict, Want,
};
use heijunka_servers::RabbitServer;

use super::rig::{HANGS, WITHIN, item, lane, open, pull, settings, settle, take_one, until};

/// Publishes until it is stored, as a publisher does: under the same id.
fn publish(broker: &Amqp, ids: &[String]) {
    let mut left: Vec<_> = ids.iter().map(|id| item(id)).collect();
    until("all are stored", || {
        let answers = broker.publish(&left, WITHIN);
        let mut answers = answers.into_iter();
        left.retain(|_| answers.next().is_some_and(|answer| answer.is_err()));
        left.is_empty()
    });
}

#[test]
fn killed_and_started_again_it_has_lost_nothing() {
    const ITEMS: usize = 1500;
    let server = RabbitServer::start();
    let broker = open(settings(server.port(), "/"));
    let all = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for first in (0..ITEMS).step_by(10) {
                let ids: Vec<_> = (first..first + 10).map(|n| format!("i{n}")).collect();
                publish(&broker, &ids);
                std::thread::sleep(Duration::from_millis(20));
            }
            // Release: pairs with the Acquire of the consumer.
            all.store(true, Ordering::Release);
        });
        let consuming = scope.spawn(|| {
            let mut seen = HashSet::new();
            until("all came", || {
                let lane = lane();
                for delivery in broker.pull(&[Want { lane: &lane, most: 20 }], WITHIN).unwrap_or_default() {
                    seen.insert(delivery.item.id.as_str().to_owned());
                    // What fails comes again.
                    drop(settle(&broker, delivery, Verdict::Ack));
                }
                // Acquire: pairs with the Release of the publisher.
                all.load(Ordering::Acquire) && seen.len() >= ITEMS
            });
            seen.len()
        });
        for _ in 0..2 {
            // RabbitMQ 3.10 that is killed again before it has moved its log loses queues: see the adapter's README.
            std::thread::sleep(Duration::from_secs(2));
            server.kill();
            server.restart();
        }
        assert_eq!(consuming.join().expect("all came"), ITEMS);
    });
    assert!(broker.reconnects().0 >= 2, "{:?}", broker.reconnects());
    until("nothing is left", || {
        for delivery in pull_or_none(&broker) {
            drop(settle(&broker, delivery, Verdict::Ack));
        }
        let depth = broker.depth(&lane(), WITHIN);
        depth.is_ok_and(|depth| (depth.ready, depth.delayed, depth.unsettled) == (0, 0, 0))
    });
}

fn pull_or_none(broker: &Amqp) -> Vec<heijunka::Delivery> {
    broker.pull(&[Want { lane: &lane(), most: 20 }], WITHIN).unwrap_or_default()
}

/// Every call returns in its time and a little, and works again afterwards.
#[test]
fn while_it_stands_still_no_call_hangs() {
    let server = RabbitServer::start();
    let broker = open(settings(server.port(), "/"));
    for n in 0..40 {
        assert!(broker.publish(&[item(&format!("i{n}"))], WITHIN)[0].is_ok());
    }
    let taken = take_one(&broker);
    server.pause();
    let clock = Clock::monotonic();
    let within = Duration::from_millis(300);
    let since = clock.now();
    let lane = lane();
    let settlement = Settlement { ticket: taken.ticket, verdict: Verdict::Retry { after: within } };
    let mut settlements = vec![settlement];
    for round in 0..30 {
        let answers = broker.publish(&[item(&format!("frozen{round}"))], within);
        assert!(
            matches!(answers[0], Err(PublishError::Unknown(_) | PublishError::NotStored(_))),
            "{answers:?}"
        );
        let _ = broker.pull(&[Want { lane: &lane, most: 50 }], within);
        for answer in broker.settle(std::mem::take(&mut settlements), within) {
            match answer {
                Settled::Failed(settlement, _) => settlements.push(settlement),
                Settled::Gone => {}
                Settled::Done => panic!("nobody can have confirmed it"),
            }
        }
        assert!(broker.depth(&lane, within).is_err());
        assert!(broker.dead_letters(0, 10, within).is_err());
        assert!(broker.dead_letter_count(within).is_err());
        assert!(broker.remove_dead_letter(1, within).is_err());
        let _ = broker.open(std::slice::from_ref(&lane), Arrivals::unheard(), within);
    }
    assert!(clock.now().since(since) < HANGS, "calls went on long after their time");
    server.resume();
    publish(&broker, &["after".to_owned()]);
    let mut seen = HashSet::new();
    until("all came again", || {
        for delivery in pull_or_none(&broker) {
            seen.insert(delivery.item.id.as_str().to_owned());
            drop(settle(&broker, delivery, Verdict::Ack));
        }
        (0..40).all(|n| seen.contains(&format!("i{n}"))) && seen.contains("after")
    });
    server.pause();
    let since = clock.now();
    broker.close(Duration::from_secs(1));
    assert!(clock.now().since(since) < HANGS, "it closes all the same");
    server.resume();
}

#[test]
fn while_it_is_short_of_memory_it_takes_nothing_and_gives_what_it_has() {
    let server = RabbitServer::start();
    let broker = open(settings(server.port(), "/"));
    publish(&broker, &["before".to_owned(), "too".to_owned()]);
    server.ctl(&["set_vm_memory_high_watermark", "0.00001"]);
    // The first is what the server notices it by.
    until("it says why", || {
        let answers = broker.publish(&[item("meanwhile")], Duration::from_millis(200));
        matches!(&answers[0], Err(PublishError::NotStored(BrokerError::Full(why))) if why.contains("memory"))
    });
    let taken = take_one(&broker);
    assert!(matches!(settle(&broker, taken, Verdict::Ack), Settled::Done));
    let kept = take_one(&broker);
    // Its copy cannot be kept now, and so it stays where it is.
    let answer = settle(&broker, kept, Verdict::Retry { after: Duration::from_millis(1) });
    assert!(matches!(&answer, Settled::Failed(_, BrokerError::Full(_))), "{answer:?}");
    server.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    publish(&broker, &["meanwhile".to_owned(), "after".to_owned()]);
    let mut seen = HashSet::new();
    until("all came", || {
        for delivery in pull(&broker, 10) {
            seen.insert(delivery.item.id.as_str().to_owned());
            assert!(matches!(settle(&broker, delivery, Verdict::Ack), Settled::Done | Settled::Gone));
        }
        ["too", "meanwhile", "after"].iter().all(|id| seen.contains(*id))
    });
}
