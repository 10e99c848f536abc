//! The replay's own books: what was offered, what became of it, counted by the jobs themselves.
//!
//! The runtime keeps its own counts; that the two agree is what makes `lost` a check and not a claim.

use std::sync::atomic::{AtomicU64, Ordering};

use heijunka::{Clock, Moment, Reason};

use super::work::Work;

/// One account per domain. Leaked once per process, so that a job needs no reference count and one that outlives the
/// drain still has its account.
#[derive(Debug)]
pub(crate) struct Ledger {
    accounts: Box<[Account]>,
    clock: Clock,
}

/// What happened to the jobs of a domain. Alone on its cache lines: the submitter writes the first half, the workers
/// the rest.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Account {
    offered: AtomicU64,
    admitted: AtomicU64,
    refused: [AtomicU64; Reason::ALL.len()],
    ended: Ended,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Ended {
    completed: AtomicU64,
    failed: AtomicU64,
    expired: AtomicU64,
}

/// An [`Account`] as it was at some moment, or several of them added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) offered: u64,
    pub(crate) admitted: u64,
    pub(crate) refused: [u64; Reason::ALL.len()],
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
}

// Relaxed everywhere: each is a count of its own, and the final reading happens after the workers were joined.
const RELAXED: Ordering = Ordering::Relaxed;

impl Ledger {
    pub(super) fn leak(domains: usize, clock: Clock) -> &'static Self {
        let accounts = (0..domains).map(|_| Account::default()).collect();
        Box::leak(Box::new(Self { accounts, clock }))
    }

    /// Counts an offer, and makes the job for it.
    pub(super) fn job(&'static self, domain: usize, work: Work, expires: Option<Moment>) -> Job {
        self.accounts[domain].offered.fetch_add(1, RELAXED);
        Job {
            ledger: self,
            domain: u32::try_from(domain).unwrap_or(u32::MAX),
            state: State::Waiting,
            expires: expires.unwrap_or(Moment::from_nanos(u64::MAX)),
            work,
        }
    }

    pub(super) fn admitted(&self, domain: usize) {
        self.accounts[domain].admitted.fetch_add(1, RELAXED);
    }

    pub(super) fn refused(&self, domain: usize, reason: Reason) {
        self.accounts[domain].refused[reason.index()].fetch_add(1, RELAXED);
    }

    /// The counts of each domain, in the order of their indices.
    pub(crate) fn counts(&self) -> Vec<Counts> {
        let read = |account: &Account| Counts {
            offered: account.offered.load(RELAXED),
            admitted: account.admitted.load(RELAXED),
            refused: account.refused.each_ref().map(|count| count.load(RELAXED)),
            completed: account.ended.completed.load(RELAXED),
            failed: account.ended.failed.load(RELAXED),
            expired: account.ended.expired.load(RELAXED),
        };
        self.accounts.iter().map(read).collect()
    }
}

impl Counts {
    pub(crate) fn total(all: &[Counts]) -> Counts {
        all.iter().fold(Counts::default(), |a, b| Counts {
            offered: a.offered + b.offered,
            admitted: a.admitted + b.admitted,
            refused: std::array::from_fn(|i| a.refused[i] + b.refused[i]),
            completed: a.completed + b.completed,
            failed: a.failed + b.failed,
            expired: a.expired + b.expired,
        })
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.iter().sum()
    }

    /// Admitted and not heard of since: in flight while the runtime runs, lost once it has stopped.
    pub(crate) fn missing(&self) -> u64 {
        self.admitted.saturating_sub(self.completed + self.failed + self.expired)
    }
}

/// A job that enters its own end into the ledger. 40 bytes, so that the runtime stores it without allocating.
#[derive(Debug)]
pub(super) struct Job {
    ledger: &'static Ledger,
    expires: Moment,
    work: Work,
    domain: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
}

impl Job {
    pub(super) fn run(mut self) {
        self.state = State::Running;
        self.work.run();
        self.state = State::Done;
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let ended = &self.ledger.accounts[self.domain as usize].ended;
        match self.state {
            State::Done => ended.completed.fetch_add(1, RELAXED),
            State::Running => ended.failed.fetch_add(1, RELAXED),
            State::Waiting if self.ledger.clock.now() >= self.expires => ended.expired.fetch_add(1, RELAXED),
            // Dropped unrun for no reason of its own: it stays missing.
            State::Waiting => 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_end_is_entered_and_a_job_dropped_for_no_reason_stays_missing() {
        let (clock, time) = Clock::manual();
        let ledger = Ledger::leak(2, clock.clone());
        let job = |expires| {
            ledger.admitted(1);
            ledger.job(1, Work::Rounds(1), expires)
        };
        job(None).run();
        let late = job(Some(clock.now().after(Duration::from_secs(1))));
        time.advance(Duration::from_secs(1));
        drop(late);
        drop(job(None));
        ledger.refused(1, Reason::HardLimit);
        let [other, counts] = ledger.counts()[..] else { panic!("two domains") };
        assert_eq!(other, Counts::default());
        assert_eq!((counts.offered, counts.admitted, counts.refused()), (3, 3, 1));
        assert_eq!((counts.completed, counts.failed, counts.expired, counts.missing()), (1, 0, 1, 1));
        assert!(size_of::<Job>() <= 48);
    }
}
