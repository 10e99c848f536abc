//! The journal: what the control thread decided, why, and what it saw. Every change of the system can be explained afterwards.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::law::Law;
use crate::time::Moment;

/// Who wrote an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Author {
    /// The law of scaling: how many workers a pool has.
    Scaling,
    /// The law of health: what a pool counts for in routing, and which workers are given up.
    Health,
    /// The law of balance: workers that move from one pool to another.
    Balance,
    /// The law of bursts: surge workers on a lease.
    Burst,
    /// The pull queue: breakers, stalled items, dead letters, schedules, its broker.
    Kanban,
    /// The control thread itself: what became of decisions, and what it was told.
    Control,
}

impl Author {
    /// The name used in reports: `scaling`, `health`, `balance`, `burst`, `kanban` or `control`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Author::Scaling => "scaling",
            Author::Health => "health",
            Author::Balance => "balance",
            Author::Burst => "burst",
            Author::Kanban => "kanban",
            Author::Control => "control",
        }
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One decision: when, by whom, about which pool, by which rule, what, and from what it followed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Counted from 0; a gap before the oldest one kept shows how many are gone.
    pub number: u64,
    /// When it was decided.
    pub at: Moment,
    /// Who decided.
    pub author: Author,
    /// The pool it is about; `None` if about all.
    pub pool: Option<String>,
    /// The rule that fired, or that denied what was wished for.
    pub rule: String,
    /// What was decided, in words; begins with `denied` where something was wished for and not done.
    pub decision: String,
    /// The figures it was decided by.
    pub inputs: String,
    record: Option<Arc<dyn Reproduce>>,
}

impl Entry {
    /// Makes the decision again from what was recorded, and tells whether it comes out the same. `None` for entries that
    /// no law wrote, and for all but the latest 256, whose records have made room.
    ///
    /// Laws are pure functions of state, sample and time, so anything but `Some(true)` is a fault of heijunka.
    #[must_use]
    pub fn is_reproduced(&self) -> Option<bool> {
        self.record.as_ref().map(|record| record.again(self.at))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { at, author, pool, rule, decision, inputs, .. } = self;
        write!(f, "{:.3} s {author}", at.as_nanos() as f64 / 1e9)?;
        if let Some(pool) = pool {
            write!(f, " {pool}")?;
        }
        write!(f, ": {decision} ({rule}")?;
        if !inputs.is_empty() {
            write!(f, "; {inputs}")?;
        }
        f.write_str(")")
    }
}

/// An entry before it has its number.
#[derive(Clone, Debug)]
pub(in crate::runtime) struct Draft {
    pub(in crate::runtime) author: Author,
    pub(in crate::runtime) pool: Option<String>,
    pub(in crate::runtime) rule: String,
    pub(in crate::runtime) decision: String,
    pub(in crate::runtime) inputs: String,
    pub(in crate::runtime) record: Option<Arc<dyn Reproduce>>,
}

impl Draft {
    /// Something that no law decided.
    pub(in crate::runtime) fn remark(pool: Option<&str>, rule: &str, decision: String) -> Self {
        Self {
            author: Author::Control,
            pool: pool.map(str::to_owned),
            rule: rule.to_owned(),
            decision,
            inputs: String::new(),
            record: None,
        }
    }
}

/// A decision that can be made again.
pub(in crate::runtime) trait Reproduce: fmt::Debug + Send + Sync {
    fn again(&self, at: Moment) -> bool;
}

/// One step of a law: the state before, the sample, and what came out.
#[derive(Clone, Debug)]
pub(in crate::runtime) struct Step<L: Law> {
    pub(in crate::runtime) before: L,
    pub(in crate::runtime) sample: L::Sample,
    pub(in crate::runtime) decision: L::Decision,
}

impl<L: Law> Step<L> {
    /// Steps a law, and keeps what it takes to do so again.
    pub(in crate::runtime) fn take(law: &mut L, sample: L::Sample, at: Moment) -> Self {
        let before = law.clone();
        let decision = law.step(&sample, at);
        Self { before, sample, decision }
    }
}

impl<L> Reproduce for Step<L>
where
    L: Law + fmt::Debug + Send + Sync,
    L::Sample: fmt::Debug + Send + Sync,
    L::Decision: fmt::Debug + Send + Sync,
{
    fn again(&self, at: Moment) -> bool {
        self.before.clone().step(&self.sample, at) == self.decision
    }
}

/// Entries that can be made again. A record holds all that a law remembers, some KiB each.
const RECORDS: usize = 256;

/// The latest entries; older ones make room.
#[derive(Debug)]
pub(in crate::runtime) struct Journal(Mutex<Pages>);

#[derive(Debug)]
struct Pages {
    entries: VecDeque<Arc<Entry>>,
    next: u64,
    most: usize,
}

impl Journal {
    pub(in crate::runtime) fn new(most: usize) -> Self {
        Self(Mutex::new(Pages { entries: VecDeque::new(), next: 0, most }))
    }

    pub(in crate::runtime) fn keep(&self, most: usize) {
        self.0.lock().most = most;
    }

    pub(in crate::runtime) fn write(&self, at: Moment, draft: Draft) -> Arc<Entry> {
        let Draft { author, pool, rule, decision, inputs, record } = draft;
        let mut pages = self.0.lock();
        let entry = Arc::new(Entry { number: pages.next, at, author, pool, rule, decision, inputs, record });
        pages.next += 1;
        while pages.entries.len() >= pages.most {
            pages.entries.pop_front();
        }
        pages.entries.push_back(entry.clone());
        let old = pages.entries.len().checked_sub(RECORDS + 1);
        if let Some(old) = old.and_then(|at| pages.entries.get_mut(at)) {
            *old = Arc::new(Entry { record: None, ..(**old).clone() });
        }
        entry
    }

    /// The entries kept, the oldest first.
    pub(in crate::runtime) fn read(&self) -> Vec<Arc<Entry>> {
        self.0.lock().entries.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_latest_and_counts_on() {
        let journal = Journal::new(2);
        for n in 0..5 {
            journal.write(
                Moment::from_nanos(n),
                Draft::remark(Some("mail"), "told", format!("the {n}th thing")),
            );
        }
        let kept = journal.read();
        assert_eq!(kept.iter().map(|entry| entry.number).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(kept[1].to_string(), "0.000 s control mail: the 4th thing (told)");
        assert_eq!(kept[1].is_reproduced(), None);
    }

    #[derive(Debug)]
    struct Sound;

    impl Reproduce for Sound {
        fn again(&self, _at: Moment) -> bool {
            true
        }
    }

    #[test]
    fn only_the_latest_can_be_made_again() {
        let journal = Journal::new(1000);
        for _ in 0..RECORDS + 10 {
            let draft = Draft { record: Some(Arc::new(Sound)), ..Draft::remark(None, "", String::new()) };
            journal.write(Moment::default(), draft);
        }
        let (old, new) = (journal.read(), RECORDS);
        assert!(old[10..].iter().all(|entry| entry.is_reproduced() == Some(true)) && old[10..].len() == new);
        assert!(old[..10].iter().all(|entry| entry.is_reproduced().is_none()));
    }
}
