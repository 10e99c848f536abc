//! How urgent a piece of work is.

/// How urgent a piece of work is, within its domain.
///
/// The priority decides two things: which lane of a pool the job waits in (high first, while the lanes
/// below keep a guaranteed share), and whether the job may be shed early: [`Priority::Low`] work is refused
/// from the soft limit on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Taken before everything else that waits in the pool.
    High,
    /// The ordinary case; of any ten jobs a worker takes, at least two are normal while some wait.
    #[default]
    Normal,
    /// Background work: shed from the soft limit on; of any ten jobs taken, at least one is low while some wait.
    Low,
}

impl Priority {
    /// All priorities, the most urgent first. The position of each is its [`index`](Self::index).
    pub const ALL: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

    /// 0 for high, 1 for normal, 2 for low.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used in configuration, traces and metrics: `high`, `normal` or `low`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Priority::High => "high",
            Priority::Normal => "normal",
            Priority::Low => "low",
        }
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The text was no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPriority;

impl std::fmt::Display for UnknownPriority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a priority is one of high, normal, low")
    }
}

impl std::error::Error for UnknownPriority {}

impl std::str::FromStr for Priority {
    type Err = UnknownPriority;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Priority::ALL.into_iter().find(|p| p.name().eq_ignore_ascii_case(text.trim())).ok_or(UnknownPriority)
    }
}
