//! The pull queue: items that a broker keeps, pulled only while there is capacity, and never lost.

mod broker;
pub mod conformance;
mod embedded;
mod event;
mod item;
mod name;
mod outcome;
mod seen;

pub use broker::{
    Arrivals, Broker, BrokerError, DeadLetter, Death, Delivery, Depth, PublishError, Settled, Settlement,
    Stored, Ticket, Traits, Verdict, Want,
};
pub use embedded::{Durability, Embedded, EmbeddedSettings};
pub use item::{Item, ItemError, ItemSpec, Lane};
pub use name::{ItemId, Name, NameError};
pub use outcome::{Handler, Outcome, Work};
pub use seen::{Seen, SeenError, SeenKey, SeenStore};
