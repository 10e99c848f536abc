//! How tickets and serial numbers say which of the two brokers they belong to.
//!
//! Tickets: in the top bit of the generation, which brokers leave clear. Serial numbers of dead letters: in the lowest bit, so that
//! both lists are one that rises, and numbers stay short enough for people and for JSON.

use super::law::BrokerRole;
use crate::kanban::broker::Ticket;

const TOP: u64 = 1 << 63;

/// `None` if the generation has no room: its broker does not keep the contract of [`Ticket`].
pub(super) fn pack(role: BrokerRole, ticket: &Ticket) -> Option<Ticket> {
    let bit = if role == BrokerRole::Fallback { TOP } else { 0 };
    (ticket.generation() & TOP == 0).then(|| Ticket::new(ticket.generation() | bit, ticket.number()))
}

pub(super) fn unpack(ticket: &Ticket) -> (BrokerRole, Ticket) {
    let fallback = ticket.generation() & TOP != 0;
    let role = if fallback { BrokerRole::Fallback } else { BrokerRole::Primary };
    (role, Ticket::new(ticket.generation() & !TOP, ticket.number()))
}

/// The serial number of a dead letter as it is shown.
pub(super) fn shown(role: BrokerRole, serial: u64) -> u64 {
    // 2^63 dead letters are not reached.
    serial.saturating_mul(2).saturating_add(role.index() as u64)
}

/// Whose letter it is, and its number there.
pub(super) fn hidden(serial: u64) -> (BrokerRole, u64) {
    (BrokerRole::ALL[(serial % 2) as usize], serial / 2)
}

/// After which of its own numbers a broker is to be asked for what is shown after this one.
pub(super) fn after(role: BrokerRole, shown: u64) -> u64 {
    match role {
        BrokerRole::Fallback if shown.is_multiple_of(2) => (shown / 2).saturating_sub(1),
        _ => shown / 2,
    }
}
