//! heijunka levels the work inside latency-critical services.
//!
//! Every piece of work is admitted or refused at once, routed by its key to the pool that has its data warm, run on a
//! pinned thread, measured, and accounted for: a job that was accepted runs, expires, is cancelled, or is handed back.
//!
//! ```
//! use std::time::Duration;
//! use heijunka::{PoolConfig, Reason, Runtime};
//!
//! let runtime = Runtime::builder()
//!     .limits(1000, 1200)
//!     .pool("payment", PoolConfig { min_workers: 1, max_workers: 8, ..PoolConfig::default() })
//!     .start()?;
//! let payment = runtime.domain("payment").expect("every pool has a domain");
//!
//! match payment.submit("customer 42", |_| 6 * 7) {
//!     Ok(receipt) => assert_eq!(receipt.wait()?, 42),
//!     Err(refused) if refused.rejected().reason() == Reason::LaneFull => { /* that pool is behind: degrade */ }
//!     Err(refused) => eprintln!("{refused}"), // the work is in it, untouched: refused.into_work()
//! }
//!
//! let report = runtime.drain(Duration::from_secs(5));
//! assert!(report.is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to begin
//!
//! | you want | begin with |
//! |---|---|
//! | all of it | [`Runtime`], [`Domain`]; [`Config`] and [`Loader`] to read it from a file |
//! | admission for threads or tasks you already have | [`Regulator`], [`Limits`], [`Permit`] |
//! | consistent hashing over targets that come and go | [`Router`], [`Key`] |
//! | work that must not be lost, or can wait | [`Builder::handler`], [`Runtime::kanban`], [`Publisher`], [`ItemSpec`], [`Outcome`] |
//! | to publish by the clock | [`Scheduler`], [`Schedule`], [`When`] |
//! | what failed for good | [`DeadLetters`] |
//! | a broker or a seen store of your own | [`Broker`], [`conformance`], [`SeenStore`] |
//! | to check that nothing was lost | [`history`] |
//! | a control socket | [`ops`] |
//! | results: waited for, polled or awaited | [`JobHandle`] |
//! | to know what it decided, and why | [`Runtime::journal`], [`Entry`], [`Runtime::burst`] |
//! | to change its configuration while it runs | [`Runtime::update`] |
//! | a worker to yourself for a while | [`Domain::checkout`], [`Checkout`] |
//! | to see what happens | [`Runtime::status`], [`Runtime::metrics`], [`Pool::status`] |
//! | to end without losing anything | [`Runtime::drain`], [`Runtime::stop`], [`Report`] |
//!
//! # Progress
//!
//! | operation | guarantee |
//! |---|---|
//! | giving a permit back, changing limits, reading status words, looking up a key | wait-free |
//! | admission, submitting, handing over | lock-free: a retry means that another thread succeeded; at most one system call, to wake a sleeping worker |
//! | a refusal | lock-free; it reads what others write, and writes to nothing that they write but, now and then, the known sum of what came back |
//! | recording what a job did | wait-free, plain stores of the worker's own |
//! | status of pools, metrics, scaling, checking health, rebalancing, changing the configuration, adding and removing pools, draining | lock; off the way of jobs, which they do not disturb |
//! | [`JobHandle::wait`], [`Domain::checkout`], [`Runtime::drain`] | block, and say so |
//! | [`Publisher::publish`], [`DeadLetters`], the [`Scheduler`] | lock or block until the broker has confirmed, up to a timeout |
//! | pulling, settling, keeping leases | on the thread `hj-kanban`, with `hj-settle` to wait for a durable broker's answers; workers hand over how an item ended without blocking |
//!
//! # Limitations
//!
//! - Jobs of one key run in the same pool, in no promised order; a pool of one worker, and one priority, gives order.
//! - A thread cannot be killed. Deadlines and cancellation keep jobs from starting, and tell running ones through
//!   [`Context::is_cancelled`]; job and permit are held until the job returns.
//! - Panics of jobs are caught, unless the program is built with `panic = "abort"`.
//! - What is submitted lives in memory: if the process is killed, it is gone. What is published lives as long as its broker keeps
//!   it: in memory as long as the process, in a file beyond it ([`Durability`] says how far).
//! - A handler may run more than once for an item: make it idempotent by the item's id. What is done is remembered per process.
//! - 50 workers per pool, 255 pools per affinity group, 2 097 151 permits, 255 sub-limits.
//! - Linux is what is tested. Elsewhere pinning may not be possible; [`Pinning`] says so.
//!
//! # Layers
//!
//! Imports point down only.
//!
//! ```text
//! ops                          the control plane: HTTP over a Unix socket
//! runtime                      Runtime, configuration, the control thread, draining, metrics as text
//! kanban                       the pull queue: items, brokers, publisher, consumer, scheduler, dead letters
//! domain                       Domain: admission, routing and pools as one call
//! admission  routing           who may come in; where to
//! pool  balance  burst         who runs it; how evenly, and who moves; what load is unusual, and what to lend for it
//! metrics  thread  lanes       counts and histograms; pinning, idling, waking; which priority next
//! law  calm  share  spans      what every law is; the law against flapping; what health leaves a pool of its keys; whether spans are wanted
//! error  priority  time  sync  words; clocks; atomics, channels and epochs, or their models under loom
//! ```

#[cfg(all(feature = "_model", not(heijunka_loom)))]
compile_error!("the feature `_model` goes with the cfg `heijunka_loom`: run the models with `make loom`");
#[cfg(all(heijunka_loom, not(debug_assertions)))]
compile_error!("the models need debug assertions: run them with `make loom`");

mod admission;
mod balance;
mod burst;
mod calm;
mod domain;
mod error;
mod kanban;
mod lanes;
mod law;
mod metrics;
#[cfg(not(heijunka_loom))]
pub mod ops;
mod pool;
mod priority;
mod routing;
mod runtime;
mod share;
mod spans;
mod sync;
mod thread;
mod time;

pub use admission::{
    Capacity, Class, Limits, LimitsError, Permit, Pressure, Refusals, Regulator, Status, SubLimitId,
    SubLimitStatus,
};
pub use balance::{
    BalanceStatus, Decision as Rebalance, Move as WorkerMove, Why, coefficient as balance_coefficient,
};
pub use burst::{BurstStatus, Ledger, Phase as BurstPhase};
pub use domain::{Domain, JobSpec, RefusedMany};
pub use error::{JobError, Reason, Refused, Rejected};
#[cfg(all(feature = "amqp", not(heijunka_loom)))]
pub use kanban::{Amqp, AmqpSettings, AmqpTls, QueueKind};
pub use kanban::{
    Arrivals, BreakerSettings, BreakerState, Broker, BrokerError, BrokerRole, Canary, ConsumerStatus,
    DeadLetter, DeadLetterCount, DeadLetterFilter, DeadLetterPage, DeadLetters, Death, Delivery, Depth,
    DropReport, Durability, Embedded, EmbeddedSettings, Expired, Failover, FailoverBroker, FailoverSettings,
    FailoverState, FailoverStatus, Finding, Handler, Item, ItemError, ItemId, ItemSpec, Kanban, KanbanCounts,
    KanbanReport, KanbanStatus, Lane, MemorySeen, Misfire, Name, NameError, Origin as ScheduleOrigin,
    Outcome, Overlap, Program, ProgramError, ProgramSettings, PublishError, Publisher, QueueStatus, Receipt,
    Replay, ReplayOptions, ReplayOutcome, ReplayRefusal, ReplayReport, RetrySettings, Schedule,
    ScheduleError, ScheduleStatus, Scheduler, Seen, SeenError, SeenKey, SeenStore, Settled, Settlement,
    Severity, Skipped as SkippedTicks, Stored, Ticket, TraceContext, TraceContextError,
    Traits as BrokerTraits, Verdict, Want, When, Work, conformance, history, kill_programs,
};
#[cfg(all(feature = "nats", not(heijunka_loom)))]
pub use kanban::{Nats, NatsAuth, NatsSettings, NatsTls};
pub use metrics::Latencies;
pub use pool::{
    Checkout, CheckoutError, Context, Duty, Health, JobFuture, JobHandle, Kind, Pool, PoolStatus, ScaleError,
    Sign, WaitError, WorkerStatus,
};
pub use priority::{Priority, UnknownPriority};
pub use routing::{Affinity, Choices, Key, Load, PoolSetError, RoutePin, Router, Target};
pub use runtime::{
    AdmissionConfig, AmqpConfig, AmqpTlsConfig, Author, BalanceConfig, BreakerConfig, BrokerConfig,
    BrokerKind, BrokerLook, Builder, BurstConfig, ChangeError, Config, ConfigError, ControlConfig,
    ControlStatus, DomainConfig, Entry, ExecConfig, FailoverConfig, GroupConfig, HealthConfig, HealthReport,
    HotKey, HttpConfig, KanbanConfig, Listen, Loader, NatsConfig, NatsTlsConfig, OnSignal, PoolConfig,
    PoolHealth, QueuesConfig, Readiness, Report, RetryConfig, RetryOverrides, Runtime, RuntimeStatus,
    ScalingConfig, ScheduleConfig, Secret, SeenConfig, ServiceConfig, StartError, SyncConfig, TracingConfig,
    Warning, look_at_brokers,
};
pub use thread::{Idle, Pinning, Unpinned};
pub use time::{Clock, ManualTime, Moment, Timestamp};

/// Runs what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Runs what the guide to levelling shows.
#[cfg(doctest)]
#[doc = include_str!("../docs/levelling.md")]
struct Levelling;

/// Runs what the guide to the pull queue shows.
#[cfg(doctest)]
#[doc = include_str!("../docs/kanban.md")]
struct Queue;

/// Runs what the page on tracing shows.
#[cfg(doctest)]
#[doc = include_str!("../docs/tracing.md")]
struct Spans;

#[cfg(all(test, heijunka_loom))]
#[path = "../loom-tests/harness.rs"]
mod harness;
