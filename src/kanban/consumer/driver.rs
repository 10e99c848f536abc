//! The driver: one thread that takes reports, settles, keeps leases, hands over and pulls, in this order, and sleeps when there
//! is nothing to do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::clerk::Clerk;
use super::desk::Report;
use super::queue::Queue;
use super::strays::Strays;
use super::table::{Stage, Table};
use super::trial::Trials;
use super::{Env, Mode, Shared};
use crate::kanban::breaker::BreakerState;
use crate::kanban::broker::{BrokerError, Traits};
use crate::kanban::cells::Signal;
use crate::kanban::event::Event;
use crate::kanban::name::{ItemId, Name};
use crate::sync::channel::Receiver;
use crate::sync::{Parker, spin_loop, weakened};
use crate::time::{Moment, Timestamp};

pub(super) struct Driver {
    pub(super) env: Env,
    pub(super) shared: Arc<Shared>,
    pub(super) traits: Traits,
    pub(super) reports: Receiver<Report>,
    parker: Parker,
    signal: Signal,
    pub(super) table: Table,
    pub(super) queues: Vec<Queue>,
    /// The position of each domain in `queues`, and in `Shared::sources`.
    pub(super) sources: HashMap<Name, usize>,
    pub(super) trials: Trials,
    /// Slots whose settlement is still to be sent.
    pub(super) unsettled: Vec<u32>,
    /// Those that could not be settled, until they are tried again.
    pub(super) failed: Vec<u32>,
    /// Whether nothing at all could be settled the last time.
    pub(super) settling_fails: bool,
    /// Waits for the broker in the driver's place, if that takes its time.
    pub(super) clerk: Option<Clerk>,
    pub(super) settle_again: Again,
    pub(super) pull_again: Again,
    /// When held items that were refused are offered again.
    pub(super) offer_again: Again,
    /// When pools that had no free worker are looked at again: others use them as well, and tell nobody when they are done.
    look_again: Again,
    /// Which domain is asked first: the next one each time.
    pub(super) first: usize,
    pub(super) due: Due,
    /// When the last turn began: what was due by then has been tried.
    turned: Moment,
    /// As of the last sample.
    pub(super) dead_letters: Option<(u64, Option<Timestamp>)>,
    /// Lanes that hold items and are not consumed here; `None` while the broker does not tell.
    pub(super) strays: Option<Strays>,
    /// Whether something happened since the status was made.
    is_stale: bool,
    /// What the broker last failed with, until it works again.
    pub(super) fault: Option<BrokerError>,
    pub(super) given_back: Vec<ItemId>,
}

/// When what is done now and then is due.
pub(super) struct Due {
    pub(super) extend: Moment,
    pub(super) stalls: Moment,
    pub(super) sample: Moment,
    pub(super) strays: Moment,
    pub(super) status: Moment,
    pub(super) poll: Moment,
}

/// Something that failed and is tried again, later each time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    at: Option<Moment>,
    pause: Duration,
    bounds: (Duration, Duration),
}

impl Again {
    pub(super) const fn within(least: Duration, most: Duration) -> Self {
        Self { at: None, pause: least, bounds: (least, most) }
    }

    pub(super) fn may(&self, now: Moment) -> bool {
        self.at.is_none_or(|at| at <= now)
    }

    pub(super) fn failed(&mut self, now: Moment) {
        self.at = Some(now.after(self.pause));
        self.pause = (self.pause * 2).min(self.bounds.1);
    }

    pub(super) fn worked(&mut self) {
        (self.at, self.pause) = (None, self.bounds.0);
    }
}

/// How often the driver looks for more before it sleeps: some 10 us, about what waking it would cost. Once in models, where every
/// look is a step.
const SPINS: u32 = if cfg!(heijunka_loom) { 1 } else { 300 };

/// How often running items are looked at for stalls, and the status is made anew while something happens.
pub(super) const LOOK: Duration = Duration::from_secs(1);
const STATUS: Duration = Duration::from_millis(50);

/// Without anything else to do.
const LONG: Duration = Duration::from_secs(3600);

impl Driver {
    pub(super) fn new(
        env: Env,
        shared: Arc<Shared>,
        reports: Receiver<Report>,
        parker: Parker,
        signal: Signal,
        clerk: Option<Clerk>,
    ) -> Self {
        let now = env.clock.now();
        let traits = env.broker.traits();
        let queues = shared.sources.iter().map(|source| Queue::new(source, &env.settings)).collect();
        let sources = shared.sources.iter().map(|source| source.name.clone()).zip(0..).collect();
        let millis = Duration::from_millis;
        Self {
            table: Table::new(env.settings.slots),
            due: Due { extend: now, stalls: now, sample: now, strays: now, status: now, poll: now },
            env,
            shared,
            traits,
            reports,
            parker,
            signal,
            queues,
            sources,
            trials: Trials::default(),
            unsettled: Vec::new(),
            failed: Vec::new(),
            settling_fails: false,
            clerk,
            turned: now,
            settle_again: Again::within(millis(50), millis(5000)),
            pull_again: Again::within(millis(50), millis(5000)),
            offer_again: Again::within(Duration::from_micros(500), millis(10)),
            look_again: Again::within(millis(1), millis(20)),
            first: 0,
            dead_letters: None,
            strays: None,
            is_stale: true,
            fault: None,
            given_back: Vec::new(),
        }
    }

    /// Drives until it is told to end, and is done.
    pub(super) fn run(&mut self) {
        while let Some(busy) = self.step() {
            if !busy {
                self.sleep();
            }
        }
    }

    /// Hears what it was called for and takes a turn; tells whether there was anything to do, or `None` once it is done.
    fn step(&mut self) -> Option<bool> {
        // Before the turn: whoever calls later, calls for another one.
        self.hear_calls();
        let mode = self.shared.mode();
        // Told to abandon everything, it must not begin a call of the broker that may take its time.
        let busy = mode != Mode::Abandon && self.turn(mode);
        if weakened("take_late") {
            // The mistake that a model must find: what came during the turn is taken for seen.
            self.signal.take();
        }
        if mode == Mode::Abandon {
            self.hear_the_last();
        }
        if mode == Mode::Abandon || self.is_done(mode) {
            self.publish_status();
            return None;
        }
        if busy {
            self.is_stale = true;
            self.look_again.worked();
        }
        Some(busy)
    }

    /// Does whatever there is to do now; tells whether that was anything.
    fn turn(&mut self, mode: Mode) -> bool {
        let now = self.env.clock.now();
        self.turned = now;
        let mut busy = self.take_reports(mode, now);
        busy |= self.settle(now);
        // Settling takes as long as the broker does.
        self.keep_leases(self.env.clock.now());
        // First: whoever asks a breaker what it allows moves it too, and tells nobody.
        self.tick_breakers(now);
        match mode {
            Mode::Run | Mode::Drain => {
                self.look_at_pools();
                busy |= self.hand_over(now);
                if self.pull(now) {
                    busy = true;
                    // A broker takes its time, and others use the workers as well.
                    self.look_at_pools();
                }
                busy |= self.hand_over(now);
            }
            Mode::Stop | Mode::Abandon => self.give_back_held(),
        }
        self.sample(now);
        if self.is_stale && now >= self.due.status {
            self.publish_status();
        }
        busy
    }

    fn is_done(&mut self, mode: Mode) -> bool {
        match mode {
            Mode::Run => false,
            Mode::Abandon => true,
            Mode::Stop => self.table.len() == 0,
            Mode::Drain => self.table.len() == 0 && self.is_empty(),
        }
    }

    pub(super) fn publish_status(&mut self) {
        self.due.status = self.env.clock.now().after(STATUS);
        self.is_stale = false;
        let status = self.status();
        *self.shared.status.lock() = status;
    }

    /// Waits for a call, or for what is due next.
    fn sleep(&mut self) {
        let now = self.env.clock.now();
        if self.queues.iter().any(Queue::wants_workers) {
            self.look_again.failed(now);
        }
        let due = self.next_due(now);
        for _ in 0..SPINS {
            if self.signal.is_pending() {
                return;
            }
            spin_loop();
        }
        let patience = self.env.clock.real_time_until(due);
        if !patience.is_zero() {
            self.parker.park_timeout(patience);
        }
    }

    /// Whatever was called for until now.
    pub(super) fn hear_calls(&mut self) {
        if self.signal.take() {
            self.queues.iter_mut().for_each(|queue| queue.dry = [false; 3]);
        }
    }

    /// Until somebody calls.
    pub(super) fn rest(&self, patience: Duration) {
        self.parker.park_timeout(patience);
    }

    fn next_due(&self, now: Moment) -> Moment {
        let mut next = now.after(LONG).min(self.due.sample);
        if self.table.len() > 0 {
            next = next.min(self.due.extend).min(self.due.stalls);
        }
        if self.traits.poll.is_some() {
            next = next.min(self.due.poll);
        }
        if self.is_stale {
            next = next.min(self.due.status);
        }
        // What was due before now has just been tried, and had nothing to do.
        let far = next;
        let later = |at: Moment| if at > self.turned { at } else { far };
        for again in [self.settle_again, self.pull_again, self.offer_again, self.look_again] {
            next = next.min(again.at.map_or(next, later));
        }
        if self.shared.mode() != Mode::Run {
            next = next.min(now.after(Duration::from_millis(20)));
        }
        for queue in &self.queues {
            if let BreakerState::Open { until, .. } = queue.breaker.state() {
                next = next.min(later(until));
            }
        }
        next
    }

    /// The broker failed: told once, until it works again.
    pub(super) fn broker_failed(&mut self, doing: &str, error: BrokerError) {
        if self.fault.is_none() {
            tracing::warn!(broker = self.traits.name, %error, "{doing} failed");
            self.tell(None, "broker", format!("{doing} failed"), error.to_string());
        }
        self.fault = Some(error);
    }

    pub(super) fn broker_works(&mut self) {
        if self.fault.take().is_some() {
            tracing::info!(broker = self.traits.name, "the broker works again");
            self.tell(None, "broker", "works again".to_owned(), String::new());
        }
    }

    pub(super) fn tell(&self, domain: Option<&Name>, rule: &'static str, decision: String, inputs: String) {
        (self.env.events)(Event { domain: domain.cloned(), rule, decision, inputs });
    }

    /// The driver panicked, and goes on after `backoff`: with what the table says, whatever else was on its way.
    pub(super) fn died(&mut self, why: &str, backoff: Duration) {
        self.recover();
        tracing::error!(%why, ?backoff, "the consumer's driver died and goes on");
        self.tell(None, "driver", format!("died, goes on in {backoff:?}"), format!("panic: {why}"));
    }

    /// Makes everything anew from the table, which alone is always whole.
    fn recover(&mut self) {
        self.unsettled.clear();
        self.failed.clear();
        self.trials = Trials::default();
        for queue in &mut self.queues {
            (queue.held, queue.running, queue.stalled) = (Default::default(), [0; 3], 0);
        }
        let mut lost = Vec::new();
        for (slot, loan) in self.table.loans() {
            let (queue, lane) = (&mut self.queues[loan.source], loan.item.lane.priority.index());
            match &loan.stage {
                Stage::Held => queue.held[lane].push_back(slot),
                Stage::Running { .. } => queue.running[lane] += 1,
                Stage::Stalled => queue.stalled += 1,
                Stage::Settling { .. } if loan.ticket.is_some() => self.unsettled.push(slot),
                Stage::Settling { .. } if self.clerk.as_ref().is_some_and(|clerk| clerk.has(slot)) => {}
                // The broker had it when it panicked: its lease brings it back, if it is not done with.
                Stage::Settling { .. } => lost.push(slot),
            }
        }
        for slot in lost {
            self.table.free_slot(slot);
        }
    }
}

#[cfg(all(test, heijunka_loom))]
#[path = "../../../loom-tests/kanban.rs"]
mod models;
