//! `--stdin`: items from a pipe, until all of them are settled.

use std::fmt::Write as _;
use std::io::{self, BufReader};
use std::time::Duration;

use heijunka::{BrokerError, ItemSpec, Kanban, PublishError, Runtime};

use super::ending::Ending;
use crate::error::Error;
use crate::items::{Items, Trouble};
use crate::output;

/// Lines published together.
const BATCH: usize = 256;

/// How often a broker that is full is tried again, and an emptying one is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Bad lines that are told one by one.
const TOLD: u64 = 20;

/// What became of the lines.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    stored: u64,
    duplicate: u64,
    wrong: u64,
    interrupted: bool,
    dead: u64,
}

/// Publishes what standard input has, and waits until all of it is settled, or somebody wants the end.
pub(crate) fn feed(runtime: &Runtime, domain: Option<String>, ending: &Ending) -> Result<Fed, Error> {
    let Some(kanban) = runtime.kanban() else { return Err(Error::NoQueue) };
    let mut fed = Fed::default();
    let mut batch = Vec::with_capacity(BATCH);
    for item in Items::new(BufReader::new(io::stdin()), domain) {
        if ending.wish().is_some() {
            fed.interrupted = true;
            break;
        }
        match item {
            Ok(line) => batch.push((line.line, ItemSpec::from(line))),
            Err(Trouble::Line(bad)) => fed.refuse(&bad.to_string()),
            Err(Trouble::Read(error)) => return Err(Error::Input(error)),
        }
        if batch.len() == BATCH {
            fed.publish(&kanban, &mut batch, ending);
        }
    }
    fed.publish(&kanban, &mut batch, ending);
    // Settled is what the broker has no more.
    while !fed.interrupted && kanban.broker().item_count(LOOK).is_ok_and(|left| left > 0) {
        fed.interrupted = ending.wish().is_some();
        std::thread::sleep(LOOK);
    }
    Ok(fed)
}

impl Fed {
    fn publish(&mut self, kanban: &Kanban, batch: &mut Vec<(u64, ItemSpec)>, ending: &Ending) {
        let mut left = std::mem::take(batch);
        while !left.is_empty() && !self.interrupted {
            let answers = kanban.publisher().publish_batch(left.iter().map(|(_, spec)| spec.clone()));
            let mut again = Vec::new();
            for ((line, spec), answer) in left.into_iter().zip(answers) {
                match answer {
                    Ok(receipt) if receipt.stored == heijunka::Stored::Duplicate => self.duplicate += 1,
                    Ok(_) => self.stored += 1,
                    // Room comes as the queue is worked off: that is the backpressure of a pipe.
                    Err(PublishError::NotStored(BrokerError::Full(_))) => again.push((line, spec)),
                    Err(error) => self.refuse(&format!("line {line}: {error}")),
                }
            }
            left = again;
            if !left.is_empty() {
                std::thread::sleep(LOOK);
            }
            self.interrupted |= ending.wish().is_some();
        }
        self.wrong += left.len() as u64;
    }

    fn refuse(&mut self, what: &str) {
        self.wrong += 1;
        match self.wrong {
            told if told <= TOLD => output::note(&format!("heijunka: {what}")),
            told if told == TOLD + 1 => output::note("heijunka: further bad lines are counted only"),
            _ => {}
        }
    }

    /// Says what became of the lines.
    pub(crate) fn tell(mut self, runtime: &Runtime) -> Self {
        let counts = runtime.kanban().map(|kanban| kanban.status().counts).unwrap_or_default();
        self.dead = counts.dead_lettered;
        let mut text = format!(
            "{} lines published, {} wrong; {} done, {} tried again, {} among the dead letters, {} dropped",
            self.stored, self.wrong, counts.done, counts.retried, counts.dead_lettered, counts.dropped
        );
        if self.duplicate > 0 {
            let _ = write!(text, "; {} lines told an item that was there already", self.duplicate);
        }
        if self.interrupted {
            text.push_str("; interrupted");
        }
        output::note(&text);
        self
    }

    /// Whether every line was published, and every item is done.
    pub(crate) fn is_clean(&self) -> bool {
        self.wrong == 0 && self.dead == 0 && !self.interrupted
    }
}
