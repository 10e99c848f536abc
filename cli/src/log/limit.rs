//! What repeats itself is told so often only, and then how often it was not told: a disk that is full, or a handler that fails, would else
//! drown everything beside it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{Clock, Moment};
use parking_lot::Mutex;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, info};
use tracing_subscriber::layer::{Context, Layer};

/// So many lines of one place in the program are told within this time.
const MOST: u32 = 50;
const WITHIN: Duration = Duration::from_secs(10);

/// Holds back what one place in the program says too often. Places are few, whatever they say.
///
/// Lines of the levels `debug` and `trace` were asked for, and are all told.
#[derive(Clone, Debug)]
pub(crate) struct Limit(Arc<State>);

#[derive(Debug)]
struct State {
    clock: Clock,
    places: Mutex<HashMap<Identifier, Place>>,
}

/// A place in the program, within its present time.
#[derive(Debug)]
struct Place {
    since: Moment,
    told: u32,
    held_back: u64,
    /// What the first line that was held back said.
    message: String,
}

impl Limit {
    pub(crate) fn new(clock: Clock) -> Self {
        Self(Arc::new(State { clock, places: Mutex::default() }))
    }

    /// Says what was held back at places whose time is over. To be called every now and then.
    pub(crate) fn tell(&self) {
        let now = self.0.clock.now();
        self.tell_of(|place| now.since(place.since) >= WITHIN);
    }

    /// Says everything that was held back.
    pub(crate) fn tell_all(&self) {
        self.tell_of(|_| true);
    }

    fn tell_of(&self, is_over: impl Fn(&Place) -> bool) {
        let mut held = Vec::new();
        for place in self.0.places.lock().values_mut().filter(|place| place.held_back > 0 && is_over(place)) {
            held.push((std::mem::take(&mut place.held_back), std::mem::take(&mut place.message)));
        }
        // Telling asks the limit again, so the lock must be free.
        for (lines, message) in held {
            info!(lines, like = message, "held back");
        }
    }

    fn lets_through(&self, event: &Event<'_>) -> bool {
        let now = self.0.clock.now();
        let mut places = self.0.places.lock();
        let place = places.entry(event.metadata().callsite()).or_insert_with(|| Place {
            since: now,
            told: 0,
            held_back: 0,
            message: String::new(),
        });
        if now.since(place.since) >= WITHIN {
            (place.since, place.told) = (now, 0);
        }
        if place.told < MOST {
            place.told += 1;
            return true;
        }
        if place.held_back == 0 {
            event.record(&mut Message(&mut place.message));
        }
        place.held_back += 1;
        false
    }
}

impl<S: Subscriber> Layer<S> for Limit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        *event.metadata().level() > Level::INFO || self.lets_through(event)
    }
}

/// Keeps what an event says, without its figures.
struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            *self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests;
