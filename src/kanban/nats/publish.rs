//! Publishing: confirmed, and many at once.

use std::sync::Arc;
use std::time::Duration;

use super::Nats;
use super::exchange::{Entry, Say};
use super::{headers, replies};
use crate::kanban::broker::{BrokerError, PublishError, Stored};
use crate::kanban::item::{Item, ItemError};

impl Nats {
    pub(super) fn store(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        if let Err(error @ BrokerError::Closed) = self.talk.desk.lock().usable() {
            return items.iter().map(|_| Err(PublishError::NotStored(error.clone()))).collect();
        }
        let mut entries = Vec::with_capacity(items.len());
        let mut wrong = Vec::new();
        for item in items {
            match self.entry(item) {
                Ok(entry) => {
                    entries.push(entry);
                    wrong.push(None);
                }
                Err(error) => wrong.push(Some(error)),
            }
        }
        let mut answers = self.talk.exchange(entries, true, within).into_iter().map(replies::stored);
        let no_answer = || Err(PublishError::Unknown(BrokerError::TimedOut(within)));
        let answer = |wrong: Option<ItemError>| match wrong {
            Some(error) => Err(error.into()),
            None => answers.next().unwrap_or_else(no_answer),
        };
        wrong.into_iter().map(answer).collect()
    }

    fn entry(&self, item: &Item) -> Result<Entry, ItemError> {
        let most = self.limits.payload;
        if item.payload.len() > most {
            return Err(ItemError::TooLarge { bytes: item.payload.len(), most });
        }
        let headers = headers::of_item(item);
        let bytes = item.payload.len() + headers::size(&headers);
        if bytes > self.limits.message {
            return Err(ItemError::TooLarge { bytes, most: self.limits.message });
        }
        let subject = item.lane.subject().into();
        Ok(Say { subject, headers: Some(headers), payload: item.payload.clone() }.into())
    }
}
