//! What is sent to the control plane and what it answers, as JSON: the same types for both ends.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /publish/{priority}/{domain}?id=&key=&deadline=&header-NAME=` | the payload | [`Receipt`] |
//! | `POST /publish` | a [`NewItem`] per line | a [`Receipt`] per line |
//! | `GET /dlq?domain=&reason=&after=&most=` | | [`Letters`] |
//! | `GET /dlq/{serial}` | | [`Letter`], with its payload |
//! | `POST /dlq/{serial}/replay` | [`Replay`] (the filter unused) | a [`LetterLine`] per line |
//! | `POST /dlq/replay` | [`Replay`] | a [`LetterLine`] per line |
//! | `DELETE /dlq/{serial}` | | [`Done`] |
//! | `POST /dlq/drop` | [`Drop`] | a [`LetterLine`] per line |
//! | `GET /schedules` | | [`Schedules`] |
//! | `PUT /schedules/{name}` | [`Schedule`](crate::Schedule) | [`Done`] |
//! | `DELETE /schedules/{name}` | | [`Done`] |
//! | `POST /schedules/{name}/pause`, `…/resume`, `…/run` | | [`Done`] |
//! | `GET /status` | | [`Status`] |
//! | `POST /drain?within=` | | a [`DrainLine`] per line |
//! | `POST /stop` | | [`Done`] |
//! | `GET /limits` | | [`Limits`] in force |
//! | `POST /limits` | [`Limits`], those that are to change | [`Limits`] in force |
//! | `POST /surge?enabled=` | | [`Done`]: bursts are answered from now on, or not |
//! | `POST /rebalance` | | [`Done`], with what was decided and why |
//! | `GET /healthz`, `GET /readyz` | | [`Readiness`]; 503 if it is not |
//! | `GET /journal?after=&most=` | | [`Journal`] |
//! | `GET /events` | | server-sent: `status` with a [`Status`] each second, `journal` with a [`Journal`] when there is something new |
//! | `GET /` | | the dashboard, for a browser |
//! | `GET /metrics` | | Prometheus text, or `OpenMetrics` where `accept` asks for it |
//!
//! Over TCP everything but `GET` of `/`, `/status`, `/healthz`, `/readyz`, `/journal`, `/events` and `/metrics` takes the token, as
//! `Authorization: Bearer TOKEN`. Without it the answer is 401, and 403 where no token is configured, or where a browser sends what a page of
//! another origin wants. What is refused has a [`Failure`].
//!
//! In place of the query, what is told of an item may stand in headers: `heijunka-id`, `heijunka-key`, `heijunka-deadline` and
//! `heijunka-header-NAME`, the latter in lower case. Times are milliseconds since the beginning of 1970. A line
//! `{"error": …}` in the place of any other says that no more come, and why.

mod item;
mod letter;
mod service;
mod status;

use serde::{Deserialize, Serialize};

pub use item::{NewItem, Receipt, Stored, WireError};
pub use letter::{Counted, Drop, Fate, Filter, Letter, LetterLine, Letters, Replay};
pub use service::{
    DrainLine, Drained, Entry, Failover, FailoverBroker, Journal, Progress, Queue, Queues, Readiness,
    Schedules, Stray,
};
pub use status::{Admission, Burst, Latency, Limits, Percentiles, Pool, Status, SubLimit};

/// It is done, or was so already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What was done, in words.
    pub done: String,
}

/// Why it was not done: what comes with every status from 400 on, or as the last line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Why.
    pub error: String,
    /// What would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A payload as JSON has it: as text where it is text.
mod payload {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    /// Either of the two.
    pub(super) fn write(payload: &[u8]) -> (Option<String>, Option<String>) {
        match std::str::from_utf8(payload) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(STANDARD.encode(payload))),
        }
    }

    pub(super) fn read(base64: &str) -> Option<Vec<u8>> {
        STANDARD.decode(base64).ok()
    }
}

#[cfg(test)]
mod tests;
