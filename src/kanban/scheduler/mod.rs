//! Items that are published time and again, by the calendar or at intervals.
//!
//! | file | what |
//! |---|---|
//! | `schedule.rs`, `written.rs`, `status.rs`, `error.rs` | what people write and read |
//! | `expression.rs`, `ticks.rs` | when: cron expressions, zones, intervals |
//! | `covered.rs`, `course.rs`, `slow.rs` | laws: which ticks are published, whatever the clock does; how much is left out while a queue is deep |
//! | `batch.rs`, `watch.rs`, `id.rs` | laws: the items of a tick, on their way out and until they are finished |
//! | `entry.rs`, `book.rs` | the laws applied, to one and to all |
//! | `record.rs`, `outlet.rs`, `keeper.rs`, `thread.rs` | what is remembered, where it goes, and the thread that does it |

mod batch;
mod book;
mod course;
mod covered;
mod entry;
mod error;
mod expression;
mod id;
mod keeper;
mod outlet;
mod record;
mod schedule;
mod slow;
mod status;
#[cfg(all(test, not(heijunka_loom)))]
mod tests;
mod thread;
mod ticks;
mod watch;
mod written;

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

pub use error::ScheduleError;
pub(crate) use outlet::Outlet;
pub use schedule::{Misfire, Overlap, Schedule, When};
pub use status::{Origin, ScheduleStatus, Skipped};
pub use watch::Canary;

use self::book::Book;
use self::entry::Entry;
use self::keeper::Keeper;
use self::thread::Life;
use super::event::Events;
use super::name::ItemId;
use crate::thread::Bell;
use crate::time::{Clock, Deadline};

/// What may be set about schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// While more items than this could be pulled from a lane, its schedules slow down. 100 unless told.
    pub(crate) slow_above: u64,
    /// The largest payload of an item, in bytes.
    pub(crate) max_payload: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { slow_above: slow::ABOVE, max_payload: 1 << 20 }
    }
}

/// Publishes items by schedules. A handle: clones are the same scheduler.
///
/// A tick is published once: by one instance of several, as they give its items the same ids; and once by each instance, whatever
/// its clock does. A clock that is set back shows times that were dealt with, and nothing is published until it has left
/// them; one that is set forward has missed ticks, for which [`Misfire`] holds. What was dealt with is kept in the broker, if that
/// keeps notes, for schedules that fire more often than every 10 s at most so often: after a crash one of their ticks may be
/// published again, with the same ids.
///
/// While a lane has more than 100 ready items, a schedule that publishes to it slows down: of two ticks one is published, and with
/// each doubling of the depth half as many again, down to one of sixteen.
///
/// The methods take a lock, and those that change something write to the broker, for which they wait.
#[derive(Clone)]
pub struct Scheduler(Arc<Inner>);

struct Inner {
    book: Mutex<Book>,
    keeper: Keeper,
    outlet: Arc<dyn Outlet>,
    events: Events,
    clock: Clock,
    bell: Bell,
    life: Mutex<Life>,
}

impl Scheduler {
    /// The name of its thread.
    pub(crate) const THREAD: &str = "hj-schedule";

    /// Whether a schedule would be accepted, if there is room for it.
    ///
    /// # Errors
    /// [`ScheduleError`], saying what is wrong with it.
    pub(crate) fn check(schedule: &Schedule, max_payload: usize, clock: &Clock) -> Result<(), ScheduleError> {
        Entry::new(schedule.clone(), Origin::Config, clock.timestamp(), max_payload).map(drop)
    }

    /// Begins with these schedules and those that the broker remembers.
    pub(crate) fn start(
        configured: Vec<Schedule>,
        settings: Settings,
        outlet: Arc<dyn Outlet>,
        clock: Clock,
        events: Events,
    ) -> Result<Self, ScheduleError> {
        let book = Book::new(settings.max_payload, settings.slow_above);
        let (keeper, life) = (Keeper::default(), Mutex::default());
        let inner =
            Inner { book: Mutex::new(book), keeper, outlet, events, clock, bell: Bell::default(), life };
        inner.load(configured)?;
        let inner = Arc::new(inner);
        thread::start(&inner)?;
        Ok(Self(inner))
    }

    /// Adds a schedule, which lasts until it is cancelled: beyond this process, if the broker keeps notes.
    ///
    /// # Errors
    /// [`ScheduleError`], saying what is wrong with it.
    pub fn add(&self, schedule: Schedule) -> Result<(), ScheduleError> {
        self.0.add(schedule)
    }

    /// Removes a schedule. What it has published stays. One from the configuration comes back with the next start.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`], [`ScheduleError::NotKept`].
    pub fn cancel(&self, name: &str) -> Result<(), ScheduleError> {
        self.0.cancel(name)
    }

    /// Publishes no further ticks of a schedule, beyond a restart as well, until it is resumed. A tick of which items have gone
    /// out is finished.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`], [`ScheduleError::NotKept`].
    pub fn pause(&self, name: &str) -> Result<(), ScheduleError> {
        self.0.set_paused(name, true)
    }

    /// Goes on with a schedule, from the next tick: those that passed while it was paused were not missed.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`], [`ScheduleError::NotKept`].
    pub fn resume(&self, name: &str) -> Result<(), ScheduleError> {
        self.0.set_paused(name, false)
    }

    /// Publishes items of a schedule now, whether or not it is paused and the queue deep. Returns the id of the first, which may not
    /// be published yet.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`]; [`ScheduleError::Busy`] while an earlier tick is being published, or, unless
    /// [`Overlap::Allow`] is set, is unfinished.
    pub fn run_now(&self, name: &str) -> Result<ItemId, ScheduleError> {
        if self.0.life.lock().ending {
            return Err(ScheduleError::Stopped);
        }
        let (wall, now) = (self.0.clock.timestamp(), self.0.clock.now());
        let id = self.0.book.lock().run_now(name, wall, now)?;
        self.0.bell.ring();
        Ok(id)
    }

    /// All schedules and how they fare, by name.
    #[must_use]
    pub fn list(&self) -> Vec<ScheduleStatus> {
        let (book, now) = (self.0.book.lock(), self.0.clock.now());
        book.entries.values().map(|entry| entry.status(&book.watches, now)).collect()
    }

    /// An item ended, in success or among the dead letters: anybody's. Cheap for those that no schedule published.
    pub(crate) fn finished(&self, id: &ItemId, success: bool) {
        // Ids that are chosen for others have no colon, mostly.
        if id.as_str().contains(':') && self.0.book.lock().finished(id, success) {
            self.0.bell.ring();
        }
    }

    /// Whether the pool of this domain must not grow, as a canary of it has not succeeded yet.
    pub(crate) fn canary_holds(&self, domain: &str) -> bool {
        self.0.book.lock().watches.holds(domain, self.0.clock.now())
    }

    /// Ends the thread, once what has happened is written down; tells whether it has ended by the deadline. Nothing is
    /// published after that.
    pub(crate) fn stop(&self, deadline: &Deadline) -> bool {
        thread::stop(&self.0, deadline)
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.0.book.lock();
        f.debug_struct("Scheduler").field("schedules", &book.entries.keys()).finish_non_exhaustive()
    }
}
