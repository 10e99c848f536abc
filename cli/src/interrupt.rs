//! Ctrl-C and SIGTERM: the first stops the replay and still reports, the second ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Tells whether a signal came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// From now on the signals are caught.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = Self::default();
        let caught = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds `caught` unset and sets it, the second one ends the process.
            flag::register_conditional_shutdown(signal, 128 + signal, caught.clone())?;
            flag::register(signal, caught.clone())?;
            flag::register_usize(signal, interrupt.0.clone(), signal.unsigned_abs() as usize)?;
        }
        Ok(interrupt)
    }

    /// The number of the signal that came.
    pub(crate) fn signal(&self) -> Option<u8> {
        // Relaxed: the number stands for itself.
        u8::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }
}
