//! What an operator should know of a server before anything depends on it.

use amiquip::{
    Channel, ConsumerOptions, Error, FieldTable, Publish, QueueDeclareOptions, QueueDeleteOptions,
};

use super::dog::Kill;
use super::link::{Link, told};
use super::settings::{AmqpSettings, QueueKind};
use super::shared::Shared;
use super::taps::cancel;
use super::topology::{self, Standing};
use crate::kanban::broker::Finding;

/// The first version whose quorum queues expire messages, and pass them on without losing any.
const LEAST: (u32, u32) = (3, 10);

/// Looks at what can be seen over AMQP. May block: to be watched.
pub(super) fn look(shared: &Shared, link: &mut Link, kill: &Kill) -> Vec<Finding> {
    let settings = &shared.settings;
    let patience = settings.patience();
    let mut found = vec![Finding::notes(format!("{} is version {}", settings.place(), link.version()))];
    version(&link.version(), settings, &mut found);
    match shared.dog.watch(kill, patience, "preflight", || topology::verify(shared, link)) {
        Ok(standing) => {
            let items = shared.names.items();
            // What is not there yet can be read and written once it was declared.
            let exchange = (!standing.missing.contains(&items)).then_some(&*items);
            told_of(standing, settings, &mut found);
            shared
                .dog
                .watch(kill, patience, "preflight", || permissions(settings, link, exchange, &mut found));
        }
        Err(why) => found.push(Finding::endangers(why.to_string(), "see the server's log")),
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

fn told_of(standing: Standing, settings: &AmqpSettings, found: &mut Vec<Finding>) {
    // Each says what would help.
    found.extend(standing.wrong.into_iter().map(|why| Finding::endangers(why.to_string(), "")));
    let missing = standing.missing.join(", ");
    match (missing.is_empty(), settings.create) {
        (true, _) => {}
        (false, true) => {
            found.push(Finding::notes(format!("not there yet, and will be declared: {missing}")));
        }
        (false, false) => found.push(Finding::endangers(
            format!("not there, and nothing may be declared (create = false): {missing}"),
            "declare them, or let heijunka do so (create = true)",
        )),
    }
}

/// Tries everything that will be done, with a queue that nobody else sees and that is gone afterwards.
fn permissions(settings: &AmqpSettings, link: &mut Link, exchange: Option<&str>, found: &mut Vec<Finding>) {
    let name = format!("{}.preflight.{:016x}", settings.prefix, fastrand::u64(..));
    let own = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let tried = link.channel(settings).and_then(|channel| match channel.queue_declare(&*name, own) {
        // Without that nothing can be tried, nor need it be declared.
        Err(Error::ServerClosedChannel { code: 403, .. }) if !settings.create => Ok(false),
        // It ends with its connection, if not before.
        declared => declared
            .and_then(|_| try_out(&channel, &name, exchange))
            .map(|()| true)
            .map_err(|error| told(settings, &error)),
    });
    match tried {
        Ok(true) => {}
        Ok(false) => found.push(Finding::warns(
            "whether items can be read and written was not tried: the user may not declare a queue to try it with",
            "see that the user has write and read permission for the prefix",
        )),
        Err(why) => found.push(Finding::endangers(why.to_string(), "")),
    }
}

/// What is published comes to this queue alone: nothing else is bound to its name.
fn try_out(channel: &Channel, name: &str, exchange: Option<&str>) -> Result<(), Error> {
    let options = ConsumerOptions { no_ack: true, ..ConsumerOptions::default() };
    let consumer = channel.basic_consume(name, options)?;
    cancel(&consumer)?;
    if let Some(exchange) = exchange {
        channel.queue_bind(name, exchange, name, FieldTable::new())?;
        channel.basic_publish(exchange, Publish::new(b"", name))?;
        // Has no answer of its own: a refusal ends the channel, and with it the next that has one.
        return channel.queue_delete(name, QueueDeleteOptions::default()).map(drop);
    }
    // Binding needs to write to the queue and to read from the exchange, which is not ours.
    channel.queue_bind(name, "amq.topic", name, FieldTable::new()).or_else(|error| match error {
        Error::ServerClosedChannel { code: 403, message, .. } if message.contains("amq.topic") => Ok(()),
        error => Err(error),
    })
}
