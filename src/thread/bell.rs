//! How a thread that sleeps until its next tick is called earlier.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Rung by anybody, heard by one. Rings while nobody listens are heard at the next listening, as one.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        *self.rung.lock() = true;
        self.changed.notify_one();
    }

    /// Waits until it is rung, at most `patience` of real time; tells whether it was.
    pub(crate) fn listen(&self, patience: Duration) -> bool {
        let mut rung = self.rung.lock();
        if !*rung {
            self.changed.wait_for(&mut rung, patience);
        }
        std::mem::take(&mut *rung)
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_ring_before_the_listening_is_heard_once() {
        let bell = Bell::default();
        assert!(!bell.listen(Duration::ZERO));
        bell.ring();
        bell.ring();
        assert!(bell.listen(Duration::from_secs(60)));
        assert!(!bell.listen(Duration::ZERO));
    }
}
