//! The lives of the adapter's threads: connected, served, lost, connected anew after a pause.

use std::sync::Arc;
use std::time::Duration;

use super::link::Link;
use super::mail::Slip;
use super::shared::Shared;
use super::{ask, consume, publish};
use crate::kanban::broker::BrokerError;
use crate::thread::{Bell, Managed};
use crate::time::Deadline;

/// The pause before another connection is tried: doubled each time up to the second figure, and jittered.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A connection that lived so long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// How long an orderly end of a connection may take.
const LAST: Duration = Duration::from_secs(1);

/// The threads, and what wakes those that pause.
#[derive(Debug, Default)]
pub(super) struct Threads {
    threads: Vec<Managed>,
    bells: Vec<Arc<Bell>>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
enum Role {
    Consume,
    Publish,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Consume => "hj-amqp-con",
            Role::Publish => "hj-amqp-pub",
        }
    }

    fn serve(self, shared: &Arc<Shared>, link: &mut Link, ready: &dyn Fn()) -> Result<(), BrokerError> {
        match self {
            Role::Consume => consume::serve(shared, link, ready),
            Role::Publish => publish::serve(shared, link, ready),
        }
    }

    /// Calls that need it fail at once from now on.
    fn down(self, shared: &Shared, why: &BrokerError) {
        match self {
            Role::Consume => consume::down(shared, why),
            Role::Publish => shared.outbox.down(why).iter().for_each(|batch| batch.refuse(why)),
        }
    }
}

impl Threads {
    /// Starts them, and waits until both connections are there and everything is prepared.
    pub(super) fn start(shared: &Arc<Shared>) -> Result<Self, BrokerError> {
        let mut threads = Self::default();
        threads.threads.push(Self::guard(shared)?);
        let result = threads.connect(shared);
        if result.is_err() {
            threads.end(shared, &Deadline::after(LAST));
        }
        result.map(|()| threads)
    }

    /// Starts the watchdog alone.
    pub(super) fn guard(shared: &Arc<Shared>) -> Result<Managed, BrokerError> {
        let own = shared.clone();
        start("hj-amqp-dog", move || own.dog.run())
    }

    fn connect(&mut self, shared: &Arc<Shared>) -> Result<(), BrokerError> {
        let slips = [Slip::new(), Slip::new()];
        for (role, slip) in [Role::Consume, Role::Publish].into_iter().zip(&slips) {
            let (own, first, bell) = (shared.clone(), slip.clone(), Arc::new(Bell::default()));
            self.bells.push(bell.clone());
            self.add(role.name(), move || live(&own, role, &first, &bell))?;
        }
        let own = shared.clone();
        self.add("hj-amqp-ask", move || ask::serve(&own))?;
        // Reaching the server, and preparing what is needed there.
        let patience = shared.settings.connect_timeout * 2 + shared.settings.patience();
        let deadline = Deadline::after(patience);
        for slip in slips {
            slip.wait(&deadline).unwrap_or(Err(BrokerError::TimedOut(patience)))?;
        }
        Ok(())
    }

    fn add(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), BrokerError> {
        self.threads.push(start(name, body)?);
        Ok(())
    }

    /// Ends them, by force after `deadline`; one that cannot be ended is named and left.
    pub(super) fn end(&mut self, shared: &Shared, deadline: &Deadline) {
        shared.asks.close();
        shared.desk.close();
        shared.outbox.close();
        self.bells.iter().for_each(|bell| bell.ring());
        let mut left = Vec::new();
        let mut dog = None;
        for thread in self.threads.drain(..) {
            if thread.name() == "hj-amqp-dog" {
                dog = Some(thread);
                continue;
            }
            if let Err(thread) = thread.join_until(deadline) {
                left.push(thread);
            }
        }
        let last = Deadline::after(LAST);
        for thread in left {
            shared.dog.bite();
            if let Err(thread) = thread.join_until(&last) {
                tracing::warn!(thread = thread.name(), "a thread of the RabbitMQ adapter could not be ended");
            }
        }
        shared.dog.end();
        if let Some(dog) = dog {
            // It sleeps or it ends.
            let _ = dog.join_until(&Deadline::after(LAST));
        }
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> Result<Managed, BrokerError> {
    Managed::spawn(name.to_owned(), body)
        .map_err(|error| BrokerError::Unavailable(format!("the thread {name} cannot be started: {error}")))
}

/// Connects, serves and connects again, until all is to end.
fn live(shared: &Arc<Shared>, role: Role, first: &Slip<Result<(), BrokerError>>, bell: &Bell) {
    let mut backoff = BACKOFF.0;
    let mut again = false;
    while !shared.desk.is_closing() {
        let lived = Deadline::after(GOOD);
        let lost = Link::open(&shared.settings, &shared.dog).and_then(|mut link| {
            if again {
                *shared.reconnects.lock() += 1;
            }
            let result = role.serve(shared, &mut link, &|| first.give(Ok(())));
            let cause = link.end(&shared.dog, LAST);
            if let (Err(why), Some(cause)) = (&result, cause) {
                // What was noticed first is seldom what it began with.
                tracing::debug!(error = %why, %cause, thread = role.name(), "the client gave up a connection");
            }
            result
        });
        again = true;
        let Err(why) = lost else { return };
        role.down(shared, &why);
        first.give(Err(why.clone()));
        tracing::warn!(error = %why, thread = role.name(), "no connection to RabbitMQ");
        backoff = if lived.passed() { BACKOFF.0 } else { (backoff * 2).min(BACKOFF.1) };
        bell.listen(backoff.mul_f64(0.5 + fastrand::f64() / 2.0));
    }
}
