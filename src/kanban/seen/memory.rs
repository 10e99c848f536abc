//! What was seen before, remembered in memory.

#[cfg(all(test, not(heijunka_loom)))]
mod tests;

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap, RandomState};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::time::Duration;

use parking_lot::Mutex;

use super::{Seen, SeenError, SeenKey, SeenStore};
use crate::time::{Clock, Moment};

/// A [`SeenStore`] for one process: bounded, and gone with it.
///
/// A finished item is remembered for the time to live, a running one for its lease. When it is full the item that was done
/// first makes room before its time, which is [counted](Self::evicted_early): if such an item is delivered again, it runs
/// again. Running items never make room; if nothing else is left, new ones are refused.
///
/// One lock, held for a fraction of a microsecond; about 100 bytes per item, of which it keeps a fingerprint of 128 bits that
/// nobody can foresee, not the id.
pub struct MemorySeen {
    capacity: usize,
    ttl: Duration,
    clock: Clock,
    /// Keys of two hashes that are made up anew by each store.
    hashes: [RandomState; 2],
    known: Mutex<Known>,
}

/// What stands for an item: random enough to be its own hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print([u64; 2]);

impl Hash for Print {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Takes the number it is given for the hash.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Until when a mark holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Running(Moment),
    Done(Moment),
}

#[derive(Default)]
struct Known {
    marks: HashMap<Print, Mark, BuildHasherDefault<AsItIs>>,
    /// What is done, in the order in which it expires. One that began anew after it expired may still be in it once, with
    /// a time that its mark does not have any more.
    done: VecDeque<(Print, Moment)>,
    /// Marks of running ones, of leases that have passed as well.
    running: usize,
    /// When leases that have passed were last looked for.
    swept: Moment,
    evicted_early: u64,
}

/// So many that have expired are forgotten with each call: more than a call can add, and no long pause.
const FORGOTTEN_AT_ONCE: usize = 4;

/// Looking through all marks is worth this much time per mark, so that it costs a thousandth of the time or so.
const SWEEP: Duration = Duration::from_micros(10);

impl MemorySeen {
    /// Remembers up to `capacity` items (0 counts as 1), finished ones for `ttl`.
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration, clock: Clock) -> Self {
        Self { capacity: capacity.max(1), ttl, clock, hashes: Default::default(), known: Mutex::default() }
    }

    /// How many finished items were forgotten before their time, for want of room.
    #[must_use]
    pub fn evicted_early(&self) -> u64 {
        self.known.lock().evicted_early
    }

    /// How many items it remembers; some may have expired.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.lock().marks.len()
    }

    fn print(&self, key: &SeenKey) -> Print {
        Print([self.hashes[0].hash_one(key), self.hashes[1].hash_one(key)])
    }

    /// Whether it remembers none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl SeenStore for MemorySeen {
    fn begin(&self, key: &SeenKey, lease: Duration) -> Result<Seen, SeenError> {
        let print = self.print(key);
        let mut known = self.known.lock();
        // Under the lock, so that what is done later expires later.
        let now = self.clock.now();
        known.forget_expired(now);
        let running = Mark::Running(now.after(lease));
        match known.marks.get_mut(&print) {
            Some(Mark::Running(until)) if *until > now => return Ok(Seen::Running),
            Some(Mark::Done(until)) if *until > now => return Ok(Seen::Done),
            Some(mark) => {
                let was_done = matches!(std::mem::replace(mark, running), Mark::Done(_));
                known.running += usize::from(was_done);
            }
            None => {
                known.make_room(self.capacity, now)?;
                known.marks.insert(print, running);
                known.running += 1;
            }
        }
        Ok(Seen::New)
    }

    /// Whoever says so runs it: where the mark is gone meanwhile it is made again, if there is room.
    fn extend(&self, key: &SeenKey, lease: Duration) {
        let print = self.print(key);
        let mut known = self.known.lock();
        let now = self.clock.now();
        let longer = now.after(lease);
        match known.marks.get_mut(&print) {
            Some(Mark::Running(until)) => *until = longer.max(*until),
            Some(Mark::Done(until)) if *until > now => {}
            Some(mark) => {
                *mark = Mark::Running(longer);
                known.running += 1;
            }
            None => {
                if known.make_room(self.capacity, now).is_ok() {
                    known.marks.insert(print, Mark::Running(longer));
                    known.running += 1;
                }
            }
        }
    }

    /// Also of one that was not begun here. Done again, it expires as it would have.
    fn done(&self, key: &SeenKey) -> Result<(), SeenError> {
        let print = self.print(key);
        let mut known = self.known.lock();
        let now = self.clock.now();
        known.forget_expired(now);
        let until = now.after(self.ttl);
        match known.marks.get_mut(&print) {
            Some(Mark::Done(until)) if *until > now => return Ok(()),
            Some(mark) => {
                let was_running = matches!(std::mem::replace(mark, Mark::Done(until)), Mark::Running(_));
                known.running -= usize::from(was_running);
            }
            None => {
                known.make_room(self.capacity, now)?;
                known.marks.insert(print, Mark::Done(until));
            }
        }
        known.done.push_back((print, until));
        Ok(())
    }

    /// What is done stays so: whoever lost its lease and failed late must not undo the success of another.
    fn forget(&self, key: &SeenKey) {
        let print = self.print(key);
        let mut known = self.known.lock();
        if let Some(Mark::Running(_)) = known.marks.get(&print) {
            known.marks.remove(&print);
            known.running -= 1;
        }
    }
}

impl Known {
    fn forget_expired(&mut self, now: Moment) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            match self.done.front() {
                Some((_, until)) if *until <= now => self.forget_oldest(),
                _ => break,
            };
        }
    }

    /// Forgets what was done first; tells whether it was there still.
    fn forget_oldest(&mut self) -> bool {
        let Some((print, until)) = self.done.pop_front() else { return false };
        match self.marks.entry(print) {
            Entry::Occupied(mark) if *mark.get() == Mark::Done(until) => {
                mark.remove();
                true
            }
            _ => false,
        }
    }

    /// Leaves room for one more.
    fn make_room(&mut self, capacity: usize, now: Moment) -> Result<(), SeenError> {
        // Whoever dies does not forget: leases that have passed must not fill the place.
        if self.marks.len() >= capacity && self.running > capacity / 2 {
            self.sweep(now);
        }
        while self.marks.len() >= capacity {
            let Some(&(_, until)) = self.done.front() else {
                return Err(SeenError(format!(
                    "all of the {capacity} items it can remember are running: raise its capacity"
                )));
            };
            if self.forget_oldest() && until > now {
                self.evicted_early += 1;
            }
        }
        Ok(())
    }

    fn sweep(&mut self, now: Moment) {
        let pause = SWEEP.saturating_mul(u32::try_from(self.marks.len()).unwrap_or(u32::MAX));
        if now.since(self.swept) < pause {
            return;
        }
        self.swept = now;
        self.marks.retain(|_, mark| !matches!(mark, Mark::Running(until) if *until <= now));
        self.running = self.marks.values().filter(|mark| matches!(mark, Mark::Running(_))).count();
    }
}

impl fmt::Debug for MemorySeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.lock();
        f.debug_struct("MemorySeen")
            .field("capacity", &self.capacity)
            .field("ttl", &self.ttl)
            .field("known", &known.marks.len())
            .field("running", &known.running)
            .field("evicted_early", &known.evicted_early)
            .finish_non_exhaustive()
    }
}
