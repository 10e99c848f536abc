//! What an operator should know of a server before anything depends on it.

use amiquip::{Channel, ConsumerOptions, Error, FieldTable, Publish, QueueDeclareOptions};

use super::dog::Kill;
use super::link::{Link, told};
use super::settings::{AmqpSettings, QueueKind};
use super::shared::Shared;
use super::topology;
use crate::kanban::broker::{BrokerError, Finding};

/// The first version whose quorum queues expire messages, and pass them on without losing any.
const LEAST: (u32, u32) = (3, 10);

/// Looks at what can be seen over AMQP. May block: to be watched.
pub(super) fn look(shared: &Shared, link: &mut Link, kill: &Kill) -> Vec<Finding> {
    let settings = &shared.settings;
    let patience = settings.patience();
    let mut found = vec![Finding::notes(format!("{} is version {}", settings.place(), link.version()))];
    version(&link.version(), settings, &mut found);
    shared.dog.watch(kill, patience, "preflight", || permissions(settings, link, &mut found));
    let prepared = shared.dog.watch(kill, patience, "preflight", || topology::verify(shared, link));
    if let Err(why) = prepared {
        found.push(Finding::endangers(why.to_string(), ""));
    }
    if settings.queues == QueueKind::Classic {
        found.push(Finding::warns(
            "classic queues are on one node each, and lost with its disk",
            "set queues to quorum, and run three nodes",
        ));
    }
    if settings.tls.is_none() && !is_local(&settings.host) {
        found.push(Finding::warns("passwords and items cross the network unencrypted", "set tls"));
    }
    found.push(Finding::warns(
        format!(
            "policies cannot be seen over AMQP: one that sets message-ttl, expires, max-length with drop-head or delivery-limit \
             for {}.* loses items",
            settings.prefix
        ),
        "look at `rabbitmqctl list_policies` and `list_operator_policies`",
    ));
    found
}

fn version(version: &str, settings: &AmqpSettings, found: &mut Vec<Finding>) {
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    let (Some(major), minor) = (numbers.next(), numbers.next().unwrap_or(0)) else {
        found.push(Finding::warns("the server does not tell its version", "use RabbitMQ 3.10 or later"));
        return;
    };
    if (major, minor) < LEAST && settings.queues == QueueKind::Quorum {
        found.push(Finding::endangers(
            "its quorum queues do not expire messages: what is to be tried again would not be",
            "use RabbitMQ 3.10 or later",
        ));
    }
    if major >= 4 {
        found.push(Finding::warns(
            "quorum queues give up what was delivered 20 times: it becomes a dead letter with the reason poison",
            "keep max_deliveries below 20, or set a delivery-limit by policy",
        ));
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Tries everything that will be done, with a queue that nobody else sees and that is gone afterwards.
fn permissions(settings: &AmqpSettings, link: &mut Link, found: &mut Vec<Finding>) {
    let name = format!("{}.preflight.{:016x}", settings.prefix, fastrand::u64(..));
    let tried = link.channel(settings).and_then(|channel| {
        let result = try_out(&channel, &name);
        // It goes with its connection as well.
        let _ = channel.queue_delete(&*name, amiquip::QueueDeleteOptions::default());
        result.map_err(|error| told(settings, &error))
    });
    if let Err(why) = tried {
        let cure = match why {
            BrokerError::Refused(_) => "give the user configure, write and read permission for the prefix",
            _ => "see the server's log",
        };
        found.push(Finding::endangers(why.to_string(), cure));
    }
}

fn try_out(channel: &Channel, name: &str) -> Result<(), Error> {
    let options =
        QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name, options)?;
    channel.basic_publish("", Publish::new(b"", name))?;
    let consumer =
        channel.basic_consume(name, ConsumerOptions { no_ack: true, ..ConsumerOptions::default() })?;
    consumer.cancel()?;
    // Binding needs to read from one and to write to the other.
    channel.queue_bind(name, "amq.topic", name, FieldTable::new()).or_else(|error| match error {
        // That exchange is not ours.
        Error::ServerClosedChannel { code: 403, message, .. } if message.contains("amq.topic") => Ok(()),
        error => Err(error),
    })
}
