//! The floor: a bounded crossbeam channel with one thread at its end.

use std::hint::spin_loop;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};

use super::{Spawn, wait_for_room};

/// How the receiving thread waits.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    /// It tries again at once, for ever.
    Spin,
    /// As crossbeam does: a few turns of backing off, then it sleeps.
    Block,
}

/// A closure on the heap, its type forgotten.
pub type Boxed = Box<dyn FnOnce() + Send>;

/// A bounded channel, and the thread that does something with each message.
#[derive(Debug)]
pub struct Channel<M> {
    sender: Option<Sender<M>>,
    worker: Option<JoinHandle<()>>,
}

impl<M: Send + 'static> Channel<M> {
    /// Starts the thread, on the cores the calling thread may run on.
    ///
    /// # Panics
    /// If the system starts no more threads.
    #[must_use]
    pub fn start(capacity: usize, wait: Wait, run: impl Fn(M) + Send + 'static) -> Self {
        let (sender, receiver) = bounded(capacity);
        let worker = thread::Builder::new()
            .name("bare-channel".to_owned())
            .spawn(move || match wait {
                Wait::Spin => spin(&receiver, run),
                Wait::Block => receiver.iter().for_each(run),
            })
            .expect("a thread can be started");
        Self { sender: Some(sender), worker: Some(worker) }
    }

    /// Sends; spins while the channel is full.
    #[inline]
    pub fn send(&self, message: M) {
        let Some(sender) = &self.sender else { return };
        let mut message = message;
        while let Err(TrySendError::Full(back)) = sender.try_send(message) {
            message = back;
            wait_for_room(1);
        }
    }
}

fn spin<M>(receiver: &Receiver<M>, run: impl Fn(M)) {
    loop {
        match receiver.try_recv() {
            Ok(message) => run(message),
            Err(TryRecvError::Empty) => spin_loop(),
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

impl Channel<Boxed> {
    /// A channel of boxed closures that runs them: the simplest pool there is.
    #[must_use]
    pub fn of_closures(capacity: usize, wait: Wait) -> Self {
        Self::start(capacity, wait, |job: Boxed| job())
    }
}

impl Spawn for Channel<Boxed> {
    #[inline]
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.send(Box::new(job));
    }
}

impl<M> Drop for Channel<M> {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(worker) = self.worker.take() {
            // A job that panicked has already said so on stderr.
            let _ = worker.join();
        }
    }
}
