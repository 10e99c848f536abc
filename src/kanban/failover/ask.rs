//! What is asked of both brokers and told as one: depths, dead letters, notes.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::Inner;
use super::law::BrokerRole;
use super::pack::{after as after_its, hidden, shown};
use super::side::both;
use crate::kanban::broker::{Broker, BrokerError, DeadLetter, Depth};
use crate::kanban::item::Lane;
use crate::time::{Deadline, Timestamp};

impl Inner {
    /// Asks both, each for its share of the time: one that is known to hang is not asked. What a broker says, or why it does not.
    fn each<T>(
        &self,
        within: Duration,
        ask: impl Fn(&dyn Broker, BrokerRole, Duration) -> Result<T, BrokerError>,
    ) -> Result<[Result<T, BrokerError>; 2], BrokerError> {
        self.is_open()?;
        let deadline = Deadline::after(within);
        let one = |role: BrokerRole| {
            let mut book = self.book.lock();
            let others_wait = role == BrokerRole::Primary && !book.side(role.other()).rest.would_hang();
            let side = book.side(role);
            if side.rest.would_hang() {
                return Err(side.excuse());
            }
            drop(book);
            let share = self.share(&deadline, others_wait);
            let answer = ask(&**self.broker(role), role, share);
            if let Err(error @ (BrokerError::TimedOut(_) | BrokerError::Unavailable(_))) = &answer {
                self.failed(role, error, share);
            }
            answer
        };
        let (primary, fallback) = (one(BrokerRole::Primary), one(BrokerRole::Fallback));
        if let (Err(primary), Err(fallback)) = (&primary, &fallback) {
            return Err(both(self.names, &[primary.clone(), fallback.clone()]));
        }
        Ok([primary, fallback])
    }

    /// The sum; of a broker that fails, as it last was, and nothing if it never told.
    pub(super) fn depth(&self, lane: &Lane, within: Duration) -> Result<Depth, BrokerError> {
        let answers = self.each(within, |broker, _, share| broker.depth(lane, share))?;
        let mut book = self.book.lock();
        let mut sum = Depth::default();
        for (role, answer) in BrokerRole::ALL.into_iter().zip(answers) {
            let known = &mut book.side(role).depths;
            let depth = match answer {
                Ok(depth) => {
                    if known.get(lane) != Some(&depth) {
                        known.insert(lane.clone(), depth);
                    }
                    depth
                }
                Err(_) => known.get(lane).copied().unwrap_or_default(),
            };
            sum = Depth {
                ready: sum.ready + depth.ready,
                delayed: sum.delayed + depth.delayed,
                unsettled: sum.unsettled + depth.unsettled,
                oldest: earlier(sum.oldest, depth.oldest),
            };
        }
        Ok(sum)
    }

    /// The sum, if both tell.
    pub(super) fn item_count(&self, within: Duration) -> Result<u64, BrokerError> {
        let [primary, fallback] = self.each(within, |broker, _, share| broker.item_count(share))?;
        Ok(primary? + fallback?)
    }

    /// What both hold. Of one that cannot tell, nothing; if neither can, neither can they together.
    pub(super) fn strays(&self, within: Duration) -> Result<Vec<(Lane, u64)>, BrokerError> {
        let answers = self.each(within, |broker, _, share| match broker.strays(share) {
            Err(BrokerError::Unsupported(_)) => Ok(None),
            answer => answer.map(Some),
        })?;
        let [primary, fallback] = answers;
        let told: Vec<_> = [primary?, fallback?].into_iter().flatten().collect();
        if told.is_empty() {
            return Err(BrokerError::Unsupported("list of all its lanes"));
        }
        let mut sum: HashMap<Lane, u64> = HashMap::new();
        for (lane, items) in told.into_iter().flatten() {
            *sum.entry(lane).or_default() += items;
        }
        Ok(sum.into_iter().collect())
    }

    /// The sum; of a broker that fails, as it last was, and nothing if it never told.
    pub(super) fn dead_letter_count(
        &self,
        within: Duration,
    ) -> Result<(u64, Option<Timestamp>), BrokerError> {
        let answers = self.each(within, |broker, _, share| broker.dead_letter_count(share))?;
        let mut book = self.book.lock();
        let (mut sum, mut oldest) = (0, None);
        for (role, answer) in BrokerRole::ALL.into_iter().zip(answers) {
            let known = &mut book.side(role).letters;
            let (letters, died) = match answer {
                Ok(count) => *known.insert(count),
                Err(_) => known.unwrap_or_default(),
            };
            sum += letters;
            oldest = earlier(oldest, died);
        }
        Ok((sum, oldest))
    }

    /// Both lists as one, by the numbers that are shown. If one cannot be read, none is: what is missing would be missed.
    pub(super) fn dead_letters(
        &self,
        after: u64,
        most: usize,
        within: Duration,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        let lists = self
            .each(within, |broker, role, share| broker.dead_letters(after_its(role, after), most, share))?;
        let mut letters = Vec::new();
        for (role, list) in BrokerRole::ALL.into_iter().zip(lists) {
            letters.extend(list?.into_iter().map(|letter| {
                let serial = shown(role, letter.serial);
                DeadLetter { serial, ..letter }
            }));
        }
        letters.sort_by_key(|letter| letter.serial);
        letters.truncate(most);
        Ok(letters)
    }

    pub(super) fn remove_dead_letter(&self, serial: u64, within: Duration) -> Result<bool, BrokerError> {
        self.is_open()?;
        let (role, serial) = hidden(serial);
        self.broker(role).remove_dead_letter(serial, within)
    }

    /// Notes are the primary's, or if it keeps none, the fallback's; never those of both, which would tell two stories.
    fn note_keeper<T>(&self, ask: impl Fn(&dyn Broker) -> Result<T, BrokerError>) -> Result<T, BrokerError> {
        self.is_open()?;
        match ask(&**self.broker(BrokerRole::Primary)) {
            Err(BrokerError::Unsupported(_)) => ask(&**self.broker(BrokerRole::Fallback)),
            answer => answer,
        }
    }

    pub(super) fn put_note(
        &self,
        name: &str,
        note: Option<&[u8]>,
        within: Duration,
    ) -> Result<(), BrokerError> {
        self.note_keeper(|broker| broker.put_note(name, note, within))
    }

    pub(super) fn notes(&self, within: Duration) -> Result<Vec<(String, Bytes)>, BrokerError> {
        self.note_keeper(|broker| broker.notes(within))
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
