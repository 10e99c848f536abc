//! The atomics of admission: the token word, the return trays, the limits, the sub-limit cells and the refusal counters.
#![allow(
    clippy::inline_always,
    reason = "so short that a call, and a result returned through memory, would show"
)]

use super::limits::{Class, InFlight, Limits, Rank, SubLimitId, admit};
use crate::error::{Reason, Rejected};
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::sync::{CachePadded, PerThread, thread_number, weakened};

/// ```text
/// word    63..32: normal admitted so far | 31..1: total admitted so far | 0: closed
/// tray    63..32: normal given back      | 31..1: total given back      | 0: -
/// limits  62..42: soft | 41..21: hard | 20..0: reserved
/// ```
///
/// Word and trays only ever grow, and wrap. In flight is the word less all trays: as the difference is taken of whole
/// 64-bit numbers, carries from field to field and the wrapping cancel out.
///
/// | transition | by | condition, with `(n, t)` in flight |
/// |---|---|---|
/// | word `+ (k, k)` | acquire, normal or low | open, `t + k <= hard`, `n + k <= hard - reserved` |
/// | word `+ (0, k)` | acquire, priority | open, `t + k <= hard` |
/// | tray `+` the same | release, into the tray of its thread | none: always possible, also when closed |
/// | `returned` to the sum of the trays | whoever would be refused by an older sum | it has not changed meanwhile |
/// | open to closed | close | none; never reopened |
///
/// `returned` is a sum of the trays that was true at some time. What came back since is missing from it, so deciding by it
/// never admits too much; and before anybody is refused, the trays are added up anew.
#[derive(Debug)]
pub(super) struct Tokens {
    word: CachePadded<AtomicU64>,
    /// Read by every acquire; written only now and then, when a limit seemed to be reached.
    returned: CachePadded<AtomicU64>,
    trays: [CachePadded<AtomicU64>; TRAYS],
    rules: CachePadded<Rules>,
    subs: Box<[CachePadded<SubCell>]>,
    refused: PerThread<CachePadded<RefusalCells>>,
    hold_nanos: AtomicU64,
}

/// What an acquire goes by: one line, read by everybody and written hardly ever.
#[derive(Debug)]
struct Rules {
    limits: AtomicU64,
    /// Nothing comes in from outside any more: only work that is pulled from a queue, so that it can be emptied.
    shut: AtomicBool,
}

/// A refusal looks into all trays, so there are few; more threads than this share them.
const TRAYS: usize = if cfg!(heijunka_loom) { 1 } else { 8 };

const CLOSED: u64 = 1;

/// Until somebody measures: a request takes 10 ms or so.
const DEFAULT_HOLD_NANOS: u64 = 10_000_000;

/// What is in flight, by a word and a sum of trays.
#[allow(clippy::cast_possible_truncation, reason = "the two fields are cut out")]
fn in_flight(word: u64, returned: u64) -> InFlight {
    let difference = (word & !CLOSED).wrapping_sub(returned);
    InFlight {
        normal: (difference >> 32) as u32,
        total: (difference as u32) >> 1,
        closed: word & CLOSED != 0,
    }
}

/// What `n` permits of this rank add to the word, and later to a tray.
fn weight(rank: Rank, n: u32) -> u64 {
    match rank {
        Rank::Priority => u64::from(n) << 1,
        Rank::Normal | Rank::Low => u64::from(n) << 32 | u64::from(n) << 1,
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
            returned: CachePadded::new(AtomicU64::new(0)),
            trays: std::array::from_fn(|_| CachePadded::default()),
            rules: CachePadded::new(Rules {
                limits: AtomicU64::new(limits.pack()),
                shut: AtomicBool::new(false),
            }),
            subs: sub_limits.into_iter().map(|limit| CachePadded::new(cell(limit))).collect(),
            refused: PerThread::new(),
            hold_nanos: AtomicU64::new(DEFAULT_HOLD_NANOS),
        }
    }

    #[inline(always)]
    pub(super) fn try_acquire(&self, class: Class, n: u32) -> Result<(), Rejected> {
        let taken = match class.sub {
            None => self.acquire_word(class, n),
            Some(sub) => self.acquire_both(sub, class, n),
        };
        // What is pulled is offered again and again, and is no arrival: its refusals would drown those of the others.
        taken.inspect_err(|rejected| {
            if !class.pulled {
                self.count_refused(rejected.reason);
            }
        })
    }

    #[inline(always)]
    fn acquire_word(&self, class: Class, n: u32) -> Result<(), Rejected> {
        let rank = class.rank;
        // Relaxed: an acquire that starts after `set_limits` returned is ordered after it by whatever told the
        // caller so, and coherence then forbids reading the older value.
        let limits = Limits::unpack(self.rules.limits.load(Ordering::Relaxed));
        // Relaxed: as for the limits. Who is admitted all the same is in flight, and waited for.
        if self.rules.shut.load(Ordering::Relaxed) && !class.pulled {
            return Err(Rejected { reason: Reason::Closed, in_flight: 0, limit: 0, wanted: n });
        }
        loop {
            // Acquire: pairs with the Release of the compare-and-swap below; with an admission, all that its thread had given
            // back before is seen. Otherwise only a guess, which the compare-and-swap or the second look confirms.
            let word = self.word.load(Ordering::Acquire);
            // Acquire: pairs with the Release in `decide_anew`; what was done under permits that came back is visible to
            // whoever gets in because of them.
            let returned = self.returned.load(Ordering::Acquire);
            let decision = match admit(in_flight(word, returned), limits, rank, n) {
                Ok(_) => Ok(()),
                Err(_) => match self.decide_anew(word, returned, limits, rank, n) {
                    Some(decision) => decision,
                    None => continue,
                },
            };
            decision?;
            let after = word.wrapping_add(weight(rank, n));
            if weakened("check_then_add") {
                // The mistake that a model must find: two callers pass one check.
                self.word.fetch_add(weight(rank, n), Ordering::Relaxed);
                return Ok(());
            }
            let admitted = if weakened("admitted") { Ordering::Relaxed } else { Ordering::Release };
            // Release: pairs with the Acquire above. No Acquire: what is to be seen came with `returned` or the trays. Success
            // says that nobody was admitted since the word was read, which makes the decision good.
            if self.word.compare_exchange_weak(word, after, admitted, Ordering::Relaxed).is_ok() {
                return Ok(());
            }
        }
    }

    /// The decision by what the trays hold now, or `None` if somebody was admitted meanwhile. A refusal ends here, having
    /// written nothing that an acquire writes.
    #[inline(always)]
    fn decide_anew(
        &self,
        word: u64,
        returned: u64,
        limits: Limits,
        rank: Rank,
        n: u32,
    ) -> Option<Result<(), Rejected>> {
        let back = self.given_back();
        // Relaxed: behind the Acquire loads of the trays, so that it shows every acquire whose release was counted. If it
        // is still the same word, nothing was counted that is not in it.
        if !weakened("recheck") && self.word.load(Ordering::Relaxed) != word {
            return None;
        }
        if back != returned {
            // Release: passes on what the Acquire loads of the trays saw. Relaxed on failure: somebody else was faster.
            // Not a plain store: a thread that slept over it would set the sum back.
            let pass_on = if weakened("pass_on") { Ordering::Relaxed } else { Ordering::Release };
            let _ = self.returned.compare_exchange(returned, back, pass_on, Ordering::Relaxed);
        }
        Some(admit(in_flight(word, back), limits, rank, n).map(drop))
    }

    /// The sum of the trays. Without a branch: a refusal is this, mostly.
    #[inline(always)]
    fn given_back(&self) -> u64 {
        // Acquire: pairs with the Release in `release`.
        let acquire = if weakened("given_back") { Ordering::Relaxed } else { Ordering::Acquire };
        self.trays.iter().fold(0, |sum, tray| sum.wrapping_add(tray.load(acquire)))
    }

    fn acquire_both(&self, sub: SubLimitId, class: Class, n: u32) -> Result<(), Rejected> {
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
        self.acquire_word(class, n).inspect_err(|_| self.release_sub(sub, n))
    }

    /// Gives `n` permits back: into a tray, so that the word's line stays with those who acquire. Wait-free.
    #[inline]
    pub(super) fn release(&self, class: Class, n: u32) {
        // Release: pairs with the Acquire in `given_back`.
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

    /// From now on nothing is admitted. The door and the count share one word, so once it is closed the word stays: when
    /// the trays have caught up with it, everything that was ever admitted has ended.
    pub(super) fn close(&self) {
        // Relaxed: the modification order of the one word decides between an acquire and the close.
        self.word.fetch_or(CLOSED, Ordering::Relaxed);
    }

    /// From now on only pulled work is admitted.
    pub(super) fn shut(&self) {
        // Relaxed: see `acquire_word`.
        self.rules.shut.store(true, Ordering::Relaxed);
    }

    /// Whether nothing comes in from outside.
    pub(super) fn is_shut(&self) -> bool {
        // Relaxed: as above.
        self.rules.shut.load(Ordering::Relaxed)
    }

    /// Whether it is closed and nothing is in flight any more.
    pub(super) fn is_drained(&self) -> bool {
        // Relaxed: once closed, the word does not change.
        let word = self.word.load(Ordering::Relaxed);
        // Acquire: what was done under any permit is visible when this is true.
        word & CLOSED != 0 && word & !CLOSED == self.given_back()
    }

    /// What is in flight, for people and for laws that tolerate an old value. Lock-free.
    pub(super) fn in_flight(&self) -> InFlight {
        loop {
            // Acquire, Acquire, Relaxed: as for an acquire that would be refused.
            let word = self.word.load(Ordering::Acquire);
            let back = self.given_back();
            if self.word.load(Ordering::Relaxed) == word {
                return in_flight(word, back);
            }
        }
    }

    /// Permits given out so far, in the 31 bits that the word has for them.
    #[allow(clippy::cast_possible_truncation, reason = "the field is cut out")]
    pub(super) fn admitted(&self) -> u32 {
        // Relaxed: a count, of which only differences are looked at.
        (self.word.load(Ordering::Relaxed) as u32) >> 1
    }

    pub(super) fn limits(&self) -> Limits {
        // Relaxed: see `acquire_word`.
        Limits::unpack(self.rules.limits.load(Ordering::Relaxed))
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        // Relaxed: one self-contained word; see `acquire_word` for who sees it when.
        self.rules.limits.store(limits.pack(), Ordering::Relaxed);
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
