//! What is known of the service, and since when.

use std::collections::BTreeMap;
use std::time::Duration;

use heijunka::Moment;
use heijunka::ops::wire::{Journal, Status};

use super::poll::Told;

/// What is known.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Where it is asked for.
    pub(super) place: String,
    pub(super) last: Option<Look>,
    /// Why it could not be asked the last time.
    pub(super) fault: Option<String>,
}

/// One answer, and what follows from it and the one before.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) at: Moment,
    pub(super) status: Status,
    pub(super) journal: Journal,
    /// Refusals per second since the look before, by reason; those that there are.
    pub(super) refusals: BTreeMap<String, f64>,
    /// Items that died since the look before.
    pub(super) died: u64,
}

impl View {
    pub(super) fn new(place: String) -> Self {
        Self { place, ..Self::default() }
    }

    pub(super) fn take(&mut self, told: Told) {
        match told.answer {
            Ok((status, journal)) => {
                self.fault = None;
                let look = Look::after(self.last.as_ref(), told.at, status, journal);
                self.last = Some(look);
            }
            Err(error) => self.fault = Some(error.to_string()),
        }
    }

    /// How old the figures are, if newer ones could not be had.
    pub(super) fn age(&self, now: Moment) -> Option<Duration> {
        let last = self.last.as_ref()?;
        self.fault.is_some().then(|| now.since(last.at))
    }
}

impl Look {
    fn after(before: Option<&Look>, at: Moment, status: Status, journal: Journal) -> Self {
        // Another process has counted from the beginning.
        let before = before.filter(|before| before.status.pid == status.pid);
        let seconds = before.map_or(0.0, |before| at.since(before.at).as_secs_f64()).max(0.001);
        let refused =
            |look: &Look, reason: &str| look.status.admission.refused.get(reason).copied().unwrap_or(0);
        let rate = |reason: &str, count: u64| {
            let more = before.map_or(0, |before| count.saturating_sub(refused(before, reason)));
            more as f64 / seconds
        };
        let rates =
            status.admission.refused.iter().map(|(reason, count)| (reason.clone(), rate(reason, *count)));
        let refusals = rates.filter(|(_, rate)| *rate > 0.0).collect();
        let dead = |status: &Status| {
            status.kanban.as_ref().and_then(|queues| queues.counts.get("dead_lettered").copied()).unwrap_or(0)
        };
        let died = before.map_or(0, |before| dead(&status).saturating_sub(dead(&before.status)));
        Self { at, status, journal, refusals, died }
    }
}
