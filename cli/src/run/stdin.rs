//! `--stdin`: items from a pipe, until all of them are settled.

use std::fmt::Write as _;
use std::io::{self, BufReader};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use heijunka::{BrokerError, ItemSpec, Kanban, Lane, Name, Priority, PublishError, Runtime};

use super::ending::Ending;
use crate::error::Error;
use crate::items::{ItemLine, Items, Trouble};
use crate::output;
use crate::units::{Count, counted};

/// Lines published together, if so many are there.
const BATCH: usize = 256;

/// How often a broker that is full is tried again, an emptying one is looked at, and it is seen that somebody wants the end.
const LOOK: Duration = Duration::from_millis(20);

/// How long the broker may take to tell how much it has.
const ASKING: Duration = Duration::from_secs(5);

/// Bad lines that are told one by one.
const TOLD: u64 = 20;

/// What became of the lines.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    stored: u64,
    duplicate: u64,
    wrong: u64,
    interrupted: bool,
    error: Option<io::Error>,
}

type Line = Result<ItemLine, Trouble>;

/// Publishes what standard input has, and waits until all of it is settled, or somebody wants the end.
pub(crate) fn feed(runtime: &Runtime, domain: Option<String>, ending: &Ending) -> Result<Fed, Error> {
    let Some(kanban) = runtime.kanban() else { return Err(Error::NoQueue) };
    let lines = read(domain).map_err(Error::Thread)?;
    let mut feeder = Feeder { kanban, ending, batch: Vec::with_capacity(BATCH), fed: Fed::default() };
    feeder.feed(&lines);
    feeder.wait();
    Ok(feeder.fed)
}

/// Lines come from a thread of their own: whoever writes may be silent for long, and the end must not wait for that.
fn read(domain: Option<String>) -> io::Result<Receiver<Line>> {
    let (give, lines) = sync_channel(BATCH);
    let read = move || {
        for line in Items::new(BufReader::new(io::stdin()), domain) {
            if give.send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("stdin".to_owned()).spawn(read)?;
    Ok(lines)
}

struct Feeder<'a> {
    kanban: Kanban,
    ending: &'a Ending,
    batch: Vec<(u64, ItemSpec)>,
    fed: Fed,
}

impl Feeder<'_> {
    fn feed(&mut self, lines: &Receiver<Line>) {
        while !self.is_interrupted() {
            match lines.recv_timeout(LOOK) {
                Ok(Ok(line)) => self.take(line),
                Ok(Err(Trouble::Line(bad))) => self.refuse(&bad.to_string()),
                Ok(Err(Trouble::Read(error))) => self.fed.error = Some(error),
                // Whoever writes slowly need not wait for a batch to be full.
                Err(RecvTimeoutError::Timeout) => self.publish(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.batch.len() >= BATCH {
                self.publish();
            }
        }
        self.publish();
    }

    fn take(&mut self, line: ItemLine) {
        let number = line.line;
        if self.kanban.consumed().iter().any(|name| name.as_str() == line.domain) {
            self.batch.push((number, ItemSpec::from(line)));
            return;
        }
        let names: Vec<&str> = self.kanban.consumed().iter().map(Name::as_str).collect();
        let consumed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        self.refuse(&format!("line {number}: nobody consumes {:?} here (consumed: {consumed})", line.domain));
    }

    fn publish(&mut self) {
        let mut left = std::mem::take(&mut self.batch);
        while !left.is_empty() && !self.is_interrupted() {
            let answers = self.kanban.publisher().publish_batch(left.iter().map(|(_, spec)| spec.clone()));
            let mut again = Vec::new();
            for ((line, spec), answer) in left.into_iter().zip(answers) {
                match answer {
                    Ok(receipt) if receipt.stored == heijunka::Stored::Duplicate => self.fed.duplicate += 1,
                    Ok(_) => self.fed.stored += 1,
                    // Room comes as the queue is worked off: that is the backpressure of a pipe.
                    Err(PublishError::NotStored(BrokerError::Full(_))) => again.push((line, spec)),
                    Err(error) => self.refuse(&format!("line {line}: {error}")),
                }
            }
            left = again;
            if !left.is_empty() {
                std::thread::sleep(LOOK);
            }
        }
        if !left.is_empty() {
            self.refuse(&format!("{} not published: the end came first", counted(left.len() as u64, "line")));
            self.fed.wrong += left.len() as u64 - 1;
        }
    }

    /// Until nothing is left in the lanes that are pulled here.
    fn wait(&mut self) {
        let lanes = self
            .kanban
            .consumed()
            .iter()
            .flat_map(|domain| Priority::ALL.map(|priority| Lane { domain: domain.clone(), priority }));
        let lanes: Vec<Lane> = lanes.collect();
        while !self.is_interrupted() && lanes.iter().any(|lane| !self.is_empty(lane)) {
            std::thread::sleep(LOOK);
        }
    }

    /// A broker that does not tell may yet do so; a signal ends the wait.
    fn is_empty(&self, lane: &Lane) -> bool {
        let depth = self.kanban.broker().depth(lane, ASKING);
        depth.is_ok_and(|depth| depth.ready + depth.delayed + depth.unsettled == 0)
    }

    fn is_interrupted(&mut self) -> bool {
        self.fed.interrupted |= self.ending.wish().is_some();
        self.fed.interrupted
    }

    fn refuse(&mut self, what: &str) {
        self.fed.wrong += 1;
        match self.fed.wrong {
            told if told <= TOLD => output::note(&format!("heijunka: {what}")),
            told if told == TOLD + 1 => output::note("heijunka: further bad lines are counted only"),
            _ => {}
        }
    }
}

impl Fed {
    /// What became of the lines, in words.
    pub(crate) fn told(&self, runtime: &Runtime) -> String {
        let counts = runtime.kanban().map(|kanban| kanban.status().counts).unwrap_or_default();
        let [wrong, done, retried, dead, dropped] =
            [self.wrong, counts.done, counts.retried, counts.dead_lettered, counts.dropped].map(Count);
        let mut text = format!(
            "{} published, {wrong} wrong; {done} done, {retried} tried again, {dead} among the dead letters, {dropped} dropped",
            counted(self.stored, "line"),
        );
        if self.duplicate > 0 {
            let _ = write!(text, "; {} told an item that was there already", counted(self.duplicate, "line"));
        }
        if self.interrupted {
            text.push_str("; interrupted");
        }
        text
    }

    /// Whether every line was published, and every item is done.
    pub(crate) fn is_clean(&self, runtime: &Runtime) -> bool {
        let dead = runtime.kanban().map_or(0, |kanban| kanban.status().counts.dead_lettered);
        self.wrong == 0 && dead == 0 && !self.interrupted
    }

    /// Why the lines could not be read to their end.
    pub(crate) fn into_error(self) -> Option<io::Error> {
        self.error
    }
}
