//! The pull queue: items that a broker keeps, pulled only while there is capacity, and never lost.

#[cfg(all(feature = "amqp", not(heijunka_loom)))]
mod amqp;
mod breaker;
mod broker;
mod cells;
pub mod conformance;
pub(crate) mod consumer;
mod dead_letters;
mod depth;
mod embedded;
mod event;
mod exec;
mod face;
pub(crate) mod failover;
pub mod history;
mod item;
mod name;
#[cfg(all(feature = "nats", not(heijunka_loom)))]
mod nats;
mod outcome;
mod publisher;
mod retry;
pub(crate) mod scheduler;
mod seen;
mod spans;
mod trace;

#[cfg(all(feature = "amqp", not(heijunka_loom)))]
pub use amqp::{Amqp, AmqpSettings, AmqpTls, QueueKind};
pub use breaker::{BreakerSettings, BreakerState};
pub use broker::{
    Arrivals, Broker, BrokerError, DeadLetter, Death, Delivery, Depth, Finding, PublishError, Settled,
    Settlement, Severity, Stored, Ticket, Traits, Verdict, Want,
};
pub use consumer::{ConsumerStatus, QueueStatus};
pub use dead_letters::{
    DeadLetterCount, DeadLetterFilter, DeadLetterPage, DeadLetters, DropReport, Replay, ReplayOptions,
    ReplayOutcome, ReplayRefusal, ReplayReport,
};
pub use embedded::{Durability, Embedded, EmbeddedSettings};
pub use exec::{Program, ProgramError, ProgramSettings, kill_programs};
pub use face::{Kanban, KanbanCounts, KanbanReport, KanbanStatus};
pub use failover::{BrokerRole, Failover, FailoverBroker, FailoverSettings, FailoverState, FailoverStatus};
pub use item::{Item, ItemError, ItemSpec, Lane};
pub use name::{ItemId, Name, NameError};
#[cfg(all(feature = "nats", not(heijunka_loom)))]
pub use nats::{Nats, NatsAuth, NatsSettings, NatsTls};
pub use outcome::{Handler, Outcome, Work};
pub use publisher::{Publisher, Receipt};
pub use retry::{Expired, RetrySettings};
pub use scheduler::{
    Canary, Misfire, Origin, Overlap, Schedule, ScheduleError, ScheduleStatus, Scheduler, Skipped, When,
};
pub use seen::{MemorySeen, Seen, SeenError, SeenKey, SeenStore};
pub use trace::{TraceContext, TraceContextError};

pub(crate) use depth::CoordinatorSettings;
pub(crate) use event::{Event, Events};
pub(crate) use spans::begin_trace;
