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

/// Looks whether what is there is as it must be, and declares nothing that is missing.
pub(super) fn verify(shared: &Shared, link: &mut Link) -> Result<(), BrokerError> {
    let settings = &shared.settings;
    let there = link.channel(settings)?.exchange_declare_passive(shared.names.items()).is_ok();
    if !there {
        // Nothing of this prefix was ever used.
        return Ok(());
    }
    let channel = link.channel(settings)?;
    let plan = Plan { shared, version: link.version(), kill: &link.kill };
    plan.look(&channel, &[]).map_err(|error| told(settings, &error))
}

struct Plan<'a> {
    shared: &'a Shared,
    version: String,
    kill: &'a Kill,
}

impl Plan<'_> {
    fn declare(&self, channel: &Channel, lanes: &[Lane]) -> Result<(), Error> {
        let names = &self.shared.names;
        let none = FieldTable::new;
        self.exchange(channel, ExchangeType::Topic, names.items())?;
        self.exchange(channel, ExchangeType::Topic, names.dead())?;
        let letters = names.letters();
        self.queue(channel, &letters, self.letters())?;
        self.heard(channel.queue_bind(&*letters, names.dead(), "#", none()))?;
        for (delay, time) in DELAYS {
            let name = names.retry(delay);
            let mut arguments = self.passing_on(&names.items());
            let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            arguments.insert("x-message-ttl".to_owned(), AmqpValue::LongLongInt(millis));
            self.exchange(channel, ExchangeType::Fanout, name.clone())?;
            self.queue(channel, &name, arguments)?;
            self.heard(channel.queue_bind(&*name, &*name, "", none()))?;
        }
        for lane in lanes {
            let name = names.lane(lane);
            self.queue(channel, &name, self.passing_on(&names.dead()))?;
            self.heard(channel.queue_bind(&*name, names.items(), &*name, none()))?;
        }
        Ok(())
    }

    /// Looks whether all is there. What it is like can only be told by declaring it, which needs a permission that may be missing.
    fn look(&self, channel: &Channel, lanes: &[Lane]) -> Result<(), Error> {
        let names = &self.shared.names;
        self.heard(channel.exchange_declare_passive(names.items()))?;
        self.heard(channel.exchange_declare_passive(names.dead()))?;
        self.heard(channel.queue_declare_passive(names.letters()))?;
        for (delay, _) in DELAYS {
            self.heard(channel.exchange_declare_passive(names.retry(delay)))?;
            self.heard(channel.queue_declare_passive(names.retry(delay)))?;
        }
        for lane in lanes {
            self.heard(channel.queue_declare_passive(names.lane(lane)))?;
        }
        match self.declare(channel, lanes) {
            Err(Error::ServerClosedChannel { code: 403, .. }) => Ok(()),
            result => result,
        }
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

    fn exchange(&self, channel: &Channel, kind: ExchangeType, name: String) -> Result<(), Error> {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        self.heard(channel.exchange_declare(kind, name, options)).map(drop)
    }

    fn queue(&self, channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), Error> {
        let options = QueueDeclareOptions { durable: true, arguments, ..QueueDeclareOptions::default() };
        self.heard(channel.queue_declare(name, options)).map(drop)
    }

    /// One of many questions was answered: however far away the server is, it lives.
    fn heard<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        self.shared.dog.answered(self.kill);
        answer
    }
}
