//! The shim over std and crossbeam.

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::Arc;
pub(crate) use std::thread::yield_now;

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
}

pub(crate) mod channel {
    pub(crate) use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
}

/// One value per thread that touches it, created on first use and summed up by readers.
///
/// The value of a thread that ended stays, and is handed to the next thread that takes its place, so that
/// sums never shrink.
#[derive(Debug)]
pub(crate) struct PerThread<T: Send>(thread_local::ThreadLocal<T>);

impl<T: Send + Sync + Default> PerThread<T> {
    pub(crate) fn new() -> Self {
        Self(thread_local::ThreadLocal::new())
    }

    /// The calling thread's own value: no other thread writes to it. Allocates on a thread's first call.
    #[inline]
    pub(crate) fn mine(&self) -> &T {
        self.0.get_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

/// Whether a model asked for this weakening; never outside of models.
#[allow(clippy::inline_always, reason = "a constant: the branch it guards must vanish")]
#[inline(always)]
pub(crate) const fn weakened(_what: &str) -> bool {
    false
}
