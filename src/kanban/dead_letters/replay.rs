//! Replaying dead letters: published again under an id of their own, and removed once that is confirmed.
//!
//! The id is `{original}:r{n}.{serial}`: the `n`th replay of that item, out of this dead letter. The broker, and whoever
//! remembers what was seen, must take it for a new item, or the replay would be swallowed; and an item that died twice (it was
//! published again after its death) has two dead letters of the same original id, of which neither may pass for the other.
//!
//! As no other dead letter leads to this id, a broker that calls it a duplicate has it from an earlier attempt at this very one:
//! one whose outcome was not known, or whose process died before it removed the dead letter. The item is there then, or was
//! and has ended, so the dead letter is removed as if it had been stored now. Whatever happens in between, the dead letter goes only after the
//! broker said that it has the item: nothing is lost, and trying again doubles nothing as long as the broker knows the id.

use std::collections::HashSet;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::{DeadLetterFilter, DeadLetters};
use crate::kanban::broker::{BrokerError, DeadLetter, PublishError, Stored};
use crate::kanban::item::{Item, ORIGINAL_ID, REPLAYS};
use crate::kanban::name::{ItemId, Name, NameError};

use crate::time::Timestamp;

/// How dead letters are replayed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayOptions {
    /// Only tell what would be done.
    pub dry_run: bool,
    /// At most so many per second, from one per minute to a million; as fast as they go if `None`.
    pub per_second: Option<f64>,
    /// At most so many in one call, those included that are refused; 1000 by default.
    pub most: usize,
    /// After so long no further one is begun; 1 min by default.
    pub longest: Duration,
    /// Also those that were replayed three times already, and those that could not be decoded.
    pub force: bool,
    /// How long from now they are wanted. Their old deadline, which may be why they died, is gone in any case.
    pub deadline: Option<Duration>,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        let (dry_run, force, longest) = (false, false, Duration::from_secs(60));
        Self { dry_run, per_second: None, most: 1000, longest, force, deadline: None }
    }
}

/// What became of a dead letter that was to be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Its number.
    pub serial: u64,
    /// Its domain.
    pub domain: Name,
    /// Its id.
    pub id: ItemId,
    /// What became of it.
    pub outcome: ReplayOutcome,
}

/// How a replay ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayOutcome {
    /// It is in the broker under this id, and no dead letter any more.
    Replayed(ItemId),
    /// An earlier attempt had put it into the broker under this id, unnoticed. It is no dead letter any more.
    ReplayedBefore(ItemId),
    /// It would be published under this id.
    WouldReplay(ItemId),
    /// It was not tried, since that is not advised.
    Refused(ReplayRefusal),
    /// It is still a dead letter. If nobody knows whether it was stored, replaying it again is safe.
    Failed(PublishError),
    /// It is in the broker under this id, yet still a dead letter as well: replay it again, which removes it.
    Kept(ItemId, BrokerError),
}

/// Why a dead letter is not replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayRefusal {
    /// It was replayed so often already; may be forced.
    TooOften(u32),
    /// It could not be decoded, and will not be next time; may be forced.
    Undecodable,
    /// No id can be made out of its own.
    Id(NameError),
}

/// What became of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Of each, the oldest first.
    pub letters: Vec<Replay>,
    /// What [`DeadLetterFilter::after`] is to be to go on; `None` if all were looked at.
    pub next: Option<u64>,
    /// What ended it before its time.
    pub error: Option<BrokerError>,
}

/// Replayed more often, it must be forced.
const MOST_REPLAYS: u32 = 3;

/// So often a publish of unknown outcome is tried.
const TRIES: usize = 3;

impl DeadLetters {
    /// Replays the one of this number; `None` if it is not there. Of the options, the rate and the bounds do not matter.
    ///
    /// # Errors
    /// [`BrokerError`], if it cannot be looked up.
    pub fn replay(&self, serial: u64, options: &ReplayOptions) -> Result<Option<Replay>, BrokerError> {
        Ok(self.show(serial)?.map(|letter| self.replay_letter(&letter, options)))
    }

    /// Replays those that the filter lets through, the oldest first, but none that died of being replayed by this call. Ends
    /// early if the broker fails.
    #[must_use]
    pub fn replay_all(&self, filter: &DeadLetterFilter, options: &ReplayOptions) -> ReplayReport {
        let mut letters = Vec::new();
        let ended = self.replay_each(filter, options, |replay| {
            letters.push(replay);
            ControlFlow::Continue(())
        });
        let (next, error) = match ended {
            Ok(next) => (next, None),
            Err((next, error)) => (Some(next), Some(error)),
        };
        ReplayReport { letters, next, error }
    }

    /// As [`replay_all`](Self::replay_all), telling `each` of them as soon as it is over, until that breaks off. Returns where to go
    /// on, if there may be more.
    ///
    /// # Errors
    /// What ended it before its time, and where to go on then.
    pub fn replay_each(
        &self,
        filter: &DeadLetterFilter,
        options: &ReplayOptions,
        mut each: impl FnMut(Replay) -> ControlFlow<()>,
    ) -> Result<Option<u64>, (u64, BrokerError)> {
        let (begun, mut count, mut made) = (self.clock.now(), 0, HashSet::new());
        let (mut reached, mut enough) = (filter.after, false);
        let ended = self.scan(filter, |letter| {
            if enough {
                return Ok(ControlFlow::Break(()));
            }
            if made.contains(&letter.item.id) {
                return Ok(ControlFlow::Continue(()));
            }
            if count == options.most || self.clock.now().since(begun) >= options.longest {
                return Ok(ControlFlow::Break(()));
            }
            if count > 0 && !options.dry_run {
                self.pause(options);
            }
            count += 1;
            let replay = self.replay_letter(&letter, options);
            if let ReplayOutcome::Replayed(id) | ReplayOutcome::ReplayedBefore(id) = &replay.outcome {
                made.insert(id.clone());
            }
            let failed = replay.outcome.broker_error().cloned();
            enough = each(replay).is_break();
            if let Some(error) = failed {
                return Err(error);
            }
            reached = letter.serial;
            Ok(ControlFlow::Continue(()))
        });
        ended.map_err(|error| (reached, error))
    }

    fn replay_letter(&self, letter: &DeadLetter, options: &ReplayOptions) -> Replay {
        let outcome = match replayed(letter, self.clock.timestamp(), options) {
            Err(refusal) => ReplayOutcome::Refused(refusal),
            Ok(item) if options.dry_run => ReplayOutcome::WouldReplay(item.id),
            Ok(item) => self.publish_and_remove(letter.serial, Arc::new(item)),
        };
        let Item { id, lane, .. } = &*letter.item;
        Replay { serial: letter.serial, domain: lane.domain.clone(), id: id.clone(), outcome }
    }

    fn publish_and_remove(&self, serial: u64, item: Arc<Item>) -> ReplayOutcome {
        let id = item.id.clone();
        let stored = match self.publish_surely(item) {
            Ok(stored) => stored,
            Err(error) => return ReplayOutcome::Failed(error),
        };
        match (self.drop(serial), stored) {
            (Err(error), _) => ReplayOutcome::Kept(id, error),
            // Whether it was there still does not matter: another attempt at the same came to the same end.
            (Ok(_), Stored::New) => ReplayOutcome::Replayed(id),
            (Ok(_), Stored::Duplicate) => ReplayOutcome::ReplayedBefore(id),
        }
    }

    /// Publishes, again under the same id while the outcome is not known.
    fn publish_surely(&self, item: Arc<Item>) -> Result<Stored, PublishError> {
        let items = [item];
        let mut unknown = PublishError::Unknown(BrokerError::Refused("it gave no answer".to_owned()));
        let mut new_if_any = None;
        for _ in 0..TRIES {
            match self.broker.publish(&items, self.within).pop() {
                // What an unanswered try of this call has stored is new.
                Some(Ok(stored)) => return Ok(new_if_any.unwrap_or(stored)),
                Some(Err(PublishError::Unknown(error))) => {
                    unknown = PublishError::Unknown(error);
                    new_if_any = Some(Stored::New);
                }
                // It says only that this try stored nothing: one before may have.
                Some(Err(error)) if new_if_any.is_none() => return Err(error),
                Some(Err(_)) | None => {}
            }
        }
        Err(unknown)
    }

    /// Waits between two of them, at most a minute.
    fn pause(&self, options: &ReplayOptions) {
        let Some(rate) = options.per_second.filter(|rate| !rate.is_nan()) else { return };
        let pause = Duration::from_secs_f64(1.0 / rate.clamp(1.0 / 60.0, 1e6));
        let until = self.clock.now().after(pause);
        std::thread::sleep(self.clock.real_time_until(until));
    }
}

/// The item that a dead letter becomes.
fn replayed(letter: &DeadLetter, now: Timestamp, options: &ReplayOptions) -> Result<Item, ReplayRefusal> {
    let item = &letter.item;
    let (original, replays) = (item.original_id(), item.replays());
    if !options.force && letter.reason == "undecodable" {
        return Err(ReplayRefusal::Undecodable);
    }
    if !options.force && replays >= MOST_REPLAYS {
        return Err(ReplayRefusal::TooOften(replays));
    }
    let nth = replays.saturating_add(1);
    let id = ItemId::new(&format!("{original}:r{nth}.{}", letter.serial)).map_err(ReplayRefusal::Id)?;
    let mut headers = item.headers.clone();
    headers.insert(ORIGINAL_ID.to_owned(), original.to_owned());
    headers.insert(REPLAYS.to_owned(), nth.to_string());
    let deadline = options.deadline.map(|after| now.after(after));
    let (lane, key, payload) = (item.lane.clone(), item.key.clone(), item.payload.clone());
    Ok(Item { id, lane, key, payload, headers, deadline, published: now })
}

impl ReplayOutcome {
    /// Whether it is in the broker now, or would be.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        !matches!(self, ReplayOutcome::Refused(_) | ReplayOutcome::Failed(_))
    }

    /// What the broker failed with: reason enough not to go on with others.
    fn broker_error(&self) -> Option<&BrokerError> {
        match self {
            ReplayOutcome::Failed(PublishError::NotStored(error) | PublishError::Unknown(error))
            | ReplayOutcome::Kept(_, error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for ReplayOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplayOutcome::Replayed(id) => write!(f, "replayed as {id}"),
            ReplayOutcome::ReplayedBefore(id) => write!(f, "replayed as {id} by an earlier attempt"),
            ReplayOutcome::WouldReplay(id) => write!(f, "would be replayed as {id}"),
            ReplayOutcome::Refused(refusal) => refusal.fmt(f),
            ReplayOutcome::Failed(error) => write!(f, "still dead: {error}"),
            ReplayOutcome::Kept(id, error) => {
                write!(f, "replayed as {id}, but still among the dead letters (replay it again): {error}")
            }
        }
    }
}

impl fmt::Display for ReplayRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplayRefusal::TooOften(replays) => write!(f, "replayed {replays} times already: force it"),
            ReplayRefusal::Undecodable => f.write_str("it could not be decoded, and will not be: force it"),
            ReplayRefusal::Id(error) => write!(f, "no id can be made of its own: {error}"),
        }
    }
}
