//! Publishing: an item is stored, certainly not stored, or nobody knows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::Span;

use super::broker::{Broker, BrokerError, PublishError, Stored};
use super::cells::{Count, Counts};
use super::item::{Item, ItemSpec};
use super::name::ItemId;
use super::spans::{self, begin_trace};
use crate::spans::Spans;
use crate::time::Clock;

/// Puts items into a broker. Cloning is cheap; used from any thread.
///
/// `Ok` means that the broker keeps the item: from then on it stays until its handler succeeded, it lies among the dead letters, or a
/// configured policy dropped it.
///
/// May block for as long as the broker takes, at most for the publish timeout; never call it where that must not be, such as on
/// the thread of an event loop.
#[derive(Clone)]
pub struct Publisher {
    broker: Arc<dyn Broker>,
    clock: Clock,
    counts: Arc<Counts>,
    max_payload: usize,
    within: Duration,
    spans: Spans,
}

/// A stored item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id.
    pub id: ItemId,
    /// Whether it is new, or was there already.
    pub stored: Stored,
}

impl Publisher {
    /// How long a publish waits for the broker unless told.
    pub(crate) const WITHIN: Duration = Duration::from_secs(5);

    /// A publisher on a broker that nothing consumes from in this process.
    #[must_use]
    pub fn new(broker: Arc<dyn Broker>, clock: Clock) -> Self {
        let max_payload = broker.traits().max_payload;
        Self {
            broker,
            clock,
            counts: Arc::default(),
            max_payload,
            within: Self::WITHIN,
            spans: Spans::default(),
        }
    }

    pub(crate) fn with_spans(self, spans: Spans) -> Self {
        Self { spans, ..self }
    }

    /// Whether what is published has spans, and so a trace to belong to.
    pub(crate) fn traces(&self) -> bool {
        self.spans.are_wanted()
    }

    pub(crate) fn counting(self, counts: Arc<Counts>) -> Self {
        Self { counts, ..self }
    }

    /// The same with another patience.
    #[must_use]
    pub fn timeout(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// The same with payloads of at most so many bytes, or of what the broker takes if that is less.
    #[must_use]
    pub fn max_payload(self, bytes: usize) -> Self {
        let max_payload = bytes.min(self.broker.traits().max_payload);
        Self { max_payload, ..self }
    }

    /// Publishes one item.
    ///
    /// # Errors
    /// [`PublishError`]: wrong in itself, not stored, or nobody knows.
    pub fn publish(&self, spec: ItemSpec) -> Result<Receipt, PublishError> {
        self.publish_batch([spec]).pop().unwrap_or(Err(PublishError::NotStored(no_answer())))
    }

    /// Publishes many items at once, which costs little more than one: one answer each, in their order. Some may be stored and
    /// others not.
    pub fn publish_batch(
        &self,
        specs: impl IntoIterator<Item = ItemSpec>,
    ) -> Vec<Result<Receipt, PublishError>> {
        let (now, traces) = (self.clock.timestamp(), self.traces());
        let mut good = Vec::new();
        let mut answers: Vec<Option<PublishError>> = Vec::new();
        for spec in specs {
            match spec.build(now, self.max_payload) {
                Ok(mut item) => {
                    if traces {
                        begin_trace(&mut item);
                    }
                    good.push(Arc::new(item));
                    answers.push(None);
                }
                Err(error) => {
                    self.counts.add(Count::Invalid, 1);
                    answers.push(Some(error.into()));
                }
            }
        }
        let mut stored = self.publish_items(&good).into_iter().zip(good);
        let mut answer = |wrong: Option<PublishError>| match wrong {
            Some(error) => Err(error),
            None => match stored.next() {
                Some((stored, item)) => stored.map(|stored| Receipt { id: item.id.clone(), stored }),
                None => Err(PublishError::Unknown(no_answer())),
            },
        };
        answers.into_iter().map(&mut answer).collect()
    }

    /// Publishes items that are made already.
    pub(crate) fn publish_items(&self, items: &[Arc<Item>]) -> Vec<Result<Stored, PublishError>> {
        if items.is_empty() {
            return Vec::new();
        }
        let system = spans::system(self.broker.traits().name);
        let spanned = if self.spans.are_on() { items } else { &[] };
        let spans: Vec<Span> = spanned.iter().map(|item| spans::publish(system, item)).collect();
        let answers = self.broker.publish(items, self.within);
        for (span, answer) in spans.into_iter().zip(&answers) {
            spans::ended(span, outcome(answer));
        }
        for answer in &answers {
            let count = match answer {
                Ok(Stored::New) => Count::Published,
                Ok(Stored::Duplicate) => Count::PublishedTwice,
                Err(PublishError::Invalid(_)) => Count::Invalid,
                Err(PublishError::NotStored(_)) => Count::NotStored,
                Err(PublishError::Unknown(_)) => Count::Unknown,
            };
            self.counts.add(count, 1);
        }
        answers
    }
}

/// What became of an item, in a word.
fn outcome(answer: &Result<Stored, PublishError>) -> &'static str {
    match answer {
        Ok(Stored::New) => "stored",
        Ok(Stored::Duplicate) => "duplicate",
        Err(PublishError::Invalid(_)) => "invalid",
        Err(PublishError::NotStored(_)) => "not_stored",
        Err(PublishError::Unknown(_)) => "unknown",
    }
}

/// A broker that answers fewer items than it was given does not keep its contract.
fn no_answer() -> BrokerError {
    BrokerError::Refused("it gave no answer for this item".to_owned())
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("broker", &self.broker.traits().name).finish_non_exhaustive()
    }
}
