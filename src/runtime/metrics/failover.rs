//! A failover: which of its two brokers is published to, and how both fare.

use std::fmt;

use super::families::Families;
use crate::kanban::{FailoverState, FailoverStatus};

/// Two brokers as one: where publishing stands, and how both fare.
pub(super) fn failover(families: &mut Families<'_>, status: &FailoverStatus) -> fmt::Result {
    let present = status.state.name();
    let all = FailoverState::NAMES.map(|state| ([("state", state)], u32::from(state == present)));
    families.gauge("failover_state", "1 for the state that publishing is in.", all)?;
    let moves = [("fallback", status.trips), ("primary", status.fail_backs)];
    let moves = moves.map(|(to, moves)| ([("to", to)], moves));
    families.counter("failover_moves", "How often publishing moved, by whither.", None, moves)?;
    let help = "First items after a hold that the primary did not confirm.";
    families.count("failover_canaries_failed", help, None, status.canaries_failed)?;
    let brokers = || {
        status.brokers.iter().map(|broker| ([("role", broker.role.name()), ("broker", broker.name)], broker))
    };
    let active = status.active().role;
    let shown = brokers().map(|(labels, broker)| (labels, u32::from(broker.role == active)));
    families.gauge("failover_active", "1 for the broker that is published to.", shown)?;
    let shown = brokers().map(|(labels, broker)| (labels, u32::from(broker.fault.is_some())));
    families.gauge("failover_broker_failing", "1 while it does not work.", shown)?;
    let stored = brokers().flat_map(|([role, name], broker)| {
        let outcomes = [("stored", broker.stored), ("failed", broker.failed)];
        outcomes.map(|(outcome, items)| ([role, name, ("outcome", outcome)], items))
    });
    let help = "Items sent to it, by what came of it; the other may have taken those that failed.";
    families.counter("failover_published", help, None, stored)?;
    let help = "Items of unknown outcome that were sent to it once more.";
    families.counter(
        "failover_repeated",
        help,
        None,
        brokers().map(|(labels, broker)| (labels, broker.repeated)),
    )?;
    let pulled = brokers().map(|(labels, broker)| (labels, broker.pulled));
    families.counter("failover_pulled", "Items pulled from it.", None, pulled)?;
    let probes = brokers().flat_map(|([role, name], broker)| {
        let outcomes = [("good", broker.good_probes), ("bad", broker.bad_probes)];
        outcomes.map(|(outcome, probes)| ([role, name, ("outcome", outcome)], probes))
    });
    families.counter("failover_probes", "Probes of it, by what came of them.", None, probes)
}
