//! The pull queue: items that a broker keeps, pulled only while there is capacity, and never lost.

mod breaker;
mod broker;
mod depth;
mod event;
pub mod history;
mod item;
mod name;
mod outcome;
mod retry;
mod seen;

pub use breaker::{BreakerSettings, BreakerState};
pub use broker::{
    Arrivals, Broker, BrokerError, DeadLetter, Death, Delivery, Depth, PublishError, Settled, Settlement,
    Stored, Ticket, Traits, Verdict, Want,
};
pub use item::{Item, ItemError, ItemSpec, Lane};
pub use name::{ItemId, Name, NameError};
pub use outcome::{Handler, Outcome, Work};
pub use retry::{Expired, RetrySettings};
pub use seen::{MemorySeen, Seen, SeenError, SeenKey, SeenStore};
