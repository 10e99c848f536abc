//! A look at the brokers of a configuration before anything depends on them.

use super::missing;
use crate::kanban::{BrokerError, Finding};
use crate::runtime::config::{BrokerConfig, BrokerKind, Config, SyncConfig};

/// What was found of one broker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BrokerLook {
    /// Its kind.
    pub kind: BrokerKind,
    /// Where it is, without secrets.
    pub place: String,
    /// What was found, or why it cannot even be looked at.
    pub found: Result<Vec<Finding>, BrokerError>,
}

/// Looks at the broker of this configuration, or at both of a failover, and changes nothing there. A configuration without a queue has
/// none.
///
/// Blocks for as long as connecting and asking may take: a few times their `connect_timeout`.
#[must_use]
pub fn look_at_brokers(config: &Config) -> Vec<BrokerLook> {
    let Some(broker) = config.queue() else { return Vec::new() };
    let look = |kind| BrokerLook { kind, place: place(kind, &broker), found: look_at(kind, &broker, config) };
    broker.kinds().into_iter().map(look).collect()
}

fn place(kind: BrokerKind, broker: &BrokerConfig) -> String {
    match kind {
        BrokerKind::Memory | BrokerKind::Failover => "in this process".to_owned(),
        BrokerKind::File => broker.path.display().to_string(),
        BrokerKind::Nats => {
            // Nobody checked them: there may be a password in one.
            let shown = |url: &String| url.rsplit('@').next().unwrap_or_default().to_owned();
            broker.nats.urls.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
        BrokerKind::Amqp => format!("{}:{}, vhost {}", broker.amqp.host, broker.amqp.port, broker.amqp.vhost),
    }
}

#[cfg_attr(
    not(any(feature = "nats", feature = "amqp")),
    expect(unused_variables, reason = "for the settings of adapters")
)]
fn look_at(kind: BrokerKind, broker: &BrokerConfig, config: &Config) -> Result<Vec<Finding>, BrokerError> {
    match kind {
        BrokerKind::Memory => Ok(vec![Finding::endangers(
            "items are in memory and end with the process",
            "set the kind to \"file\", \"nats\" or \"amqp\"",
        )]),
        BrokerKind::File => Ok(file(broker)),
        #[cfg(all(feature = "nats", not(heijunka_loom)))]
        BrokerKind::Nats => {
            let settings = super::settings::nats(&broker.nats, super::payload(config))?;
            crate::kanban::Nats::preflight(&settings)
        }
        #[cfg(all(feature = "amqp", not(heijunka_loom)))]
        BrokerKind::Amqp => {
            let settings = super::settings::amqp(&broker.amqp, super::payload(config))?;
            crate::kanban::Amqp::preflight(&settings)
        }
        kind => Err(missing(kind)),
    }
}

fn file(broker: &BrokerConfig) -> Vec<Finding> {
    let mut found = Vec::new();
    let folder = broker.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        let what = format!("there is no directory for {}", broker.path.display());
        found.push(Finding::endangers(what, "create it, or set broker.path to another place"));
    }
    if broker.sync == SyncConfig::Process {
        found.push(Finding::warns(
            "what was confirmed lately may be missing after a loss of power",
            "set broker.sync to \"disk\" if that matters",
        ));
    }
    found
}
