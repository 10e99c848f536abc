//! The shim over std and crossbeam.

pub(crate) use crossbeam_utils::sync::Parker;
pub(crate) use parking_lot::Mutex;
pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::Arc;
pub(crate) use std::thread::yield_now;

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
}

pub(crate) mod channel {
    #[cfg(feature = "amqp")]
    pub(crate) use crossbeam_channel::Select;
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

/// A number for the calling thread, counted up from 0 as threads ask: for spreading them over a few cells.
#[inline]
pub(crate) fn thread_number() -> usize {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let mine = MINE.get();
    if mine != usize::MAX {
        return mine;
    }
    // Relaxed: only a number.
    let mine = NEXT.fetch_add(1, Ordering::Relaxed);
    MINE.set(mine);
    mine
}
