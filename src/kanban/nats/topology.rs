//! The streams and consumers: created if they are missing, compared if they are there, never altered.

use std::time::Duration;

use serde_json::{Value, json};

use super::names;
use super::settings::NatsSettings;
use super::talk::Talk;
use crate::kanban::broker::BrokerError;
use crate::kanban::item::Lane;
use crate::time::Deadline;

/// Within which the server recognises an id that it has seen.
pub(super) const WINDOW: Duration = Duration::from_secs(120);

/// Nothing waits longer for its next attempt than 30 days.
const TALLIES_LAST: Duration = Duration::from_secs(31 * 24 * 3600);

const NO_STREAM: u64 = 10059;
const NO_CONSUMER: u64 = 10014;
const STREAM_EXISTS: u64 = 10058;

/// The least that may be unsettled at once: what is to be tried again later counts as well.
const LEAST_PENDING: i64 = 1000;

/// What differs from what must be: the name of a setting, what it is, what it must be.
pub(super) type Drift = Vec<(String, Value, String)>;

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Items,
    Letters,
    Notes,
    Tallies,
}

impl Kind {
    pub(super) const ALL: [Kind; 4] = [Kind::Items, Kind::Letters, Kind::Notes, Kind::Tallies];

    pub(super) fn stream(self, settings: &NatsSettings) -> &str {
        match self {
            Kind::Items => &settings.stream,
            Kind::Letters => &settings.dead_letter_stream,
            Kind::Notes => &settings.notes_stream,
            Kind::Tallies => &settings.counts_stream,
        }
    }

    const fn subjects(self) -> &'static str {
        match self {
            Kind::Items => names::ITEMS,
            Kind::Letters => names::LETTERS,
            Kind::Notes => names::NOTES,
            Kind::Tallies => names::TALLIES,
        }
    }

    /// Whether of each subject the latest message alone is kept.
    fn keeps_latest(self) -> bool {
        matches!(self, Kind::Notes | Kind::Tallies)
    }

    fn config(self, settings: &NatsSettings) -> Value {
        // Of a note the newest alone is kept, for which the older must go.
        let (per_subject, discard) = if self.keeps_latest() { (1, "old") } else { (-1, "new") };
        let max_age = if self == Kind::Tallies { nanos(TALLIES_LAST) } else { 0 };
        json!({
            "name": self.stream(settings),
            "subjects": [self.subjects()],
            "retention": if self == Kind::Items { "workqueue" } else { "limits" },
            "storage": "file",
            "discard": discard,
            "max_age": max_age,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_msgs_per_subject": per_subject,
            "max_msg_size": -1,
            "max_consumers": -1,
            "duplicate_window": nanos(WINDOW),
            "num_replicas": settings.replicas,
        })
    }

    /// Compares a stream with what it must be.
    pub(super) fn drift(self, is: &Value, settings: &NatsSettings) -> Drift {
        let must = self.config(settings);
        let mut drift = Drift::new();
        for name in ["subjects", "retention", "storage", "discard", "max_age"] {
            // What a server leaves out is nothing.
            let found = if is[name].is_null() { &json!(0) } else { &is[name] };
            if *found != must[name] {
                drift.push((name.into(), is[name].clone(), must[name].to_string()));
            }
        }
        let mut least = |name: &str, least: u64| {
            if is[name].as_u64().unwrap_or(0) < least {
                drift.push((name.into(), is[name].clone(), format!("{least} or more")));
            }
        };
        least("num_replicas", u64::from(settings.replicas));
        if self == Kind::Items {
            least("duplicate_window", nanos(WINDOW));
        }
        if self.keeps_latest() && is["max_msgs_per_subject"] != json!(1) {
            drift.push(("max_msgs_per_subject".into(), is["max_msgs_per_subject"].clone(), "1".into()));
        }
        if !self.keeps_latest() && is["max_msgs_per_subject"].as_i64().unwrap_or(-1) > 0 {
            drift.push(("max_msgs_per_subject".into(), is["max_msgs_per_subject"].clone(), "-1".into()));
        }
        for name in ["no_ack", "sealed", "deny_delete", "deny_purge", "mirror", "sources"] {
            if !is[name].is_null() && is[name] != json!(false) {
                drift.push((name.into(), is[name].clone(), "not set".into()));
            }
        }
        drift
    }
}

/// The configuration of a stream, or `None` if there is no such stream.
pub(super) fn look(talk: &Talk, stream: &str, within: Duration) -> Result<Option<Value>, BrokerError> {
    match talk.api::<Value>(&format!("STREAM.INFO.{stream}"), "", within)? {
        Ok(info) => Ok(Some(info)),
        Err(error) if error.error_code().0 == NO_STREAM => Ok(None),
        Err(error) => Err(super::replies::refused(&error)),
    }
}

/// Sees to it that all streams are there and as they must be.
pub(super) fn streams(talk: &Talk, settings: &NatsSettings, deadline: &Deadline) -> Result<(), BrokerError> {
    for kind in Kind::ALL {
        let stream = kind.stream(settings);
        let mut info = look(talk, stream, deadline.left())?;
        if info.is_none() && settings.create {
            let config = kind.config(settings).to_string();
            match talk.api::<Value>(&format!("STREAM.CREATE.{stream}"), config, deadline.left())? {
                Ok(created) => info = Some(created),
                // Another process was faster.
                Err(error) if error.error_code().0 == STREAM_EXISTS => {
                    info = look(talk, stream, deadline.left())?;
                }
                Err(error) => return Err(not_made("stream", stream, &error.to_string())),
            }
        }
        let Some(info) = info else { return Err(missing("stream", stream)) };
        refuse_drift("stream", stream, &kind.drift(&info["config"], settings))?;
    }
    Ok(())
}

/// Sees to it that this lane's consumer is there and as it must be.
pub(super) fn consumer(
    talk: &Talk,
    settings: &NatsSettings,
    lane: &Lane,
    deadline: &Deadline,
) -> Result<(), BrokerError> {
    let (stream, name) = (&settings.stream, names::consumer(lane));
    let found = talk.api::<Value>(&format!("CONSUMER.INFO.{stream}.{name}"), "", deadline.left())?;
    let info = match found {
        Ok(info) => info,
        Err(error) if error.error_code().0 == NO_CONSUMER && settings.create => {
            let config = json!({ "stream_name": stream, "config": consumer_config(settings, lane) });
            let create = format!("CONSUMER.DURABLE.CREATE.{stream}.{name}");
            match talk.api::<Value>(&create, config.to_string(), deadline.left())? {
                Ok(info) => info,
                Err(error) => return Err(not_made("consumer", &name, &error.to_string())),
            }
        }
        Err(error) if error.error_code().0 == NO_CONSUMER => return Err(missing("consumer", &name)),
        Err(error) => return Err(super::replies::refused(&error)),
    };
    refuse_drift("consumer", &name, &consumer_drift(&info["config"], settings, lane))
}

fn consumer_config(settings: &NatsSettings, lane: &Lane) -> Value {
    // No `max_deliver`, beyond which messages would be stranded, and no `backoff`, which would replace the lease.
    json!({
        "durable_name": names::consumer(lane),
        "filter_subject": lane.subject(),
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": nanos(settings.lease),
        "max_deliver": -1,
        "max_ack_pending": 20_000,
        "max_waiting": 512,
        "replay_policy": "instant",
    })
}

/// Compares a consumer with what it must be.
pub(super) fn consumer_drift(is: &Value, settings: &NatsSettings, lane: &Lane) -> Drift {
    let must = consumer_config(settings, lane);
    let mut drift = Drift::new();
    for name in ["filter_subject", "deliver_policy", "ack_policy", "ack_wait", "replay_policy"] {
        if is[name] != must[name] {
            drift.push((name.into(), is[name].clone(), must[name].to_string()));
        }
    }
    if is["max_deliver"].as_i64().unwrap_or(-1) > 0 {
        drift.push(("max_deliver".into(), is["max_deliver"].clone(), "-1".into()));
    }
    let pending = is["max_ack_pending"].as_i64().unwrap_or(-1);
    if (0..LEAST_PENDING).contains(&pending) {
        drift.push(("max_ack_pending".into(), pending.into(), format!("{LEAST_PENDING} or more")));
    }
    for name in ["backoff", "deliver_subject", "headers_only", "max_batch", "max_expires", "max_bytes"] {
        let found = &is[name];
        if !found.is_null() && *found != json!(false) && *found != json!(0) {
            drift.push((name.into(), found.clone(), "not set".into()));
        }
    }
    drift
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn refuse_drift(what: &str, name: &str, drift: &Drift) -> Result<(), BrokerError> {
    if drift.is_empty() { Ok(()) } else { Err(BrokerError::Unusable(shown(what, name, drift))) }
}

/// What differs, for people.
pub(super) fn shown(what: &str, name: &str, drift: &Drift) -> String {
    let differences: Vec<_> =
        drift.iter().map(|(name, is, must)| format!("{name} is {is}, must be {must}")).collect();
    format!(
        "NATS: the {what} {name} has other settings: {}; nothing was altered: edit it with `nats {what} edit`, or remove it when it is empty and let heijunka make it",
        differences.join("; ")
    )
}

fn missing(what: &str, name: &str) -> BrokerError {
    BrokerError::Unusable(format!(
        "NATS: there is no {what} {name}, and `create` is off: create it, or set `create = true`"
    ))
}

fn not_made(what: &str, name: &str, why: &str) -> BrokerError {
    BrokerError::Unusable(format!(
        "NATS: the {what} {name} could not be created: {why}; check limits, permissions, replicas, and that no other {what} has its subjects"
    ))
}
