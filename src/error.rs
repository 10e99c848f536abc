//! Why work was refused before it ran, and why a job that was accepted has no result.

use std::fmt;

/// Which bound refused the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The hard limit is reached: nothing at all can come in.
    HardLimit,
    /// What is left is reserved for priority domains.
    Reserve,
    /// The soft limit is reached, and the work is of low priority.
    SoftLimit,
    /// The cap on this class of work is reached.
    SubLimit,
    /// More was asked for at once than the limit will ever allow: retrying is useless.
    TooLarge,
    /// The lane of the pool is full: the pool, not the whole, is behind.
    LaneFull,
    /// The domain's affinity group has no pool.
    NoPool,
    /// The pool that the key belongs to is critical, and the affinity is strict: the key may go nowhere else.
    Critical,
    /// The runtime is draining or stopped.
    Closed,
}

impl Reason {
    /// All reasons; the position of each is its [`index`](Self::index).
    pub const ALL: [Reason; 9] = [
        Reason::HardLimit,
        Reason::Reserve,
        Reason::SoftLimit,
        Reason::SubLimit,
        Reason::TooLarge,
        Reason::LaneFull,
        Reason::NoPool,
        Reason::Critical,
        Reason::Closed,
    ];

    /// The position in [`Reason::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used in metrics and reports, such as `hard_limit`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reason::HardLimit => "hard_limit",
            Reason::Reserve => "reserve",
            Reason::SoftLimit => "soft_limit",
            Reason::SubLimit => "sub_limit",
            Reason::TooLarge => "too_large",
            Reason::LaneFull => "lane_full",
            Reason::NoPool => "no_pool",
            Reason::Critical => "critical",
            Reason::Closed => "closed",
        }
    }

    /// Whether the same work may be accepted later.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        !matches!(self, Reason::TooLarge | Reason::Closed)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Work was refused, at once and without having been touched.
///
/// Sixteen bytes, built without allocating. When to try again is computed only if you ask:
/// [`Regulator::retry_after`](crate::Regulator::retry_after), [`Domain::retry_after`](crate::Domain::retry_after).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub(crate) reason: Reason,
    pub(crate) in_flight: u32,
    pub(crate) limit: u32,
    pub(crate) wanted: u32,
}

impl Rejected {
    /// Which bound refused the work.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// How much counted against that bound at the moment of the decision.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// The bound itself.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// How many permits were asked for.
    #[must_use]
    pub const fn wanted(&self) -> u32 {
        self.wanted
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rejected { reason, in_flight, limit, wanted } = self;
        match reason {
            Reason::HardLimit => write!(f, "hard limit: {in_flight} of {limit} in flight"),
            Reason::Reserve => {
                write!(f, "{in_flight} of {limit} in flight, the rest is reserved for priority domains")
            }
            Reason::SoftLimit => {
                write!(f, "soft limit: {in_flight} of {limit} in flight, low-priority work is shed")
            }
            Reason::SubLimit => {
                write!(f, "sub-limit: {in_flight} of {limit} in flight in this class of work")
            }
            Reason::TooLarge => write!(f, "{wanted} at once is more than the limit of {limit}: split it"),
            Reason::LaneFull => write!(f, "the pool's lane is full: {in_flight} of {limit} waiting"),
            Reason::NoPool => f.write_str("the domain's affinity group has no pool"),
            Reason::Critical => f.write_str("the pool of this key is critical, and its affinity is strict"),
            Reason::Closed => f.write_str("draining or stopped: no new work is accepted"),
        }
    }
}

impl std::error::Error for Rejected {}

/// Refused work, handed back untouched together with the reason.
///
/// ```
/// # use heijunka::Refused;
/// fn degrade(refused: Refused<impl FnOnce() -> u32>) -> u32 {
///     eprintln!("{refused}");
///     (refused.into_work())() // run it here, or leave it
/// }
/// ```
pub struct Refused<W> {
    pub(crate) rejected: Rejected,
    pub(crate) work: W,
}

impl<W> Refused<W> {
    /// Why, with the numbers behind it.
    #[must_use]
    pub const fn rejected(&self) -> Rejected {
        self.rejected
    }

    /// The work, as it was given.
    #[must_use]
    pub fn into_work(self) -> W {
        self.work
    }
}

impl<W> fmt::Debug for Refused<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("rejected", &self.rejected).finish_non_exhaustive()
    }
}

impl<W> fmt::Display for Refused<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rejected.fmt(f)
    }
}

impl<W> std::error::Error for Refused<W> {}

impl<W> From<Refused<W>> for Rejected {
    fn from(refused: Refused<W>) -> Self {
        refused.rejected
    }
}

/// Why an accepted job has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// It panicked, with this message.
    Panicked(String),
    /// Its deadline passed before a worker got to it, so it was not run.
    Expired,
    /// It was cancelled before a worker got to it, so it was not run.
    Cancelled,
    /// The runtime stopped, or its worker died, before it ended.
    Abandoned,
    /// It would have had to run on the worker that waits for it.
    OnWorker,
}

impl JobError {
    /// In a word, such as `expired`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            JobError::Panicked(_) => "panicked",
            JobError::Expired => "expired",
            JobError::Cancelled => "cancelled",
            JobError::Abandoned => "abandoned",
            JobError::OnWorker => "on_worker",
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Panicked(message) => write!(f, "the job panicked: {message}"),
            JobError::Expired => {
                f.write_str("the deadline passed before the job could start; it was not run")
            }
            JobError::Cancelled => f.write_str("the job was cancelled before it started; it was not run"),
            JobError::OnWorker => f.write_str("a worker must not wait for what only it could run"),
            JobError::Abandoned => {
                f.write_str("the runtime stopped, or the worker died, before the job ended")
            }
        }
    }
}

impl std::error::Error for JobError {}
