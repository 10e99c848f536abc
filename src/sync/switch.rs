//! A switch that is read at every turn and turned now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::CachePadded;

/// Off until turned on; all clones are one switch. It guards no data, so that models need not look into it: std's in both builds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch(Arc<CachePadded<AtomicBool>>);

impl Switch {
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        // Relaxed: nothing comes with it, and seeing it late is as good as having asked earlier.
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn turn(&self, on: bool) {
        // Relaxed: as in `is_on`.
        self.0.store(on, Ordering::Relaxed);
    }
}
