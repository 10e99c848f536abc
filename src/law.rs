//! What every law is: a decision that follows from state, sample and time, and from nothing else.

use crate::time::Moment;

/// A pure function of state, sample and time, written as a step of the state.
///
/// It reads no clock, no atomic and no configuration of its own: whatever it needs is in the sample. So it can be stepped
/// under a virtual clock, and a decision that was written down can be made again.
pub(crate) trait Law: Clone {
    /// What it looks at.
    type Sample;
    /// What it makes of it.
    type Decision: PartialEq;

    /// Decides, and remembers what the next decision needs.
    fn step(&mut self, sample: &Self::Sample, now: Moment) -> Self::Decision;
}
