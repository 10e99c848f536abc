//! What is known of the two brokers, behind one lock that is never held while either is asked.

use std::collections::HashMap;
use std::time::Duration;

use super::law::{BrokerRole, Change, FailoverState, Law};
use super::rest::Rest;
use super::settings::FailoverSettings;
use super::status::{FailoverBroker, FailoverStatus};
use crate::kanban::broker::{Arrivals, BrokerError, Depth};
use crate::kanban::event::Event;
use crate::kanban::item::Lane;
use crate::time::{Moment, Timestamp};

/// Both brokers and the law over them.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) law: Law,
    pub(super) sides: [Side; 2],
    /// Whom to tell when a broker that was left alone may be asked again.
    pub(super) arrivals: Vec<Arrivals>,
    /// Which is pulled from first: the other one each time.
    pub(super) first: BrokerRole,
    pub(super) closed: bool,
    since: Timestamp,
    reason: String,
    trips: u64,
    fail_backs: u64,
    canaries_failed: u64,
}

/// One of the two.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) rest: Rest,
    /// When it is probed next.
    pub(super) probe_at: Moment,
    /// Lanes that it could not prepare so far.
    pub(super) unopened: Vec<(Vec<Lane>, Arrivals)>,
    /// A lane that a probe may ask about.
    pub(super) lane: Option<Lane>,
    /// As it last said.
    pub(super) depths: HashMap<Lane, Depth>,
    pub(super) letters: Option<(u64, Option<Timestamp>)>,
    /// What it last failed with, until it works.
    pub(super) fault: Option<BrokerError>,
    pub(super) stored: u64,
    pub(super) failed: u64,
    pub(super) repeated: u64,
    pub(super) pulled: u64,
    pub(super) good_probes: u64,
    pub(super) bad_probes: u64,
}

impl Book {
    pub(super) fn new(
        names: [&'static str; 2],
        settings: FailoverSettings,
        now: Moment,
        wall: Timestamp,
    ) -> Self {
        let side = |name| Side {
            name,
            rest: Rest::default(),
            probe_at: now.after(settings.probe_every),
            unopened: Vec::new(),
            lane: None,
            depths: HashMap::new(),
            letters: None,
            fault: None,
            stored: 0,
            failed: 0,
            repeated: 0,
            pulled: 0,
            good_probes: 0,
            bad_probes: 0,
        };
        Self {
            law: Law::new(settings),
            sides: names.map(side),
            arrivals: Vec::new(),
            first: BrokerRole::Primary,
            closed: false,
            since: wall,
            reason: "start".to_owned(),
            trips: 0,
            fail_backs: 0,
            canaries_failed: 0,
        }
    }

    pub(super) fn side(&mut self, role: BrokerRole) -> &mut Side {
        &mut self.sides[role.index()]
    }

    /// Counts a step of the law, and says it.
    pub(super) fn note(&mut self, change: Change, wall: Timestamp) -> Event {
        let Change { from, to, why } = change;
        match (from, to) {
            (FailoverState::Primary, _) => self.trips += 1,
            (_, FailoverState::Primary) => self.fail_backs += 1,
            (FailoverState::Canary { .. }, FailoverState::Fallback { .. }) => self.canaries_failed += 1,
            _ => {}
        }
        (self.since, self.reason) = (wall, why.to_string());
        let named = |role: BrokerRole| format!("{role} ({})", self.sides[role.index()].name);
        let hold = humantime::format_duration(self.law.hold());
        let decision = match to {
            FailoverState::Primary => format!("publishing to the {} again", named(BrokerRole::Primary)),
            FailoverState::Fallback { .. } => {
                format!("publishing to the {} for {hold} at least", named(BrokerRole::Fallback))
            }
            FailoverState::Canary { .. } => {
                format!("the next item is published to the {} as a canary", named(BrokerRole::Primary))
            }
        };
        let faults = self.sides.iter().filter_map(|side| Some((side.name, side.fault.as_ref()?)));
        let inputs = faults.fold(why.to_string(), |told, (name, fault)| format!("{told}; {name}: {fault}"));
        Event { domain: None, rule: "failover", decision, inputs }
    }

    /// A consumer's call failed; `hung`: for want of an answer. Gives what is to be told.
    pub(super) fn call_failed(
        &mut self,
        role: BrokerRole,
        error: &BrokerError,
        now: Moment,
    ) -> Option<Event> {
        let side = self.side(role);
        side.fault = Some(error.clone());
        let begins = side.rest.failed(matches!(error, BrokerError::TimedOut(_)), now);
        begins.then(|| side.event(role, "is left alone until it answers a probe", error.to_string()))
    }

    /// A consumer's call worked.
    pub(super) fn call_worked(&mut self, role: BrokerRole) -> Option<Event> {
        let side = self.side(role);
        let ended = side.rest.worked();
        if ended {
            side.fault = None;
        }
        ended.then(|| side.event(role, "works again", String::new()))
    }

    /// Both, the one to be asked first in front: in turns, but one that has failed lately comes last.
    pub(super) fn order(&mut self) -> [BrokerRole; 2] {
        let first = self.first;
        self.first = first.other();
        let failing = |role: BrokerRole| self.sides[role.index()].rest.is_failing();
        let first = if failing(first) && !failing(first.other()) { first.other() } else { first };
        [first, first.other()]
    }

    pub(super) fn status(&self) -> FailoverStatus {
        let broker = |role: BrokerRole| {
            let side = &self.sides[role.index()];
            FailoverBroker {
                role,
                name: side.name,
                fault: side.fault.as_ref().map(ToString::to_string),
                resting: side.rest.is_resting(),
                stored: side.stored,
                failed: side.failed,
                repeated: side.repeated,
                pulled: side.pulled,
                good_probes: side.good_probes,
                bad_probes: side.bad_probes,
            }
        };
        FailoverStatus {
            state: self.law.state(),
            since: self.since,
            reason: self.reason.clone(),
            hold: self.law.hold(),
            trips: self.trips,
            fail_backs: self.fail_backs,
            canaries_failed: self.canaries_failed,
            brokers: BrokerRole::ALL.map(broker),
        }
    }
}

impl Side {
    fn event(&self, role: BrokerRole, what: &str, inputs: String) -> Event {
        Event {
            domain: None,
            rule: "failover",
            decision: format!("the {role} ({}) {what}", self.name),
            inputs,
        }
    }

    /// Why it is not asked now.
    pub(super) fn excuse(&self) -> BrokerError {
        let unavailable = || BrokerError::Unavailable("it is left alone until it answers a probe".to_owned());
        self.fault.clone().unwrap_or_else(unavailable)
    }
}

/// What both failed with, as one.
pub(super) fn both(names: [&'static str; 2], errors: &[BrokerError; 2]) -> BrokerError {
    let [primary, fallback] = errors;
    let text = format!(
        "both brokers failed; primary ({}): {primary}; fallback ({}): {fallback}",
        names[0], names[1]
    );
    match errors {
        [BrokerError::Closed, BrokerError::Closed] => BrokerError::Closed,
        [BrokerError::Full(_), BrokerError::Full(_)] => BrokerError::Full(text),
        [BrokerError::Unusable(_), BrokerError::Unusable(_)] => BrokerError::Unusable(text),
        _ => BrokerError::Unavailable(text),
    }
}

/// A call of less time than this that ends without an answer says more about the caller than about the broker.
pub(super) const IMPATIENT: Duration = Duration::from_millis(100);

/// Whether the broker is to blame for this.
pub(super) fn blames(error: &BrokerError, given: Duration) -> bool {
    match error {
        BrokerError::TimedOut(_) => given >= IMPATIENT,
        BrokerError::Closed | BrokerError::Unsupported(_) => false,
        _ => true,
    }
}
