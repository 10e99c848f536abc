//! Where a worker works: a slot of a pool, with its parker; and how it is sent to another one.
//!
//! A slot's [`Berth`] holds the slot's parker while nobody works there, and the orders of its worker, if it has any: the
//! post it is to take next. Whoever sends a worker claims the new post first, puts it into the berth of the old one,
//! and only then tells the worker to leave. So a worker that has to leave and finds no orders leaves for good.

use super::shared::Shared;
use crate::sync::{Arc, Parker, weakened};

/// What is known of a slot besides who works there.
#[derive(Debug)]
pub(super) struct Berth {
    /// Here while the slot is free.
    parker: Option<Parker>,
    /// Where its worker goes when it leaves.
    orders: Option<Post>,
}

impl Berth {
    pub(super) fn free(parker: Parker) -> Self {
        Self { parker: Some(parker), orders: None }
    }

    /// From its present post, the worker goes to this one.
    pub(super) fn send_to(&mut self, post: Option<Post>) {
        self.orders = post;
    }
}

/// A claimed slot. Given back when dropped, also by the panic of the worker that holds it.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) shared: Arc<Shared>,
    pub(super) slot: usize,
    /// Some, until it is dropped.
    parker: Option<Parker>,
}

impl Post {
    /// The first free slot, if there is one.
    pub(super) fn claim(shared: &Arc<Shared>) -> Option<Self> {
        let free =
            |(slot, berth): (usize, &crate::sync::Mutex<Berth>)| Some((slot, berth.lock().parker.take()?));
        let (slot, parker) = shared.berths.iter().enumerate().find_map(free)?;
        shared.state.set_leave(slot, false);
        Some(Self { shared: shared.clone(), slot, parker: Some(parker) })
    }

    pub(super) fn parker(&self) -> &Parker {
        self.parker.as_ref().unwrap_or_else(|| unreachable!("only `drop` takes it"))
    }

    /// Where its worker goes next, now that it leaves.
    pub(super) fn orders(&self) -> Option<Post> {
        self.shared.berths[self.slot].lock().orders.take()
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let mut berth = self.shared.berths[self.slot].lock();
        berth.parker = self.parker.take();
        // Orders that nobody followed, since their worker died: the post they name goes free as well, outside the lock.
        let orders = berth.orders.take();
        drop(berth);
        drop(orders);
        if std::thread::panicking() {
            self.shared.bell.ring();
        }
    }
}

impl Shared {
    /// Whether nobody works at a slot, nor is on the way there.
    pub(super) fn is_free(&self, slot: usize) -> bool {
        self.berths[slot].lock().parker.is_some()
    }

    /// Whether the worker of a slot is to go elsewhere, and has not gone.
    pub(super) fn has_orders(&self, slot: usize) -> bool {
        self.berths[slot].lock().orders.is_some()
    }

    /// Tells the worker of a slot to leave after the job it runs, for good or for another post.
    pub(super) fn dismiss(&self, slot: usize, orders: Option<Post>) {
        if weakened("orders") {
            // The mistake that a model must find: the worker leaves before it can know where to.
            self.state.set_leave(slot, true);
            self.idle.wake(slot);
        }
        if orders.is_some() {
            self.berths[slot].lock().send_to(orders);
        }
        self.state.set_leave(slot, true);
        self.idle.wake(slot);
    }
}
