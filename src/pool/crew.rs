//! Who works in a pool: hired, dismissed, sent elsewhere, given up as lost, replaced. Nothing here is on the way of a job.

use std::sync::{Arc as PlainArc, OnceLock};

use super::post::Post;
use super::scaling::ScaleError;
use super::shared::{Kind, Shared};
use super::status::{Capacity, Duty, Lately, WorkerStatus};
use super::worker::Worker;
use crate::sync::Arc;
use crate::thread::{Lease, Managed, Pinning, Unpinned};
use crate::time::{Deadline, Moment};

/// The workers of a pool and how many there should be.
#[derive(Debug)]
pub(super) struct Crew {
    /// No worker starts any more.
    pub(super) ending: bool,
    /// Workers that are to be there.
    pub(super) wanted: u32,
    pub(super) min: u32,
    pub(super) max: u32,
    /// Whether the number wanted was set by hand, and holds until somebody lets go of it.
    pub(super) by_hand: bool,
    hands: Vec<Hand>,
    /// Surge workers that died or were lost: those who replace them are surge workers as well.
    surge_missing: u32,
    /// Workers that died and have not been replaced.
    unreplaced: u32,
    /// Threads that somebody is joining.
    joining: usize,
    /// Why workers were missing when the control thread last looked.
    missing: Option<String>,
    pub(super) capacity: Capacity,
    pub(super) lately: Lately,
}

/// The thread of one worker.
#[derive(Debug)]
struct Hand {
    slot: usize,
    thread: Managed,
    pinning: PlainArc<OnceLock<Pinning>>,
    duty: Duty,
    /// Whether a burst brought it here.
    surge: bool,
    /// The post it is sent from, for as long as it has not left that.
    sent_from: Option<(Arc<Shared>, usize)>,
}

/// What a pool's threads needed.
#[derive(Debug, Default)]
pub(crate) struct Tended {
    /// Workers that died.
    pub(crate) died: u32,
    /// Workers that started.
    pub(crate) started: u32,
    /// Why one that is wanted could not start.
    pub(crate) missing: Option<ScaleError>,
    /// Whether none was missing for the same reason the last time.
    pub(crate) is_news: bool,
}

impl Crew {
    pub(super) fn new(min: u32, max: u32, now: Moment) -> Self {
        Self {
            ending: false,
            wanted: 0,
            min,
            max,
            by_hand: false,
            hands: Vec::new(),
            surge_missing: 0,
            unreplaced: 0,
            joining: 0,
            missing: None,
            capacity: Capacity::new(now),
            lately: Lately::new(now),
        }
    }

    fn serving(&self) -> impl Iterator<Item = &Hand> {
        self.hands.iter().filter(|hand| hand.duty == Duty::Serving)
    }

    fn count(&self, which: impl Fn(&&Hand) -> bool) -> u32 {
        u32::try_from(self.hands.iter().filter(which).count()).unwrap_or(u32::MAX)
    }

    /// Workers that take jobs.
    pub(super) fn present(&self) -> u32 {
        self.count(|hand| hand.duty == Duty::Serving)
    }

    /// Workers given up as lost that have not come back.
    pub(super) fn lost(&self) -> u32 {
        self.count(|hand| hand.duty == Duty::Lost)
    }

    /// The slots whose workers take jobs, each with whether a burst brought the worker.
    pub(super) fn posts(&self) -> impl Iterator<Item = (usize, bool)> {
        self.serving().map(|hand| (hand.slot, hand.surge))
    }

    /// Joins the threads that have ended, and starts or dismisses workers until as many are there as are wanted.
    pub(super) fn tend(&mut self, shared: &Arc<Shared>) -> Tended {
        self.reap();
        let mut tended = Tended { died: self.notice_deaths(shared), ..Tended::default() };
        if self.ending {
            self.wanted = 0;
        }
        while self.present() < self.wanted && tended.missing.is_none() {
            match self.hire(shared) {
                Ok(()) => tended.started += 1,
                Err(error) => tended.missing = Some(error),
            }
        }
        self.unreplaced += tended.died;
        let replaced = self.unreplaced.min(tended.started);
        self.unreplaced -= replaced;
        shared.state.count_replaced(replaced);
        while self.present() > self.wanted {
            self.dismiss_one(shared);
        }
        self.publish(shared);
        tended
    }

    /// As [`tend`](Self::tend), for the control thread, which says only once that workers are missing.
    pub(super) fn tend_and_note(&mut self, shared: &Arc<Shared>) -> Tended {
        let tended = self.tend(shared);
        let missing = tended.missing.as_ref().map(ToString::to_string);
        let is_news = missing.is_some() && missing != self.missing;
        self.missing = missing;
        Tended { is_news, ..tended }
    }

    /// Starts a worker in the first free slot.
    fn hire(&mut self, shared: &Arc<Shared>) -> Result<(), ScaleError> {
        let post = Post::claim(shared).ok_or(ScaleError::NoSlot)?;
        let (slot, settings) = (post.slot, &shared.settings);
        // Cpu workers may share a core, as far as the pool's minimum demands it; waiting ones rather float.
        let core = if settings.pin {
            shared.cores.take(settings.kind == Kind::Cpu)
        } else {
            Err(Unpinned::Configured)
        };
        let pinning = PlainArc::new(OnceLock::new());
        let told = pinning.clone();
        let live = move || {
            // Held for as long as the thread lives, wherever it works.
            let core = core;
            let _ = told.set(core.as_ref().map_or_else(|why| Pinning::Floating(*why), Lease::pin_here));
            Worker::new(post).run();
        };
        // A thread that could not be had drops what it was to run, and with it the post.
        let thread =
            Managed::spawn(format!("hj-{}-{slot}", settings.name), live).map_err(ScaleError::NoThread)?;
        let surge = self.surge_missing > 0;
        self.surge_missing = self.surge_missing.saturating_sub(1);
        let (duty, sent_from) = (Duty::Serving, None);
        self.hands.push(Hand { slot, thread, pinning, duty, surge, sent_from });
        Ok(())
    }

    /// Who goes next: those a burst brought before others, the idle before the busy, those checked out last.
    fn least_needed(&self, shared: &Shared) -> Option<usize> {
        let ease = |hand: &Hand| {
            let (shared, slot) = hand.works_at(shared);
            let idle = shared.cells(slot).running_since().is_none();
            (!shared.state.is_checked_out(slot), hand.surge, idle, hand.slot)
        };
        let serving = self.hands.iter().enumerate().filter(|(_, hand)| hand.duty == Duty::Serving);
        serving.max_by_key(|(_, hand)| ease(hand)).map(|(at, _)| at)
    }

    fn dismiss_one(&mut self, shared: &Shared) {
        if let Some(at) = self.least_needed(shared) {
            self.hands[at].duty = Duty::Leaving;
            shared.dismiss(self.hands[at].slot, None);
        }
    }

    /// Dismisses all, for good.
    pub(super) fn dismiss_all(&mut self, shared: &Arc<Shared>) {
        self.ending = true;
        self.wanted = 0;
        while self.present() > 0 {
            self.dismiss_one(shared);
        }
        self.publish(shared);
    }

    /// Sends up to `workers` to another pool, each at the end of its job; returns how many go.
    pub(super) fn send(
        &mut self,
        from: &Arc<Shared>,
        to: &mut Crew,
        target: &Arc<Shared>,
        workers: u32,
    ) -> u32 {
        // A slot that a dead worker left is claimed by nobody in its name.
        self.unreplaced += self.notice_deaths(from);
        to.unreplaced += to.notice_deaths(target);
        let mut sent = 0;
        while sent < workers && !to.ending && self.present() > self.min && to.present() < to.max {
            let Some(at) = self.least_needed(from) else { break };
            // One that is itself still on its way here, or checked out, stays.
            if self.hands[at].is_away() || from.state.is_checked_out(self.hands[at].slot) {
                break;
            }
            let Some(post) = Post::claim(target) else { break };
            let mut hand = self.hands.remove(at);
            let old = std::mem::replace(&mut hand.slot, post.slot);
            (hand.surge, hand.sent_from) = (false, Some((from.clone(), old)));
            // It belongs to the other pool from here on, also while it is on its way.
            to.hands.push(hand);
            from.dismiss(old, Some(post));
            sent += 1;
        }
        self.wanted = self.wanted.saturating_sub(sent);
        // One that it was missing may be among them.
        to.wanted = (to.wanted + sent).min(to.max.max(to.present()));
        self.publish(from);
        to.publish(target);
        sent
    }

    /// Gives up workers whose jobs have been running since before `since`, `most` at most; returns their threads' names.
    /// Whoever tends the crew next replaces them.
    pub(super) fn give_up(&mut self, shared: &Shared, since: Moment, most: u32) -> Vec<String> {
        let stuck = |hand: &&mut Hand| hand.duty == Duty::Serving && hand.is_stuck(shared, since);
        let mut names = Vec::new();
        for hand in self.hands.iter_mut().filter(stuck).take(most as usize) {
            hand.duty = Duty::Lost;
            self.surge_missing += u32::from(std::mem::take(&mut hand.surge));
            // Should its job end after all, it leaves.
            shared.dismiss(hand.slot, None);
            names.push(hand.thread.name().to_owned());
        }
        self.publish(shared);
        names
    }

    /// Workers whose jobs have been running since before `since`, those given up included.
    pub(super) fn stuck(&self, shared: &Shared, since: Moment) -> u32 {
        let stuck = |hand: &&Hand| hand.duty == Duty::Serving && hand.is_stuck(shared, since);
        self.count(stuck) + self.lost()
    }

    /// Declares so many of those who serve surge workers, the newest first.
    pub(super) fn mark_surge(&mut self, surge: u32) {
        self.surge_missing = 0;
        let mut left = surge;
        for hand in self.hands.iter_mut().rev().filter(|hand| hand.duty == Duty::Serving) {
            hand.surge = left > 0;
            left = left.saturating_sub(1);
        }
    }

    pub(super) fn surge(&self) -> u32 {
        self.count(|hand| hand.duty == Duty::Serving && hand.surge)
    }

    /// Joins threads that have ended.
    fn reap(&mut self) {
        for hand in self.hands.extract_if(.., |hand| hand.duty != Duty::Serving && hand.thread.has_ended()) {
            // It has ended, so this does not wait.
            let _ = hand.thread.reap();
        }
        for hand in &mut self.hands {
            hand.arrive();
        }
    }

    /// Workers whose slot is free again although nobody dismissed them: they died, and their threads are joined when they end.
    fn notice_deaths(&mut self, shared: &Shared) -> u32 {
        let mut died = 0;
        for hand in self.hands.iter_mut().filter(|hand| hand.duty == Duty::Serving) {
            if shared.is_free(hand.slot) {
                hand.duty = Duty::Leaving;
                self.surge_missing += u32::from(std::mem::take(&mut hand.surge));
                died += u32::from(!self.ending);
            }
        }
        died
    }

    /// Tells the submitters and the books how many there are.
    fn publish(&mut self, shared: &Shared) {
        let present = self.present();
        shared.state.set_workers(present);
        self.capacity.set_workers(present, shared.clock.now());
    }

    /// The threads that have been told to leave, to be joined without holding the crew's lock.
    pub(super) fn take_leaving(&mut self) -> Leaving {
        let (leaving, staying) =
            std::mem::take(&mut self.hands).into_iter().partition(|hand| hand.duty != Duty::Serving);
        self.hands = staying;
        self.joining += leaving.len();
        Leaving { count: leaving.len(), hands: leaving }
    }

    /// Takes back those that did not leave; returns their names.
    pub(super) fn take_back(&mut self, leaving: Leaving) -> Vec<String> {
        let names = leaving.hands.iter().map(|hand| hand.thread.name().to_owned()).collect();
        self.joining -= leaving.count;
        self.hands.extend(leaving.hands);
        names
    }

    /// Whether no thread is left, and nobody is joining one.
    pub(super) fn is_gone(&self) -> bool {
        self.hands.is_empty() && self.joining == 0
    }

    pub(super) fn worker_status(&self, shared: &Shared, now: Moment) -> Vec<WorkerStatus> {
        let mut hands: Vec<&Hand> = self.hands.iter().filter(|hand| !hand.thread.has_ended()).collect();
        hands.sort_by_key(|hand| hand.slot);
        let status = |hand: &Hand| {
            let (at, slot) = hand.works_at(shared);
            WorkerStatus {
                name: hand.thread.name().to_owned(),
                pinning: hand.pinning.get().copied().unwrap_or(Pinning::Floating(Unpinned::Starting)),
                running_for: at.cells(slot).running_since().map(|since| now.since(since)),
                duty: hand.duty,
                surge: hand.surge,
                checked_out: at.state.is_checked_out(slot),
            }
        };
        hands.into_iter().map(status).collect()
    }
}

impl Hand {
    /// Whether it has still to leave the post it is sent from.
    fn is_away(&self) -> bool {
        self.sent_from.as_ref().is_some_and(|(from, slot)| from.has_orders(*slot))
    }

    /// Forgets where it came from, once it has left that.
    fn arrive(&mut self) {
        if !self.is_away() {
            self.sent_from = None;
        }
    }

    /// The pool and the slot it works at: those of this pool, unless it is still on its way.
    fn works_at<'a>(&'a self, here: &'a Shared) -> (&'a Shared, usize) {
        match &self.sent_from {
            Some((from, slot)) if from.has_orders(*slot) => (from, *slot),
            _ => (here, self.slot),
        }
    }

    fn is_stuck(&self, here: &Shared, since: Moment) -> bool {
        let (shared, slot) = self.works_at(here);
        let started = shared.cells(slot).running_since();
        !shared.state.is_checked_out(slot) && started.is_some_and(|started| started < since)
    }
}

/// Threads on their way out.
#[derive(Debug)]
pub(super) struct Leaving {
    /// How many there were.
    count: usize,
    hands: Vec<Hand>,
}

impl Leaving {
    /// Joins them, at most until `deadline`; keeps those that did not end.
    pub(super) fn join_until(self, deadline: &Deadline) -> Self {
        let join = |hand: Hand| hand.thread.join_until(deadline).err().map(|thread| Hand { thread, ..hand });
        Self { hands: self.hands.into_iter().filter_map(join).collect(), ..self }
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests;
