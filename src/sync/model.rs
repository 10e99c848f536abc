//! The shim over loom: same names, same behaviour, every step visible to the model checker.

pub(crate) use loom::hint::spin_loop;
pub(crate) use loom::sync::Arc;
pub(crate) use loom::thread::yield_now;

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
}

/// A bounded queue behind loom's mutex in place of crossbeam's channel: the models check our protocol around a
/// correct channel, crossbeam's own correctness is trusted.
pub(crate) mod channel {
    use std::collections::VecDeque;

    use loom::sync::{Arc, Mutex};

    #[derive(Debug)]
    pub(crate) struct TrySendError<T>(T);

    impl<T> TrySendError<T> {
        pub(crate) fn into_inner(self) -> T {
            self.0
        }

        /// The only way to fail: nobody closes a channel here.
        pub(crate) fn is_full(&self) -> bool {
            true
        }
    }

    #[derive(Debug)]
    struct Shared<T> {
        queue: Mutex<VecDeque<T>>,
        capacity: usize,
    }

    #[derive(Debug)]
    pub(crate) struct Sender<T>(Arc<Shared<T>>);

    #[derive(Debug)]
    pub(crate) struct Receiver<T>(Arc<Shared<T>>);

    pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        let shared = Arc::new(Shared { queue: Mutex::new(VecDeque::new()), capacity });
        (Sender(shared.clone()), Receiver(shared))
    }

    impl<T> Sender<T> {
        pub(crate) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
            let mut queue = self.0.queue.lock().unwrap();
            if queue.len() == self.0.capacity {
                return Err(TrySendError(value));
            }
            queue.push_back(value);
            Ok(())
        }

        pub(crate) fn len(&self) -> usize {
            self.0.queue.lock().unwrap().len()
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn try_recv(&self) -> Result<T, ()> {
            self.0.queue.lock().unwrap().pop_front().ok_or(())
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.queue.lock().unwrap().is_empty()
        }
    }

    impl<T> Clone for Receiver<T> {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }
}

/// crossbeam's parker, whose time never runs out: whoever is to wake a thread must do so, or the model deadlocks.
#[derive(Debug)]
pub(crate) struct Parker(crossbeam_utils::sync::Parker);

impl Parker {
    pub(crate) fn new() -> Self {
        Self(crossbeam_utils::sync::Parker::new())
    }

    pub(crate) fn unparker(&self) -> &super::Unparker {
        self.0.unparker()
    }

    pub(crate) fn park(&self) {
        self.0.park();
    }

    pub(crate) fn park_timeout(&self, _: std::time::Duration) {
        self.0.park();
    }
}

/// loom's mutex with parking_lot's face.
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
}

/// One value for all threads: a model has too few threads and stores to spare for one each.
#[derive(Debug)]
pub(crate) struct PerThread<T>(T);

impl<T: Default> PerThread<T> {
    pub(crate) fn new() -> Self {
        Self(T::default())
    }

    pub(crate) fn mine(&self) -> &T {
        &self.0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.0)
    }
}

/// Whether this is the weakened twin of a model: `HEIJUNKA_WEAK` names what to leave out, and the model must then fail.
pub(crate) fn weakened(what: &str) -> bool {
    static WEAK: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    WEAK.get_or_init(|| std::env::var("HEIJUNKA_WEAK").ok()).as_deref() == Some(what)
}

/// All threads of a model share the one cell there is.
pub(crate) fn thread_number() -> usize {
    0
}
