//! Consuming from both, neither held up by the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heijunka::{BrokerRole, Builder, Outcome, Priority, Runtime, Work};

use super::{Call, Faulty, Pair, Wrong, until};
use crate::common::{GENEROUS, workers};
use crate::rig::{Log, counts, items, publish, quick};

fn on(pair: &Pair) -> Builder {
    Runtime::builder().on_broker(Arc::new(pair.failover.clone())).pool("mail", workers(2)).kanban(quick())
}

/// Moves publishing to the fallback.
fn trip(pair: &Pair, wrong: Wrong) {
    pair.primary.set(wrong);
    until("it tripped", || pair.active() == BrokerRole::Fallback);
}

#[test]
fn both_are_drained_whichever_is_published_to() {
    let pair = Pair::new();
    for n in 0..50 {
        pair.publish(&format!("p{n}")).unwrap();
    }
    trip(&pair, Wrong::Down);
    for n in 0..50 {
        pair.publish(&format!("f{n}")).unwrap();
    }
    pair.primary.set(Wrong::Nothing);
    let log = Log::default();
    let note = log.clone();
    let runtime = on(&pair).handler("mail", move |work: &Work<'_>| note.note(work)).start().unwrap();
    until("all ran", || log.len() == 100);
    log.each_once(100);
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn a_primary_that_hangs_does_not_hold_up_the_fallback() {
    for wrong in [Wrong::Hangs, Wrong::Down] {
        let pair = Pair::new();
        let log = Log::default();
        let note = log.clone();
        let runtime = on(&pair).handler("mail", move |work: &Work<'_>| note.note(work)).start().unwrap();
        trip(&pair, wrong);
        for round in 0..20 {
            publish(&runtime, items(&format!("r{round}-"), 25, Priority::Normal));
            until("they ran", || log.len() == (round + 1) * 25);
        }
        assert_eq!(pair.active(), BrokerRole::Fallback, "all of this while the primary was away");
        // Not with every pull, but now and then.
        let pulls = pair.primary.calls(Call::Pull);
        assert!(pulls < 10, "{pulls} pulls waited for it");
        pair.primary.set(Wrong::Nothing);
        drop(runtime.stop(GENEROUS));
    }
}

#[test]
fn what_was_lent_by_a_broker_that_went_away_is_settled_later_and_holds_up_nobody() {
    let pair = Pair::new();
    let (log, gate) = (Log::default(), Arc::new(AtomicBool::new(false)));
    let (note, closed) = (log.clone(), gate.clone());
    let handler = move |work: &Work<'_>| {
        while work.item().id.as_str() == "slow" && !closed.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        note.note(work);
    };
    let runtime = on(&pair).handler("mail", handler).start().unwrap();
    pair.publish("slow").unwrap();
    until("it runs", || counts(&runtime).pulled == 1);
    trip(&pair, Wrong::Down);
    gate.store(true, Ordering::Release);
    until("its settlement failed", || counts(&runtime).unsettled > 0);
    // None of these can be settled together with it.
    for round in 0..10 {
        publish(&runtime, items(&format!("r{round}-"), 5, Priority::Normal));
        until("they ran", || log.len() == 1 + (round + 1) * 5);
    }
    assert_eq!(pair.kept()[0], 1, "it is not settled");
    pair.primary.set(Wrong::Nothing);
    until("it is settled", || pair.kept() == [0, 0]);
    log.each_once(51);
    drop(runtime.stop(GENEROUS));
}

#[test]
fn a_broker_that_works_again_is_pulled_from_without_being_asked_to() {
    let pair = Pair::new();
    let log = Log::default();
    let note = log.clone();
    let runtime = on(&pair).handler("mail", move |work: &Work<'_>| note.note(work)).start().unwrap();
    trip(&pair, Wrong::Down);
    until("it rests", || pair.status().brokers[0].resting);
    // Another process publishes there.
    let elsewhere =
        heijunka::Publisher::new(Arc::new(Elsewhere(pair.primary.clone())), heijunka::Clock::monotonic());
    elsewhere.publish(crate::rig::item("elsewhere")).unwrap();
    pair.primary.set(Wrong::Nothing);
    until("it came", || log.len() == 1);
    drop(runtime.stop(GENEROUS));
}

/// The broker behind a connection that fails, by another connection.
#[derive(Debug)]
struct Elsewhere(Arc<Faulty>);

impl heijunka::Broker for Elsewhere {
    fn traits(&self) -> heijunka::BrokerTraits {
        self.0.inner().traits()
    }
    fn open(
        &self,
        lanes: &[heijunka::Lane],
        arrivals: heijunka::Arrivals,
        within: Duration,
    ) -> Result<(), heijunka::BrokerError> {
        self.0.inner().open(lanes, arrivals, within)
    }
    fn publish(
        &self,
        items: &[Arc<heijunka::Item>],
        within: Duration,
    ) -> Vec<Result<heijunka::Stored, heijunka::PublishError>> {
        self.0.inner().publish(items, within)
    }
    fn pull(
        &self,
        wants: &[heijunka::Want<'_>],
        within: Duration,
    ) -> Result<Vec<heijunka::Delivery>, heijunka::BrokerError> {
        self.0.inner().pull(wants, within)
    }
    fn settle(&self, settlements: Vec<heijunka::Settlement>, within: Duration) -> Vec<heijunka::Settled> {
        self.0.inner().settle(settlements, within)
    }
    fn extend(&self, tickets: &[&heijunka::Ticket], within: Duration) -> Result<(), heijunka::BrokerError> {
        self.0.inner().extend(tickets, within)
    }
    fn depth(
        &self,
        lane: &heijunka::Lane,
        within: Duration,
    ) -> Result<heijunka::Depth, heijunka::BrokerError> {
        self.0.inner().depth(lane, within)
    }
    fn item_count(&self, within: Duration) -> Result<u64, heijunka::BrokerError> {
        self.0.inner().item_count(within)
    }
    fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<heijunka::DeadLetter>, heijunka::BrokerError> {
        self.0.inner().dead_letters(after, most, within)
    }
    fn dead_letter_count(
        &self,
        within: Duration,
    ) -> Result<(u64, Option<heijunka::Timestamp>), heijunka::BrokerError> {
        self.0.inner().dead_letter_count(within)
    }
    fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, heijunka::BrokerError> {
        self.0.inner().remove_dead_letter(serial, within)
    }
    fn put_note(
        &self,
        name: &str,
        note: Option<&[u8]>,
        within: Duration,
    ) -> Result<(), heijunka::BrokerError> {
        self.0.inner().put_note(name, note, within)
    }
    fn notes(&self, within: Duration) -> Result<Vec<(String, bytes::Bytes)>, heijunka::BrokerError> {
        self.0.inner().notes(within)
    }
    fn close(&self, _: Duration) {}
}

#[test]
fn a_broker_that_is_away_at_the_start_is_opened_later() {
    let pair = Pair::new();
    pair.primary.set(Wrong::Unopened);
    let log = Log::default();
    let note = log.clone();
    let runtime = on(&pair).handler("mail", move |work: &Work<'_>| note.note(work)).start().unwrap();
    until("it tripped", || pair.active() == BrokerRole::Fallback);
    pair.publish("fallback").unwrap();
    until("the fallback is consumed", || log.len() == 1);
    pair.primary.set(Wrong::Nothing);
    until("publishing is back", || {
        let _ = pair.publish("canary");
        pair.active() == BrokerRole::Primary
    });
    pair.publish("primary").unwrap();
    until("the primary is consumed", || log.attempts("primary").len() == 1);
    drop(runtime.stop(GENEROUS));
}

/// A handler that fails runs again, from the broker that it came from.
#[test]
fn retries_stay_with_their_broker() {
    let pair = Pair::new();
    let log = Log::default();
    let note = log.clone();
    let handler = move |work: &Work<'_>| {
        note.note(work);
        if work.attempt() < 3 { Outcome::retry("not yet") } else { Outcome::Done }
    };
    let runtime = on(&pair).handler("mail", handler).start().unwrap();
    pair.publish("p").unwrap();
    trip(&pair, Wrong::Down);
    pair.publish("f").unwrap();
    pair.primary.set(Wrong::Nothing);
    until("both are done", || pair.kept() == [0, 0]);
    for id in ["p", "f"] {
        assert_eq!(log.attempts(id), [1, 2, 3]);
    }
    drop(runtime.stop(GENEROUS));
}
