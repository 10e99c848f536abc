//! Publishing: confirmed, and many at once.

use std::sync::Arc;
use std::time::Duration;

use super::Nats;
use super::exchange::{Entry, Say};
use super::talk::{Patience, Said};
use super::{headers, replies};
use crate::kanban::broker::{AT_A_TIME, BrokerError, PublishError, Stored};
use crate::kanban::item::{Item, ItemError};

impl Nats {
    pub(super) fn store(&self, items: &[Arc<Item>], within: Duration) -> Vec<Result<Stored, PublishError>> {
        if let Err(error @ BrokerError::Closed) = self.talk.desk.lock().usable() {
            return items.iter().map(|_| Err(PublishError::NotStored(error.clone()))).collect();
        }
        let patience = Patience::of(within);
        let said: Vec<_> =
            items.chunks(AT_A_TIME).map(|items| self.begin_to_store(items, &patience)).collect();
        let stored = |(wrong, said): (Vec<Option<ItemError>>, Said)| {
            let mut answers = self.talk.hear(said, &patience).into_iter().map(replies::stored);
            let no_answer = || Err(PublishError::Unknown(BrokerError::TimedOut(within)));
            let answer = move |wrong: Option<ItemError>| match wrong {
                Some(error) => Err(error.into()),
                None => answers.next().unwrap_or_else(no_answer),
            };
            wrong.into_iter().map(answer)
        };
        said.into_iter().flat_map(stored).collect()
    }

    /// What is wrong with each of them, and what was said of the others.
    fn begin_to_store(&self, items: &[Arc<Item>], patience: &Patience) -> (Vec<Option<ItemError>>, Said) {
        let mut entries = Vec::with_capacity(items.len());
        let mut place = |item: &Arc<Item>| self.entry(item).map(|entry| entries.push(entry)).err();
        let wrong = items.iter().map(&mut place).collect();
        (wrong, self.talk.begin(entries, true, patience))
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
