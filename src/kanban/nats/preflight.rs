//! A look at a server before anything depends on it. Nothing is changed by it.

use std::time::Duration;

use async_nats::{HeaderMap, ServerInfo};
use bytes::Bytes;
use serde_json::Value;

use super::exchange::{Reply, Say};
use super::topology::{self, Kind};
use super::{Nats, names, replies};
use crate::kanban::broker::{BrokerError, Finding};
use crate::kanban::item::Lane;

/// The oldest version that it was tried with.
const OLDEST: (u64, u64) = (2, 9);

pub(super) fn look(nats: &Nats, info: &ServerInfo) -> Result<Vec<Finding>, BrokerError> {
    let mut found = vec![version(&info.version)];
    let within = nats.settings.connect_timeout;
    match nats.talk.ask::<Value>("INFO", "", within) {
        Ok(account) => found.extend(of_account(&account)),
        Err(error @ (BrokerError::Unusable(_) | BrokerError::Unavailable(_))) => {
            found.push(Finding::endangers(
                format!("JetStream is not there: {error}"),
                "start the server with JetStream (`-js`, or `jetstream {}` in its configuration), and enable it for this account",
            ));
            return Ok(found);
        }
        Err(BrokerError::Refused(why)) => found.push(forbidden(&why)),
        Err(error) => return Err(error),
    }
    found.extend(of_payload(nats, info));
    let clustered = info.cluster.is_some();
    for kind in Kind::ALL {
        match topology::look(&nats.talk, kind.stream(&nats.settings), within) {
            Ok(stream) => found.extend(of_stream(nats, kind, stream.as_ref(), clustered)),
            Err(BrokerError::Refused(why)) => found.push(forbidden(&why)),
            Err(error) => return Err(error),
        }
    }
    found.extend(of_consumers(nats, within)?);
    found.extend(of_permissions(nats, within));
    if !clustered {
        found.push(Finding::warns(
            "one server alone: what it confirmed survives its end, but up to two minutes of it may be lost with the power",
            "set `jetstream { sync_interval: always }`, or use three servers on separate machines and replicas = 3",
        ));
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(found)
}

fn version(version: &str) -> Finding {
    let mut numbers = version.split(['.', '-']).map(|number| number.parse::<u64>().unwrap_or(0));
    let is = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if is < OLDEST {
        let cure = format!("use {}.{} or newer", OLDEST.0, OLDEST.1);
        return Finding::warns(
            format!("nats-server {version} is older than what heijunka was tried with"),
            cure,
        );
    }
    Finding::notes(format!("nats-server {version}"))
}

fn of_account(account: &Value) -> Option<Finding> {
    let limits = &account["limits"];
    (limits["max_storage"].as_i64() == Some(0)).then(|| {
        Finding::endangers(
            "this account may keep nothing on disk",
            "raise `max_file` of the account's JetStream limits",
        )
    })
}

fn of_payload(nats: &Nats, info: &ServerInfo) -> Option<Finding> {
    let (takes, wanted) = (nats.limits.payload, nats.settings.max_payload);
    (takes < wanted).then(|| {
        Finding::warns(
            format!(
                "payloads of up to {takes} bytes are taken, not {wanted}: the server's limit is {} with headers",
                info.max_payload
            ),
            "raise `max_payload` of the server, or send where the rest is",
        )
    })
}

fn of_stream(nats: &Nats, kind: Kind, info: Option<&Value>, clustered: bool) -> Vec<Finding> {
    let (settings, name) = (&nats.settings, kind.stream(&nats.settings));
    let few = |replicas: u64| {
        (clustered && replicas < 2).then(|| {
            Finding::endangers(
                format!("the stream {name} is kept by one server of the cluster: while that is down, so is the queue, and with its disk everything is lost"),
                "set replicas = 3, and for a stream that is there `nats stream edit --replicas 3`",
            )
        })
    };
    let Some(info) = info else {
        let missing = if settings.create {
            Finding::notes(format!("the stream {name} is not there yet: it will be created"))
        } else {
            Finding::endangers(
                format!("the stream {name} is not there, and `create` is off"),
                "create it, or set `create = true`",
            )
        };
        return [Some(missing), few(u64::from(settings.replicas))].into_iter().flatten().collect();
    };
    let config = &info["config"];
    let mut found: Vec<_> = kind
        .drift(config, settings)
        .into_iter()
        .map(|(setting, is, must)| {
            let why = match setting.as_str() {
                "storage" => ": what is in memory ends with the server",
                "discard" => ": when it is full, what was confirmed is deleted",
                "max_age" => ": what waits longer is deleted",
                "duplicate_window" => ": what is published again later than that is stored twice",
                _ => "",
            };
            Finding::endangers(
                format!("the stream {name}: {setting} is {is}, must be {must}{why}"),
                format!(
                    "`nats stream edit {name}`, or remove it when it is empty and let heijunka create it"
                ),
            )
        })
        .collect();
    found.extend(few(config["num_replicas"].as_u64().unwrap_or(1)));
    found
}

fn of_consumers(nats: &Nats, within: Duration) -> Result<Vec<Finding>, BrokerError> {
    let stream = &nats.settings.stream;
    let list = match nats.talk.api::<Value>(&format!("CONSUMER.LIST.{stream}"), "", within) {
        Ok(Ok(list)) => list,
        // There is no such stream yet.
        Ok(Err(_)) => return Ok(Vec::new()),
        Err(BrokerError::Refused(why)) => return Ok(vec![forbidden(&why)]),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for consumer in list["consumers"].as_array().into_iter().flatten() {
        let name = consumer["name"].as_str().unwrap_or_default();
        let lane = lane_of(name);
        let Some(lane) = lane else {
            found.push(Finding::endangers(
                format!("the consumer {name} of the stream {stream} is none of heijunka's: what it takes does not reach heijunka"),
                format!("remove it: `nats consumer rm {stream} {name}`"),
            ));
            continue;
        };
        for (setting, is, must) in topology::consumer_drift(&consumer["config"], &nats.settings, &lane) {
            let why = match setting.as_str() {
                "max_deliver" => ": what is delivered more often stays behind for ever",
                "backoff" => ": it replaces the lease, and items come again while they run",
                _ => "",
            };
            found.push(Finding::endangers(
                format!("the consumer {name}: {setting} is {is}, must be {must}{why}"),
                format!("`nats consumer edit {stream} {name}`, or remove it and let heijunka create it: its items stay"),
            ));
        }
    }
    Ok(found)
}

fn lane_of(consumer: &str) -> Option<Lane> {
    let (priority, domain) = consumer.strip_prefix("kb_")?.split_once('_')?;
    names::lane_of(&format!("kanban.{priority}.{domain}"))
}

/// Whether everything may be published: each is tried with a condition that cannot hold, so that nothing is stored.
fn of_permissions(nats: &Nats, within: Duration) -> Vec<Finding> {
    let subjects = [
        "kanban.normal.preflight",
        "kanban-dlq.normal.preflight",
        "kanban-notes.preflight",
        "kanban-counts.0",
    ];
    let entries = subjects.into_iter().map(|subject| {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Sequence", i64::MAX.to_string().as_str());
        Say { subject: subject.into(), headers: Some(headers), payload: Bytes::new() }.into()
    });
    let replies = nats.talk.exchange(entries.collect(), false, within.min(Duration::from_secs(2)));
    let refused = |reply| match reply {
        Reply::NotSent(BrokerError::Refused(why)) => Some(forbidden(&why)),
        // An error of a stream is what was asked for; no stream yet is told of elsewhere.
        Reply::Answered(message) => match replies::answer::<Value>(&message) {
            Ok(Ok(_)) => Some(Finding::warns(
                "something else than a stream answers to what is published",
                "see who subscribes to kanban.>",
            )),
            _ => None,
        },
        _ => None,
    };
    replies.into_iter().filter_map(refused).collect()
}

fn forbidden(why: &str) -> Finding {
    Finding::endangers(
        why.to_owned(),
        "allow this user to publish to kanban.>, kanban-dlq.>, kanban-notes.>, kanban-counts.>, $JS.API.> and $JS.ACK.>, and to subscribe to its inbox",
    )
}
