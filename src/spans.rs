//! Whether spans are wanted: switched on here, and asked for by a subscriber. Off, a job pays one load for them.

use crate::sync::Switch;

/// What all spans are filtered by; their events keep the names of their modules.
pub(crate) const TARGET: &str = "heijunka::spans";

/// The switch for spans. All clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Switch);

impl Spans {
    pub(crate) fn turn(&self, on: bool) {
        self.0.turn(on);
    }

    #[inline]
    pub(crate) fn are_on(&self) -> bool {
        self.0.is_on()
    }

    /// Whether they are on, and a subscriber takes them.
    pub(crate) fn are_wanted(&self) -> bool {
        self.are_on() && tracing::span_enabled!(target: TARGET, tracing::Level::INFO)
    }
}
