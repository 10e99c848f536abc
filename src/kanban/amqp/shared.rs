//! What the callers and the threads of the adapter have in common.

use std::sync::Arc;

use amiquip::Channel;
use parking_lot::Mutex;

use super::ask::Ask;
use super::batch::Batch;
use super::dog::{Dog, Kill};
use super::mail::{Mail, Slip};
use super::names::Names;
use super::settings::AmqpSettings;
use super::stock::Stock;
use crate::kanban::broker::{Arrivals, BrokerError};
use crate::kanban::item::Lane;
use crate::time::{Clock, Moment};

pub(super) struct Shared {
    pub(super) settings: AmqpSettings,
    pub(super) names: Names,
    pub(super) clock: Clock,
    pub(super) dog: Dog,
    pub(super) stock: Mutex<Stock>,
    /// To the publishing thread.
    pub(super) outbox: Mail<Arc<Batch>>,
    /// To the consuming thread.
    pub(super) desk: Mail<Order>,
    /// To the asking thread.
    pub(super) asks: Mail<Ask>,
    /// The last serial number of a dead letter, in microseconds since 1970.
    pub(super) serial: Mutex<u64>,
    /// How many items all retry lanes have together, and until when that is fresh.
    pub(super) delayed: Mutex<Option<(u64, Moment)>>,
    /// The server's version, once connected.
    pub(super) version: Mutex<String>,
    /// Connections that were made in place of lost ones.
    pub(super) reconnects: Mutex<u64>,
}

/// What the consuming thread is asked to do.
pub(super) enum Order {
    /// To prepare lanes.
    Open { lanes: Vec<Lane>, arrivals: Arrivals, slip: Slip<Result<(), BrokerError>> },
    /// To end deliveries of this generation: `true` is done with, `false` comes again.
    Settle { generation: u64, ends: Vec<(u64, bool)>, slip: Slip<Result<(), BrokerError>> },
    /// To take in all that was pushed until now.
    CatchUp { slip: Slip<Result<(), BrokerError>> },
    /// To have nothing pushed any more, and what was and nobody pulled back where it came from, its delivery not counted.
    Hush { slip: Slip<Result<(), BrokerError>> },
    /// To open a channel for questions.
    Channel { slip: Slip<Result<(Channel, Kill), BrokerError>> },
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Order::Open { .. } => "Open",
            Order::Settle { .. } => "Settle",
            Order::CatchUp { .. } => "CatchUp",
            Order::Hush { .. } => "Hush",
            Order::Channel { .. } => "Channel",
        })
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(settings: AmqpSettings, clock: Clock) -> Self {
        Self {
            names: Names::new(&settings.prefix),
            settings,
            clock,
            dog: Dog::new(),
            stock: Mutex::default(),
            outbox: Mail::new(),
            desk: Mail::new(),
            asks: Mail::new(),
            serial: Mutex::new(0),
            delayed: Mutex::default(),
            version: Mutex::default(),
            reconnects: Mutex::new(0),
        }
    }

    /// A number for a dead letter, later than all before.
    pub(super) fn next_serial(&self) -> u64 {
        let now = self.clock.timestamp().as_millis().saturating_mul(1000);
        // The calendar shows milliseconds: what is below tells processes apart.
        let now = now + fastrand::u64(0..1000);
        let mut serial = self.serial.lock();
        *serial = now.max(*serial + 1);
        *serial
    }
}
