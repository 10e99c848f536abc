//! Exchanges and queues: declared, or found as they must be. What is there with other settings is refused, never altered.

use amiquip::{
    AmqpValue, Channel, Error, ExchangeDeclareOptions, ExchangeType, FieldTable, QueueDeclareOptions,
};

use super::dog::Kill;
use super::link::{Link, told};
use super::names::DELAYS;
use super::settings::QueueKind;
use super::shared::Shared;
use crate::kanban::broker::BrokerError;
use crate::kanban::item::Lane;

/// Sees to everything that these lanes need. May block: to be watched.
pub(super) fn prepare(shared: &Shared, link: &mut Link, lanes: &[Lane]) -> Result<(), BrokerError> {
    let settings = &shared.settings;
    let channel = link.channel(settings)?;
    let plan = Plan { shared, version: link.version(), kill: &link.kill };
    let result = if settings.create { plan.declare(&channel, lanes) } else { plan.look(&channel, lanes) };
    result.map_err(|error| told(settings, &error))
}

/// What [`verify`] saw.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// What is not there.
    pub(super) missing: Vec<String>,
    /// What is there and cannot be used, and why.
    pub(super) wrong: Vec<BrokerError>,
}

/// Looks whether what is there is as it must be, and declares nothing that is missing. May block: to be watched.
pub(super) fn verify(shared: &Shared, link: &mut Link) -> Result<Standing, BrokerError> {
    let settings = &shared.settings;
    let (parts, kill) = {
        let plan = Plan { shared, version: link.version(), kill: &link.kill };
        (plan.parts(&[]), link.kill.clone())
    };
    let mut standing = Standing::default();
    let mut channel = link.channel(settings)?;
    for part in parts {
        shared.dog.answered(&kill);
        // What it is like can only be told by declaring it.
        match part.look(&channel).and_then(|()| part.declare(&channel)) {
            Ok(()) => continue,
            Err(Error::ServerClosedChannel { code: 404, .. }) => {
                // An exchange and its queue may have one name.
                if standing.missing.last().is_none_or(|last| last != part.name()) {
                    standing.missing.push(part.name().to_owned());
                }
            }
            // That needs a permission which is not needed otherwise.
            Err(Error::ServerClosedChannel { code: 403, .. }) if !settings.create => {}
            Err(error) => standing.wrong.push(told(settings, &error)),
        }
        // An error ends its channel.
        channel = link.channel(settings)?;
    }
    Ok(standing)
}

/// An exchange or a queue.
enum Part {
    Exchange(ExchangeType, String),
    Queue(String, FieldTable),
}

impl Part {
    fn name(&self) -> &str {
        match self {
            Part::Exchange(_, name) | Part::Queue(name, _) => name,
        }
    }

    fn declare(&self, channel: &Channel) -> Result<(), Error> {
        match self {
            Part::Exchange(kind, name) => exchange(channel, kind.clone(), name.clone()),
            Part::Queue(name, arguments) => queue(channel, name, arguments.clone()),
        }
    }

    fn look(&self, channel: &Channel) -> Result<(), Error> {
        match self {
            Part::Exchange(_, name) => channel.exchange_declare_passive(&**name).map(drop),
            Part::Queue(name, _) => channel.queue_declare_passive(&**name).map(drop),
        }
    }
}

struct Plan<'a> {
    shared: &'a Shared,
    version: String,
    kill: &'a Kill,
}

impl Plan<'_> {
    /// All that there is to be, in an order in which it can be declared.
    fn parts(&self, lanes: &[Lane]) -> Vec<Part> {
        let names = &self.shared.names;
        let mut parts = vec![
            Part::Exchange(ExchangeType::Topic, names.items()),
            Part::Exchange(ExchangeType::Topic, names.dead()),
            Part::Queue(names.letters(), self.letters()),
        ];
        for (delay, time) in DELAYS {
            let mut arguments = self.passing_on(&names.items());
            let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            arguments.insert("x-message-ttl".to_owned(), AmqpValue::LongLongInt(millis));
            parts.push(Part::Exchange(ExchangeType::Fanout, names.retry(delay)));
            parts.push(Part::Queue(names.retry(delay), arguments));
        }
        parts.extend(lanes.iter().map(|lane| Part::Queue(names.lane(lane), self.passing_on(&names.dead()))));
        parts
    }

    fn declare(&self, channel: &Channel, lanes: &[Lane]) -> Result<(), Error> {
        self.parts(lanes).iter().try_for_each(|part| self.heard(part.declare(channel)))?;
        let names = &self.shared.names;
        let bind = |queue: String, exchange: String, key: &str| {
            self.heard(channel.queue_bind(&*queue, &*exchange, key, FieldTable::new()))
        };
        bind(names.letters(), names.dead(), "#")?;
        for (delay, _) in DELAYS {
            bind(names.retry(delay), names.retry(delay), "")?;
        }
        lanes.iter().try_for_each(|lane| bind(names.lane(lane), names.items(), &names.lane(lane)))
    }

    /// Looks whether all is there. What it is like can only be told by declaring it, which needs a permission that may be missing.
    fn look(&self, channel: &Channel, lanes: &[Lane]) -> Result<(), Error> {
        self.parts(lanes).iter().try_for_each(|part| self.heard(part.look(channel)))?;
        match self.declare(channel, lanes) {
            Err(Error::ServerClosedChannel { code: 403, .. }) => Ok(()),
            result => result,
        }
    }

    /// One of many questions was answered: however far away the server is, it lives.
    fn heard<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        self.shared.dog.answered(self.kill);
        answer
    }

    /// The settings of a queue whose items go to this exchange when their time there is over.
    fn passing_on(&self, exchange: &str) -> FieldTable {
        let mut arguments = self.plain();
        let mut text = |name: &str, value: &str| {
            arguments.insert(name.to_owned(), AmqpValue::LongString(value.to_owned()));
        };
        text("x-dead-letter-exchange", exchange);
        // Refuses what it has no room for, instead of throwing away what it has.
        text("x-overflow", "reject-publish");
        if self.shared.settings.queues == QueueKind::Quorum {
            text("x-dead-letter-strategy", "at-least-once");
        }
        arguments
    }

    fn letters(&self) -> FieldTable {
        let mut arguments = self.plain();
        let major = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        // From 4.0 on, what was looked at 20 times would be thrown away.
        if self.shared.settings.queues == QueueKind::Quorum && major.is_some_and(|major| major >= 4) {
            arguments.insert("x-delivery-limit".to_owned(), AmqpValue::LongLongInt(-1));
        }
        arguments
    }

    fn plain(&self) -> FieldTable {
        let kind = match self.shared.settings.queues {
            QueueKind::Quorum => "quorum",
            QueueKind::Classic => "classic",
        };
        let mut arguments = FieldTable::new();
        arguments.insert("x-queue-type".to_owned(), AmqpValue::LongString(kind.to_owned()));
        arguments
    }
}

fn exchange(channel: &Channel, kind: ExchangeType, name: String) -> Result<(), Error> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(kind, name, options).map(drop)
}

fn queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), Error> {
    let options = QueueDeclareOptions { durable: true, arguments, ..QueueDeclareOptions::default() };
    channel.queue_declare(name, options).map(drop)
}
