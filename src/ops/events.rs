//! One client that listens to events: how far it was told, and when it is told again.

use std::sync::Arc;

use super::request::Request;
use super::response::{Framing, write_piece, write_stream_head};
use super::routes::{Route, Run};
use crate::time::Moment;

#[derive(Debug)]
pub(super) struct Listening {
    route: Arc<Route>,
    framing: Framing,
    due: Moment,
    /// How far it was told: the route's own.
    cursor: u64,
}

impl Listening {
    /// Begins the answer.
    pub(super) fn begin(route: Arc<Route>, request: &Request, now: Moment, output: &mut Vec<u8>) -> Self {
        let framing = Framing::of(request);
        write_stream_head(output, "text/event-stream", framing, false);
        Self { route, framing, due: now, cursor: 0 }
    }

    /// Goes on with it.
    pub(super) fn tell(&mut self, now: Moment, output: &mut Vec<u8>) {
        let Run::Events(every, tell) = &self.route.run else { return };
        let told = tell(&mut self.cursor);
        // An empty piece would be the end.
        if !told.is_empty() {
            write_piece(output, self.framing, &told);
        }
        self.due = now.after(*every);
    }

    /// When there is something to be told again.
    pub(super) fn due(&self) -> Moment {
        self.due
    }
}
