//! Items that a broker cannot read.

use heijunka::{Delivery, Runtime, Work};

use crate::common::{GENEROUS, eventually, workers};
use crate::rig::{
    Log, Meddled, Meddler, Setup, counts, dead, item, on_every_broker, publish, quick, waiting,
};

on_every_broker!(what_cannot_be_decoded_is_kept_and_not_run);

/// Every item whose id begins so arrives damaged.
struct Damage;

impl Meddler for Damage {
    fn delivered(&self, mut deliveries: Vec<Delivery>) -> Vec<Delivery> {
        for delivery in &mut deliveries {
            if delivery.item.id.as_str().starts_with("bad") {
                delivery.fault = Some("byte 7 is no length".to_owned());
            }
        }
        deliveries
    }
}

fn what_cannot_be_decoded_is_kept_and_not_run(setup: &dyn Setup) {
    let (log, broker) = (Log::default(), Meddled::new(setup.open(GENEROUS), Damage));
    let runs = log.clone();
    let builder = Runtime::builder().on_broker(broker.clone()).kanban(quick()).pool("mail", workers(2));
    let runtime = builder.handler("mail", move |work: &Work<'_>| runs.note(work)).start().unwrap();
    publish(&runtime, (0..20).map(|n| item(format_args!("{}{n}", if n % 4 == 0 { "bad" } else { "good" }))));
    // The broker knows it before the counts do.
    eventually("all have ended", || waiting(&*broker) == 0 && counts(&runtime).dead_lettered == 5);
    log.each_once(15);
    assert!(log.runs().iter().all(|run| run.id.starts_with("good")));
    let letters = dead(&*broker);
    assert_eq!(letters.len(), 5);
    for letter in letters {
        assert_eq!((letter.reason.as_str(), letter.error.as_str()), ("undecodable", "byte 7 is no length"));
        assert_eq!(letter.attempts, 0);
    }
    assert_eq!((counts(&runtime).done, counts(&runtime).dead_lettered), (15, 5));
    assert!(runtime.drain(GENEROUS).is_clean());
}
