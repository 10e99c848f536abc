//! Both brokers come and go, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heijunka::history::History;
use heijunka::{Outcome, Publisher, Runtime, Work};

use super::{Faulty, Pair, Wrong};
use crate::common::{GENEROUS, eventually, workers};
use crate::rig::{item, quick};

/// A sequence of numbers that is the same each time.
struct Dice(u64);

impl Dice {
    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let at = self.below(all.len() as u64);
        all[usize::try_from(at).unwrap()]
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn flap(seed: u64, count: usize) {
    let lease = Duration::from_millis(500);
    let pair = Pair::of(Faulty::leased("one", lease), Faulty::leased("two", lease));
    let history = Arc::new(History::new());
    let done = history.clone();
    let handler = move |work: &Work<'_>| {
        // Some fail once.
        if work.attempt() == 1 && work.item().id.as_str().ends_with('7') {
            return Outcome::retry("not yet");
        }
        done.ran(work.item().id.as_str());
        Outcome::Done
    };
    let kanban = heijunka::KanbanConfig { settle_timeout: Duration::from_millis(500), ..quick() };
    let runtime = Runtime::builder()
        .on_broker(Arc::new(pair.failover.clone()))
        .pool("mail", workers(4))
        .kanban(kanban)
        .handler("mail", handler)
        .start()
        .unwrap();
    let all_are_in = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice(seed);
            let wrongs = [Wrong::Nothing, Wrong::Down, Wrong::Hangs, Wrong::LosesAnswers, Wrong::Full];
            while !all_are_in.load(Ordering::Acquire) {
                pair.primary.set(dice.one_of(&wrongs));
                pair.fallback.set(dice.one_of(&wrongs));
                std::thread::sleep(Duration::from_millis(20 + dice.below(200)));
            }
            pair.primary.set(Wrong::Nothing);
            pair.fallback.set(Wrong::Nothing);
        });
        let publishers: Vec<_> = (0..4)
            .map(|thread| {
                let (pair, history) = (&pair, &history);
                scope.spawn(move || {
                    let publisher =
                        Publisher::new(Arc::new(pair.failover.clone()), heijunka::Clock::monotonic())
                            .timeout(Duration::from_millis(400));
                    for n in 0..count / 4 {
                        let id = format!("t{thread}-{n}");
                        loop {
                            history.attempted(&id);
                            let answer = publisher.publish(item(&id));
                            std::thread::sleep(Duration::from_millis(1));
                            match answer {
                                Ok(_) => break,
                                Err(error) => assert!(error.is_temporary(), "{error}"),
                            }
                        }
                        history.confirmed(&id);
                    }
                })
            })
            .collect();
        for publisher in publishers {
            publisher.join().unwrap();
        }
        all_are_in.store(true, Ordering::Release);
    });
    // A drain finishes what can be reached, and a broker that failed rests for a while after it is well again.
    eventually("both are consumed from", || pair.status().brokers.iter().all(|broker| !broker.resting));
    let report = runtime.drain(GENEROUS);
    let left = report.kanban.as_ref().and_then(|kanban| kanban.left);
    assert_eq!(left, Some(0), "{report:?}");
    let checked = history.check();
    assert_eq!((checked.lost.count, checked.unexpected.count), (0, 0), "seed {seed}: {checked}");
    assert_eq!(checked.duplicates.count, 0, "seed {seed}: the seen store knows what is done: {checked}");
    let status = pair.status();
    assert!(status.brokers.iter().all(|broker| broker.stored > 0 && broker.pulled > 0), "{status:?}");
    println!("seed {seed}: {checked}\n{status:#?}");
}

#[test]
fn nothing_is_lost_while_both_flap() {
    for seed in 1..=3 {
        flap(seed, 2000);
    }
}
