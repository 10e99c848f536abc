//! The same work done by apalis over the same servers.
//!
//! Neither of its backends confirms what is published, so there is no row of single publications:
//! - The one for NATS drops the future of the server's answer: a push that the server refuses is reported as done.
//! - The one for RabbitMQ opens its channel without confirms, and offers no way to have them; nor does it ask for what cannot be routed.
//!
//! What many cost is measured all the same, as a row of what is `unconfirmed`, until the server is seen to have them all. Ours waits for every answer.
//!
//! Tuned for it, not against it:
//! - `push_bulk`, its way of pushing many, with all items in one call. For RabbitMQ that opens a channel and declares the queue anew for every item,
//!   so a second row, `push-sink`, has its sink made ready once, all items put into it, and the sink flushed.
//! - Payloads are strings: it writes JSON, in which bytes would be a list of numbers.
//! - The stream and the queue are as ours: a work queue in a file, and a quorum queue. By default its stream would keep what is done.
//! - A pull consumer, which it recommends for workers. It asks for 200 at a time, and offers no other number; as many may wait for their
//!   acknowledgement as ours holds and asks for. Prefetched from RabbitMQ is what the other clients have.
//! - One thread, and no limit of what runs together but those: the handler never waits once the gate is open.
//! - Connecting, making stream, queue, channel and consumer, and the first pull are not counted: the first items are held at a gate, as ours are.
//! - Acknowledgements are sent and not waited for, which is all that it does; ours waits for the server's answer from NATS. That row ends
//!   when the stream is empty.
//!
//! A backend for RabbitMQ has to have pushed something before it is given to a worker: without the channel that the push opens, its first poll
//! panics, and its acknowledgements would find none. Here it pushes all that the worker runs.
//!
//! That every item was run once, and acknowledged, is looked at in each round: runs are counted, and the stream or queue is empty afterwards.

mod amqp;
mod nats;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use apalis::prelude::{WorkerContext, WorkerError};
use heijunka_compare::clock;
use heijunka_compare::suite::Suite;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use crate::PAYLOAD;
use crate::ours::{self, Cost, PATIENCE};

/// Their queues, streams and workers.
const NAME: &str = "apalis";

/// One thread, which runs whether anybody waits or not.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts")
}

/// Asks until it is so.
fn wait_until(mut so: impl FnMut() -> bool) {
    let start = clock::raw();
    while !so() {
        let waited = Duration::from_nanos(clock::nanos_between(start, clock::raw()));
        assert!(waited < PATIENCE, "items are missing, or not acknowledged, or too many");
    }
}

/// So many items, each of the size of everybody's.
fn items(count: u32) -> Vec<String> {
    let payload = String::from_utf8(PAYLOAD.to_vec()).expect("it is text");
    vec![payload; count as usize]
}

/// Items that are held until all may run, as ours are.
struct Held {
    left: AtomicU32,
    gate: Semaphore,
}

impl Held {
    fn new(count: u32) -> Arc<Self> {
        Arc::new(Self { left: AtomicU32::new(count), gate: Semaphore::new(0) })
    }

    /// What is run for an item: the last one ends its worker, which acknowledges before what runs.
    async fn run(&self, payload: String, worker: WorkerContext) {
        // An error: it was closed, which is how it lets everybody through.
        let _ = self.gate.acquire().await;
        assert_eq!(payload.len(), PAYLOAD.len(), "it is what was published");
        // Relaxed: a count that guards nothing.
        let left = self.left.fetch_sub(1, Ordering::Relaxed);
        assert!(left > 0, "no item runs twice");
        if left == 1 {
            worker.stop().expect("it runs");
        }
    }

    /// What it costs from the opening of the gate until the worker has ended and all is `settled`.
    fn cost(
        &self,
        runtime: &Runtime,
        worker: impl Future<Output = Result<(), WorkerError>> + Send + 'static,
        settled: impl FnOnce(),
    ) -> Cost {
        // Relaxed: as above.
        let count = self.left.load(Ordering::Relaxed);
        let worker = runtime.spawn(worker);
        sleep(Duration::from_millis(50));
        ours::cost(count, || {
            runtime.block_on(async {
                self.gate.close();
                worker.await.expect("it runs").expect("it stops in order");
            });
            settled();
        })
    }
}

pub(crate) fn measure(suite: &mut Suite) {
    nats::measure(suite);
    amqp::measure(suite);
}
