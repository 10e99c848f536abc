//! The cases.

mod deliveries;
mod leases;
mod letters;
mod limits;
mod reopening;
mod settlements;

pub(super) use deliveries::*;
pub(super) use leases::*;
pub(super) use letters::*;
pub(super) use limits::*;
pub(super) use reopening::*;
pub(super) use settlements::*;
