//! Who is in, and who was refused.

use std::fmt;

use super::Scrape;
use super::families::Families;
use crate::error::Reason;

impl Scrape {
    pub(super) fn admission(&self, families: &mut Families<'_>) -> fmt::Result {
        let status = &self.status.admission;
        let normal = status.normal_in_flight;
        let classes = [("priority", status.in_flight.saturating_sub(normal)), ("normal", normal)];
        let labelled = classes.map(|(class, permits)| ([("class", class)], permits));
        families.gauge("permits_in_flight", "Permits in use.", labelled)?;

        let (soft, hard, reserved) = (status.limits.soft(), status.limits.hard(), status.limits.reserved());
        let limits = [("soft", soft), ("hard", hard), ("reserved", reserved)];
        let labelled = limits.map(|(limit, permits)| ([("limit", limit)], permits));
        families.gauge("permits_limit", "The limits in force, in permits.", labelled)?;

        let subs = || status.sub_limits.iter().map(|sub| ([("sub_limit", sub.name.as_str())], sub));
        let in_flight = subs().map(|(labels, sub)| (labels, sub.in_flight));
        families.gauge("sub_limit_in_flight", "Permits in use under a sub-limit.", in_flight)?;
        let limit = subs().map(|(labels, sub)| (labels, sub.limit));
        families.gauge("sub_limit_limit", "The most a sub-limit allows.", limit)?;

        let refused = Reason::ALL.map(|reason| ([("reason", reason.name())], status.refused.of(reason)));
        families.counter("refused", "Submissions refused.", None, refused)
    }
}
