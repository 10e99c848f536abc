//! The atomics of admission: the token word, the return trays, the limits, the sub-limit cells and the refusal counters.

use super::limits::{Class, InFlight, Limits, Rank, SubLimitId, admit};
use crate::error::{Reason, Rejected};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{CachePadded, PerThread, thread_number, weakened};

/// ```text
/// word    63: closed | 62..32: normal in flight | 31..0: total in flight
/// tray          | 62..32: normal given back | 31..0: total given back, and not yet taken off the word
/// limits  62..42: soft | 41..21: hard | 20..0: reserved
/// ```
///
/// In flight is the word less the trays. The word alone is never less than that, so deciding by it is safe.
///
/// | transition | by | condition |
/// |---|---|---|
/// | `(n, t) -> (n + k, t + k)` | acquire, normal or low | open, `t + k <= hard`, `n + k <= hard - reserved` |
/// | `(n, t) -> (n, t + k)` | acquire, priority | open, `t + k <= hard` |
/// | `(n, t) -> (n + k, t + k)` of a tray | release, into the tray of its thread | none: always possible, also when closed |
/// | tray to 0, and the same off the word | collect, before anything is refused | something was in the tray |
/// | `open -> closed` | close | none; never reopened |
///
/// Neither count can overflow its field: acquires stop at 2^21 - 1.
#[derive(Debug)]
pub(super) struct Tokens {
    word: CachePadded<AtomicU64>,
    trays: [CachePadded<AtomicU64>; TRAYS],
    limits: CachePadded<AtomicU64>,
    subs: Box<[CachePadded<SubCell>]>,
    refused: PerThread<CachePadded<RefusalCells>>,
    hold_nanos: AtomicU64,
}

/// A refusal looks into all trays, so there are few; more threads than this share them.
const TRAYS: usize = if cfg!(heijunka_loom) { 1 } else { 8 };

const CLOSED: u64 = 1 << 63;

/// Until somebody measures: a request takes 10 ms or so.
const DEFAULT_HOLD_NANOS: u64 = 10_000_000;

fn unpack(word: u64) -> InFlight {
    #[allow(clippy::cast_possible_truncation, reason = "the two fields are cut out")]
    InFlight { normal: (word >> 32) as u32 & 0x7fff_ffff, total: word as u32, closed: word & CLOSED != 0 }
}

/// What `n` permits of this rank add to the word.
fn weight(rank: Rank, n: u32) -> u64 {
    match rank {
        Rank::Priority => u64::from(n),
        Rank::Normal | Rank::Low => u64::from(n) << 32 | u64::from(n),
    }
}

/// A cap on one class of work. It is taken before the word and given back if the word refuses, so it is never
/// exceeded, and may refuse for a moment while another caller's attempt is being undone.
#[derive(Debug)]
struct SubCell {
    in_flight: AtomicU32,
    limit: AtomicU32,
}

/// Refusals counted by one thread, so that a storm of refusals shares no cache line with anyone.
#[derive(Debug, Default)]
pub(super) struct RefusalCells([AtomicU64; Reason::ALL.len()]);

impl Tokens {
    pub(super) fn new(limits: Limits, sub_limits: impl IntoIterator<Item = u32>) -> Self {
        let cell = |limit| SubCell { in_flight: AtomicU32::new(0), limit: AtomicU32::new(limit) };
        Self {
            word: CachePadded::new(AtomicU64::new(0)),
            trays: std::array::from_fn(|_| CachePadded::default()),
            limits: CachePadded::new(AtomicU64::new(limits.pack())),
            subs: sub_limits.into_iter().map(|limit| CachePadded::new(cell(limit))).collect(),
            refused: PerThread::new(),
            hold_nanos: AtomicU64::new(DEFAULT_HOLD_NANOS),
        }
    }

    #[allow(
        clippy::inline_always,
        reason = "so short that a call, and a result returned through memory, would show"
    )]
    #[inline(always)]
    pub(super) fn try_acquire(&self, class: Class, n: u32) -> Result<(), Rejected> {
        let taken = match class.sub {
            None => self.acquire_word(class.rank, n),
            Some(sub) => self.acquire_both(sub, class.rank, n),
        };
        taken.inspect_err(|rejected| self.count_refused(rejected.reason))
    }

    #[allow(
        clippy::inline_always,
        reason = "so short that a call, and a result returned through memory, would show"
    )]
    #[inline(always)]
    fn acquire_word(&self, rank: Rank, n: u32) -> Result<(), Rejected> {
        // Relaxed: an acquire that starts after `set_limits` returned is ordered after it by whatever told the
        // caller so, and coherence then forbids reading the older value.
        let limits = Limits::unpack(self.limits.load(Ordering::Relaxed));
        // Relaxed: only a guess that the compare-and-swap below confirms; a refusal ends here, having written nothing.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if let Err(rejected) = admit(unpack(seen), limits, rank, n) {
                // What lies in the trays may be what is missing.
                if self.trays_are_empty() {
                    return Err(rejected);
                }
                seen = self.collect();
                continue;
            }
            if weakened("check_then_add") {
                // The mistake that a model must find: two callers pass one check.
                self.word.fetch_add(weight(rank, n), Ordering::Acquire);
                return Ok(());
            }
            // Acquire: pairs with the Release in `collect`; what was done under a permit is visible to whoever gets it
            // next. Relaxed on failure: only the next guess.
            match self.word.compare_exchange_weak(
                seen,
                seen + weight(rank, n),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }

    /// Only looks, so that a refusal leaves the lines where they are. Without a branch per tray: a refusal is this, mostly.
    #[inline(always)]
    fn trays_are_empty(&self) -> bool {
        // Relaxed: what comes back later is collected later.
        self.trays.iter().fold(0, |any, tray| any | tray.load(Ordering::Relaxed)) == 0
    }

    /// Takes what lies in the trays off the word, and returns the word.
    ///
    /// Between the two steps the permits are neither here nor there: another caller may be refused that moment, but
    /// none is ever counted twice.
    #[cold]
    fn collect(&self) -> u64 {
        // Relaxed: if nothing is collected after all, only the next guess.
        let mut word = self.word.load(Ordering::Relaxed);
        for tray in &self.trays {
            // Relaxed: looked at before it is taken, so that refusals leave an empty tray's line where it is.
            if tray.load(Ordering::Relaxed) == 0 {
                continue;
            }
            // Acquire: pairs with the Release in `release`.
            let acquire = if weakened("collect") { Ordering::Relaxed } else { Ordering::Acquire };
            let back = if weakened("double_collect") {
                let back = tray.load(Ordering::Acquire);
                tray.store(0, Ordering::Relaxed);
                back
            } else {
                tray.swap(0, acquire)
            };
            // Release: passes on what the Acquire above saw to whoever acquires next.
            word = self.word.fetch_sub(back, Ordering::Release) - back;
        }
        word
    }

    fn acquire_both(&self, sub: SubLimitId, rank: Rank, n: u32) -> Result<(), Rejected> {
        let refuse = |reason, in_flight, limit| Rejected { reason, in_flight, limit, wanted: n };
        // An id that another regulator gave out caps everything: refusing is the safe answer.
        let cell = self.subs.get(usize::from(sub.0)).ok_or(refuse(Reason::SubLimit, 0, 0))?;
        // Relaxed, as for `limits` above.
        let limit = cell.limit.load(Ordering::Relaxed);
        let step = |now: u32| now.checked_add(n).filter(|after| *after <= limit);
        // Acquire: pairs with the Release in `release_sub`. Relaxed on failure: only the next guess.
        cell.in_flight.fetch_update(Ordering::Acquire, Ordering::Relaxed, step).map_err(|in_flight| {
            refuse(if n > limit { Reason::TooLarge } else { Reason::SubLimit }, in_flight, limit)
        })?;
        self.acquire_word(rank, n).inspect_err(|_| self.release_sub(sub, n))
    }

    /// Gives `n` permits back: into a tray, so that the word's line stays with those who acquire. Wait-free.
    #[inline]
    pub(super) fn release(&self, class: Class, n: u32) {
        // Release: pairs with the Acquire in `collect`.
        let release = if weakened("release") { Ordering::Relaxed } else { Ordering::Release };
        self.trays[thread_number() % TRAYS].fetch_add(weight(class.rank, n), release);
        if let Some(sub) = class.sub {
            self.release_sub(sub, n);
        }
    }

    fn release_sub(&self, sub: SubLimitId, n: u32) {
        // Release: pairs with the Acquire in `acquire_both`.
        self.subs[usize::from(sub.0)].in_flight.fetch_sub(n, Ordering::Release);
    }

    /// From now on nothing is admitted. The door and the counts share one word, so once it is closed the total can
    /// only fall: when it reaches 0, everything that was ever admitted has ended.
    pub(super) fn close(&self) {
        // Relaxed: the modification order of the one word decides between an acquire and the close; the counts that
        // follow are read by `is_drained`.
        self.word.fetch_or(CLOSED, Ordering::Relaxed);
    }

    /// Whether it is closed and nothing is in flight any more.
    pub(super) fn is_drained(&self) -> bool {
        self.collect();
        // Acquire: pairs with the Release of the last `collect` (and, through the release sequence, of all earlier ones).
        let drained = if weakened("drained") { Ordering::Relaxed } else { Ordering::Acquire };
        self.word.load(drained) == CLOSED
    }

    pub(super) fn in_flight(&self) -> InFlight {
        // Relaxed: a snapshot for people and for laws that tolerate an old value.
        let word = unpack(self.word.load(Ordering::Relaxed));
        self.trays.iter().fold(word, |now, tray| {
            // Relaxed: as above; read after the word, so that what is collected meanwhile is not missed twice.
            let back = unpack(tray.load(Ordering::Relaxed));
            InFlight {
                normal: now.normal.saturating_sub(back.normal),
                total: now.total.saturating_sub(back.total),
                ..now
            }
        })
    }

    pub(super) fn limits(&self) -> Limits {
        // Relaxed: see `acquire_word`.
        Limits::unpack(self.limits.load(Ordering::Relaxed))
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        // Relaxed: one self-contained word; see `acquire_word` for who sees it when.
        self.limits.store(limits.pack(), Ordering::Relaxed);
    }

    /// In flight and limit of every sub-limit.
    pub(super) fn subs(&self) -> impl Iterator<Item = (u32, u32)> {
        // Relaxed: a snapshot.
        self.subs
            .iter()
            .map(|cell| (cell.in_flight.load(Ordering::Relaxed), cell.limit.load(Ordering::Relaxed)))
    }

    pub(super) fn set_sub_limit(&self, sub: SubLimitId, limit: u32) -> bool {
        // Relaxed: see `acquire_word`.
        self.subs.get(usize::from(sub.0)).map(|cell| cell.limit.store(limit, Ordering::Relaxed)).is_some()
    }

    /// How long a permit is typically held, in nanoseconds.
    pub(super) fn hold_nanos(&self) -> u64 {
        // Relaxed: a self-contained figure for a hint.
        self.hold_nanos.load(Ordering::Relaxed)
    }

    pub(super) fn set_hold_nanos(&self, nanos: u64) {
        // Relaxed: as in `hold_nanos`.
        self.hold_nanos.store(nanos, Ordering::Relaxed);
    }

    /// Counts a refusal in the calling thread's own cell.
    #[inline]
    pub(super) fn count_refused(&self, reason: Reason) {
        let cell = &self.refused.mine().0[reason.index()];
        // Relaxed: only this thread writes the cell, so load and store need not be one step, and readers take any
        // value: a count carries no other data.
        cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) -> [u64; Reason::ALL.len()] {
        let mut sums = [0; Reason::ALL.len()];
        for cells in self.refused.iter() {
            for (sum, cell) in sums.iter_mut().zip(&cells.0) {
                // Relaxed: a sum of independent counts.
                *sum += cell.load(Ordering::Relaxed);
            }
        }
        sums
    }
}
