//! The thread that asks, `hj-amqp-ask`: how much waits, and what lies among the dead letters. It has a channel of its own, which the
//! server closes when a question is wrong, and which is then opened anew.

use std::time::Duration;

use amiquip::Channel;

use super::dog::Kill;
use super::letters;
use super::link::told;
use super::mail::Slip;
use super::names::DELAYS;
use super::shared::{Order, Shared};
use crate::kanban::broker::{BrokerError, DeadLetter};
use crate::kanban::item::Lane;
use crate::time::{Deadline, Timestamp};

/// A question, with where its answer goes.
#[derive(Debug)]
pub(super) enum Ask {
    /// How many items are ready in a lane, and how many wait in all retry lanes together.
    Depth {
        lane: Lane,
        slip: Slip<Answer<(u64, u64)>>,
    },
    Letters {
        after: u64,
        most: usize,
        slip: Slip<Answer<Vec<DeadLetter>>>,
    },
    Count {
        slip: Slip<Answer<(u64, Option<Timestamp>)>>,
    },
    Remove {
        serial: u64,
        slip: Slip<Answer<bool>>,
    },
}

pub(super) type Answer<T> = Result<T, BrokerError>;

impl Ask {
    pub(super) fn refuse(self, why: &BrokerError) {
        match self {
            Ask::Depth { slip, .. } => slip.give(Err(why.clone())),
            Ask::Letters { slip, .. } => slip.give(Err(why.clone())),
            Ask::Count { slip } => slip.give(Err(why.clone())),
            Ask::Remove { slip, .. } => slip.give(Err(why.clone())),
        }
    }
}

/// A channel for questions.
pub(super) struct Line<'a> {
    shared: &'a Shared,
    pub(super) channel: Channel,
    kill: Kill,
}

impl Line<'_> {
    /// Asks the server something.
    pub(super) fn ask<R>(&self, question: impl FnOnce(&Channel) -> R) -> R {
        let patience = self.shared.settings.patience();
        self.shared.dog.watch(&self.kill, patience, "asking", || question(&self.channel))
    }

    /// How many messages a queue could deliver now.
    pub(super) fn waiting(&self, queue: String) -> Result<u64, amiquip::Error> {
        let count = |channel: &Channel| Ok(channel.queue_declare_passive(queue)?.declared_message_count());
        Ok(self.ask(count)?.unwrap_or(0).into())
    }

    fn hang_up(self) {
        let Self { shared, channel, kill } = self;
        shared.dog.watch(&kill, Duration::from_secs(1), "closing", || drop(channel));
    }
}

/// What a question gave, and how many dead letters there must be when what was taken out to be looked at is back; `None` if nothing was.
pub(super) type Asked<T> = Result<(T, Option<u64>), amiquip::Error>;

/// The server gives back in its own time: it is waited for, but no longer than this.
const BACK: Duration = Duration::from_secs(1);

/// Answers until all is to end.
pub(super) fn serve(shared: &Shared) {
    let mut line: Option<Line<'_>> = None;
    while !shared.asks.is_closing() {
        // Nothing came: no matter.
        let _ = shared.asks.bell.recv_timeout(Duration::from_secs(1));
        while let Some(ask) = shared.asks.take() {
            answer(shared, &mut line, ask);
        }
    }
    let why = BrokerError::Closed;
    shared.asks.down(&why).into_iter().for_each(|ask| ask.refuse(&why));
    line.into_iter().for_each(Line::hang_up);
}

fn answer<'a>(shared: &'a Shared, line: &mut Option<Line<'a>>, ask: Ask) {
    match ask {
        Ask::Depth { lane, slip } => put(shared, line, &slip, |line| depth(shared, line, &lane)),
        Ask::Letters { after, most, slip } => {
            put(shared, line, &slip, |line| letters::list(shared, line, after, most, &|| slip.is_awaited()));
        }
        Ask::Count { slip } => put(shared, line, &slip, |line| letters::count(shared, line)),
        Ask::Remove { serial, slip } => {
            put(shared, line, &slip, |line| letters::remove(shared, line, serial, &|| slip.is_awaited()));
        }
    }
}

/// Puts a question to the server.
fn put<'a, T>(
    shared: &'a Shared,
    kept: &mut Option<Line<'a>>,
    slip: &Slip<Answer<T>>,
    question: impl FnOnce(&Line<'_>) -> Asked<T>,
) {
    if !slip.begin() {
        return;
    }
    let line = match kept.take().map_or_else(|| open(shared), Ok) {
        Ok(line) => line,
        Err(why) => return slip.give(Err(why)),
    };
    match question(&line) {
        Ok((value, None)) => {
            *kept = Some(line);
            slip.give(Ok(value));
        }
        Ok((value, Some(count))) => {
            // Before the answer, so that what was looked at is back when it is heard.
            line.hang_up();
            *kept = see_back(shared, count);
            slip.give(Ok(value));
        }
        Err(error) => {
            line.hang_up();
            slip.give(Err(told(&shared.settings, &error)));
        }
    }
}

/// Waits until there are so many dead letters again. Others may have removed some meanwhile.
fn see_back(shared: &Shared, count: u64) -> Option<Line<'_>> {
    let deadline = Deadline::after(BACK);
    let line = open(shared).ok()?;
    while !deadline.passed() {
        match line.waiting(shared.names.letters()) {
            Ok(there) if there < count => std::thread::sleep(Duration::from_millis(2)),
            Ok(_) => break,
            Err(_) => {
                line.hang_up();
                return None;
            }
        }
    }
    Some(line)
}

fn open(shared: &Shared) -> Answer<Line<'_>> {
    let deadline = Deadline::after(shared.settings.patience());
    let opened = shared.desk.call(&deadline, |slip| Order::Channel { slip });
    opened.map(|(channel, kill)| Line { shared, channel, kill })
}

fn depth(shared: &Shared, on: &Line<'_>, lane: &Lane) -> Asked<(u64, u64)> {
    let ready = on.waiting(shared.names.lane(lane))?;
    let asked = shared.clock.now();
    if let Some((sum, until)) = *shared.delayed.lock()
        && asked < until
    {
        return Ok(((ready, sum), None));
    }
    let mut sum = 0;
    for (delay, _) in DELAYS {
        sum += on.waiting(shared.names.retry(delay))?;
    }
    // The same for all lanes: those that are looked at together need not ask again, least of all a server far away.
    let now = shared.clock.now();
    *shared.delayed.lock() = Some((sum, now.after(now.since(asked))));
    Ok(((ready, sum), None))
}
