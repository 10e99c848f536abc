//! The last minute of arrivals, second by second.

use std::collections::VecDeque;
use std::time::Duration;

/// Seconds that are kept, the running one not counted.
pub(super) const MINUTE: usize = 60;
pub(super) const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) arrivals: u64,
    /// It must not enter the baseline.
    pub(super) suspect: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Minute {
    /// The complete seconds, oldest first; fewer than a minute's at the beginning.
    complete: VecDeque<Bucket>,
    running: Bucket,
    /// How much of the running second has passed, in nanoseconds.
    passed: u64,
}

impl Minute {
    /// What is left of the running second, in nanoseconds; never 0 after a [`turn`](Self::turn).
    pub(super) fn left(&self) -> u64 {
        SECOND - self.passed
    }

    /// Lets up to [`left`](Self::left) nanoseconds pass, with what arrived in them.
    pub(super) fn fill(&mut self, nanos: u64, arrivals: u64, suspect: bool) {
        self.passed += nanos;
        self.running.arrivals += arrivals;
        self.running.suspect |= suspect && (nanos > 0 || arrivals > 0);
    }

    /// Ends the running second, and gives back the one that is now older than a minute.
    pub(super) fn turn(&mut self) -> Option<Bucket> {
        self.complete.push_back(std::mem::take(&mut self.running));
        self.passed = 0;
        if self.complete.len() > MINUTE { self.complete.pop_front() } else { None }
    }

    /// Forgets everything, and gives back the complete seconds.
    pub(super) fn clear(&mut self) -> VecDeque<Bucket> {
        std::mem::take(self).complete
    }

    /// Complete seconds.
    pub(super) fn seconds(&self) -> usize {
        self.complete.len()
    }

    /// What is left of the minute, if it is not complete yet.
    pub(super) fn missing(&self) -> Duration {
        let seen = self.complete.len() as u64 * SECOND + self.passed;
        Duration::from_nanos((MINUTE as u64 * SECOND).saturating_sub(seen))
    }

    /// Nothing of what is here may enter the baseline.
    pub(super) fn suspect_all(&mut self) {
        self.complete.iter_mut().chain([&mut self.running]).for_each(|bucket| bucket.suspect = true);
    }

    /// The most that arrived in `seconds` seconds that end now: the running one and those before it, or complete
    /// ones alone. The first sees a burst at once, the second as long as the running second is young; neither is longer
    /// than it should be.
    pub(super) fn within(&self, seconds: usize) -> u64 {
        let before = self.newest(seconds.saturating_sub(1));
        let oldest = self.complete.iter().rev().nth(seconds.saturating_sub(1));
        before + self.running.arrivals.max(oldest.map_or(0, |oldest| oldest.arrivals))
    }

    /// Arrivals per second in the last `seconds` complete seconds and the running one.
    pub(super) fn rate(&self, seconds: usize) -> f64 {
        let long = self.complete.len().min(seconds) as f64 + self.passed as f64 / SECOND as f64;
        // In the very first second there is next to nothing to divide by.
        (self.newest(seconds) + self.running.arrivals) as f64 / long.max(1.0)
    }

    /// What arrived in each span of `seconds` complete seconds, oldest first.
    pub(super) fn spans(&self, seconds: usize) -> Vec<u64> {
        let complete: Vec<u64> = self.complete.iter().map(|bucket| bucket.arrivals).collect();
        complete.chunks(seconds).map(|span| span.iter().sum()).collect()
    }

    fn newest(&self, seconds: usize) -> u64 {
        self.complete.iter().rev().take(seconds).map(|bucket| bucket.arrivals).sum()
    }

    #[cfg(test)]
    pub(super) fn total(&self) -> u64 {
        self.newest(MINUTE) + self.running.arrivals
    }
}
