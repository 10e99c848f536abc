//! Dead letters. RabbitMQ cannot show what is in a queue, so they are taken out, looked at, and given back by closing the channel.
//! Meanwhile nobody else sees them.

use std::collections::BTreeMap;

use amiquip::{AmqpValue, Delivery, FieldTable, Get};
use xxhash_rust::xxh3::xxh3_64;

use super::ask::{Asked, Line};
use super::shared::Shared;
use super::text::decode;
use super::wire::{self, Message, Reader};
use crate::kanban::broker::DeadLetter;
use crate::kanban::item::Lane;
use crate::kanban::name::Name;
use crate::priority::Priority;
use crate::time::Timestamp;

/// The queue is in about the order of the numbers. So many letters are looked at in any case, and beyond them those whose numbers
/// are not more than so many microseconds higher than what is looked for.
const LOOKED_AT: usize = 1000;
const DISORDER: u64 = 60_000_000;

/// At most `most` letters after this one, those with the lowest numbers.
pub(super) fn list(
    shared: &Shared,
    line: &Line<'_>,
    after: u64,
    most: usize,
    wanted: &dyn Fn() -> bool,
) -> Asked<Vec<DeadLetter>> {
    let (mut found, mut looked_at, mut all) = (BTreeMap::new(), 0, None);
    while wanted()
        && let Some(got) = take(shared, line)?
    {
        looked_at += 1;
        all = all.or(Some(u64::from(got.message_count) + 1));
        let letter = open(shared, got.delivery);
        let serial = letter.serial;
        if serial > after {
            found.insert(serial, letter);
            if found.len() > most {
                found.pop_last();
            }
        }
        let last = found.last_key_value().map_or(0, |(last, _): (&u64, _)| last.saturating_add(DISORDER));
        if found.len() >= most && looked_at >= LOOKED_AT && serial > last {
            break;
        }
    }
    Ok((found.into_values().collect(), all))
}

/// How many there are, and when the first one died.
pub(super) fn count(shared: &Shared, line: &Line<'_>) -> Asked<(u64, Option<Timestamp>)> {
    let count = line.waiting(shared.names.letters())?;
    if count == 0 {
        return Ok(((0, None), None));
    }
    let Some(got) = take(shared, line)? else { return Ok(((0, None), None)) };
    let died = open(shared, got.delivery).at;
    Ok(((count, Some(died)), Some(count)))
}

/// Removes the letter of this number; tells whether it was there.
pub(super) fn remove(
    shared: &Shared,
    line: &Line<'_>,
    serial: u64,
    wanted: &dyn Fn() -> bool,
) -> Asked<bool> {
    let (mut looked_at, mut all) = (0, None);
    while wanted()
        && let Some(mut got) = take(shared, line)?
    {
        looked_at += 1;
        all = all.or(Some(u64::from(got.message_count) + 1));
        let mut seen = got.delivery.clone();
        seen.body = std::mem::take(&mut got.delivery.body);
        let found = open(shared, seen).serial;
        if found == serial {
            line.ask(|channel| got.ack(channel))?;
            return Ok((true, all.map(|all: u64| all - 1)));
        }
        if looked_at >= LOOKED_AT && found > serial.saturating_add(DISORDER) {
            break;
        }
    }
    Ok((false, all))
}

fn take(shared: &Shared, line: &Line<'_>) -> Result<Option<Get>, amiquip::Error> {
    line.ask(|channel| channel.basic_get(shared.names.letters(), false))
}

/// Reads a dead letter, whoever wrote it.
fn open(shared: &Shared, mut delivery: Delivery) -> DeadLetter {
    let body = std::mem::take(&mut delivery.body);
    let properties = &delivery.properties;
    let none = FieldTable::new();
    let table = properties.headers().as_ref().unwrap_or(&none);
    let mut reader = Reader { table, fault: None };
    let lane = reader.text("heijunka-lane").and_then(|subject| lane_of("kanban", subject));
    let lane =
        lane.or_else(|| lane_of(&shared.settings.prefix, &delivery.routing_key)).unwrap_or_else(nowhere);
    let (servers_reason, servers_time) = servers(table);
    let reason = reader.text("heijunka-reason").map(str::to_owned);
    let reason = reason.or(servers_reason).unwrap_or_else(|| "unknown".to_owned());
    let error = reader.text("heijunka-error").and_then(decode).unwrap_or_default();
    let at = reader.number("heijunka-died").map(Timestamp::from_millis).or(servers_time).unwrap_or_default();
    let serial = reader.number("heijunka-serial");
    // What heijunka did not number has a number made of when it died and of what it is.
    let serial = serial.unwrap_or_else(|| at.as_millis() * 1000 + xxh3_64(&body) % 1000).max(1);
    let attempts = reader.count("heijunka-attempts");
    let message = Message { properties, body, redelivered: false };
    let item = wire::read(&lane, message, at).item;
    DeadLetter { serial, item, reason, error, attempts, at }
}

/// Why and when the server itself took a message for dead: more deliveries than it allows, for example.
fn servers(table: &FieldTable) -> (Option<String>, Option<Timestamp>) {
    let Some(AmqpValue::FieldArray(deaths)) = table.get("x-death") else { return (None, None) };
    let Some(AmqpValue::FieldTable(death)) = deaths.first() else { return (None, None) };
    let reason = match death.get("reason") {
        Some(AmqpValue::LongString(reason)) if reason == "delivery_limit" => Some("poison".to_owned()),
        Some(AmqpValue::LongString(reason)) => Some(reason.clone()),
        _ => None,
    };
    let time = match death.get("time") {
        Some(AmqpValue::Timestamp(seconds)) => Some(Timestamp::from_millis(seconds.saturating_mul(1000))),
        _ => None,
    };
    (reason, time)
}

/// The lane of a routing key.
fn lane_of(prefix: &str, key: &str) -> Option<Lane> {
    let (priority, domain) = key.strip_prefix(prefix)?.strip_prefix('.')?.split_once('.')?;
    let priority = Priority::ALL.into_iter().find(|known| known.name() == priority)?;
    Some(Lane { priority, domain: Name::new(domain).ok()? })
}

/// Of a letter that does not tell where it is from.
fn nowhere() -> Lane {
    let domain = Name::new("unknown").expect("it is a name");
    Lane { priority: Priority::Normal, domain }
}
