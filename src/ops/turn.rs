//! A connection's turn: what it is served with, and what follows from it.

use super::gate::{Access, Gate};
use super::helpers::Helpers;
use super::problem::Problem;
use super::request::Request;
use super::routes::Routes;
use super::settings::OpsLimits;
use crate::time::Moment;

/// What a connection is served with.
pub(super) struct Service<'s> {
    pub(super) limits: &'s OpsLimits,
    /// What its requests must pass.
    pub(super) gate: &'s Gate,
    pub(super) routes: &'s Routes,
    pub(super) helpers: &'s Helpers,
    /// Makes what tells the loop that there is an answer for this connection.
    pub(super) stir: &'s dyn Fn() -> Box<dyn Fn() + Send + Sync>,
    pub(super) now: Moment,
    /// Bytes that this connection may hold, considering all others.
    pub(super) room: usize,
    /// Whether one more may listen to events.
    pub(super) may_listen: bool,
    /// No further request is wanted.
    pub(super) ending: bool,
}

/// What is to be done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait until something happens.
    Wait,
    /// It would go on, but others have their turn.
    Again,
    /// It is done with.
    Close,
}

impl Service<'_> {
    /// Whether a request may be made, and how large its body may be.
    pub(super) fn judge(&self, request: &Request) -> Result<usize, Problem> {
        let route = self.routes.of(request);
        let access = route.as_ref().map_or(Access::Open, |route| route.access);
        self.gate.judge(request, access)?;
        // What is sent to nowhere, or by somebody unknown, is not even read.
        let wanted = self.gate.is_owner() || access == Access::Guarded;
        Ok(if wanted { self.limits.body } else { 0 })
    }
}
