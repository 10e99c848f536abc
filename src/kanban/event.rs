//! What happens to a queue that people want to know of.

use super::name::Name;

/// Something worth an entry in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Whose queue, if it is about one.
    pub(crate) domain: Option<Name>,
    /// What, in a word: `breaker`, `stalled`, `dead_letter`, `broker`, `failover`, `schedule`, `slow_down`, `stray`.
    pub(crate) rule: &'static str,
    /// What was decided or seen.
    pub(crate) decision: String,
    /// The figures behind it.
    pub(crate) inputs: String,
}

/// Where events go: the journal.
pub(crate) type Events = std::sync::Arc<dyn Fn(Event) + Send + Sync>;
