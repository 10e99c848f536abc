//! A cell whose value is replaced while others read it; the old value is freed when the last reader has left.

use std::marker::PhantomData;

use crossbeam_epoch::{Atomic, Owned, Shared};

use super::atomic::{AtomicBool, Ordering};
use super::{Arc, weakened, yield_now};
use crate::time::Deadline;

/// Proof that the calling thread is pinned: what it loaded from an [`EpochCell`] stays alive as long as this.
pub(crate) use crossbeam_epoch::Guard;

/// Pins the calling thread. Lock-free, some nanoseconds; a pin inside a pin is cheaper still.
#[inline]
pub(crate) fn pin() -> Guard {
    crossbeam_epoch::pin()
}

/// Waits until every pin that was in force at the call has ended, or `deadline` has passed; tells whether they have.
///
/// Blocks, and so is for control paths only. If the caller itself is pinned it does not wait: it would wait for itself.
pub(crate) fn synchronize(deadline: &Deadline) -> bool {
    if crossbeam_epoch::is_pinned() {
        return false;
    }
    let passed = Arc::new(AtomicBool::new(false));
    let seen = passed.clone();
    // Release: pairs with the Acquire below; what the pinned threads did is visible to the caller afterwards.
    pin().defer(move || seen.store(true, Ordering::Release));
    // Acquire: pairs with the Release above.
    while !passed.load(Ordering::Acquire) {
        if deadline.passed() {
            return false;
        }
        pin().flush();
        yield_now();
    }
    true
}

/// An epoch-reclaimed value: reads are one load under a pin, writers replace the whole value.
#[derive(Debug)]
pub(crate) struct EpochCell<T> {
    current: Atomic<T>,
    _owns: PhantomData<T>,
}

impl<T: Send + Sync + 'static> EpochCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { current: Atomic::new(value), _owns: PhantomData }
    }

    /// The current value: old or new while a writer replaces it, never a mixture. Wait-free.
    #[inline]
    pub(crate) fn load<'g>(&'g self, guard: &'g Guard) -> &'g T {
        // Acquire: pairs with the AcqRel swap in `replace`, so that the value's contents are seen whole.
        let shared = self.current.load(Ordering::Acquire, guard);
        // SAFETY: the pointer is never null, and what it points to is destroyed after `guard` is dropped, or with `self`.
        unsafe { shared.deref() }
    }

    /// Publishes `value`. The old one is dropped, on any thread, once no pin from before this call remains.
    pub(crate) fn replace(&self, value: T, guard: &Guard) {
        // AcqRel: Release publishes the contents to `load`; Acquire lets us drop an old value another writer made.
        let publish = if weakened("publish") { Ordering::Relaxed } else { Ordering::AcqRel };
        let old = self.current.swap(Owned::new(value), publish, guard);
        if weakened("reclaim") {
            // SAFETY: none; this is the mistake that a model must find.
            drop(unsafe { old.into_owned() });
            return;
        }
        // SAFETY: the swap made `old` unreachable for pins that begin from now on, and only one swap returns it.
        unsafe { guard.defer_destroy(old) };
    }
}

impl<T: Send + Sync + 'static> EpochCell<Arc<T>> {
    /// The current value, to be kept beyond the pin. Wait-free.
    pub(crate) fn snapshot(&self, guard: &Guard) -> Arc<T> {
        self.load(guard).clone()
    }
}

impl<T> Drop for EpochCell<T> {
    fn drop(&mut self) {
        // SAFETY: `&mut self` excludes readers, so no guard is needed to protect the load.
        let guard = unsafe { crossbeam_epoch::unprotected() };
        // Relaxed: exclusive access already orders this after every other use.
        let shared: Shared<'_, T> = self.current.load(Ordering::Relaxed, guard);
        // SAFETY: never null, and no longer shared with anyone.
        drop(unsafe { shared.into_owned() });
    }
}

#[cfg(all(test, heijunka_loom))]
#[path = "../../loom-tests/epoch.rs"]
mod models;
