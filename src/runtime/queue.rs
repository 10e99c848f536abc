//! The pull queue of a runtime: from configuration and handlers to a running [`Kanban`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;

use super::brokers;
use super::config::{Config, RetryConfig, ScheduleConfig};
use super::control::{Author, Draft};
use super::{Core, Runtime, StartError};
use crate::domain::Domain;
use crate::kanban::consumer::{ConsumeError, ConsumerSettings, Env, Source};
use crate::kanban::scheduler::{Outlet, Settings as SchedulerSettings};
use crate::kanban::{
    BreakerSettings, Broker, BrokerError, CoordinatorSettings, Depth, Event, Events, Handler, Item,
    ItemError, Kanban, Lane, MemorySeen, Name, Program, ProgramSettings, PublishError, Publisher,
    RetrySettings, Schedule, ScheduleError, Scheduler, SeenStore, Stored, When, begin_trace,
};
use crate::time::Deadline;

/// What only code can give: everything that is not data.
#[derive(Clone, Default)]
pub(super) struct Plugs {
    pub(super) handlers: BTreeMap<String, Arc<dyn Handler>>,
    pub(super) broker: Option<Arc<dyn Broker>>,
    pub(super) seen: Option<Arc<dyn SeenStore>>,
}

impl fmt::Debug for Plugs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugs")
            .field("handlers", &self.handlers.keys())
            .field("broker", &self.broker.as_ref().map(|broker| broker.traits().name))
            .field("seen", &self.seen.is_some())
            .finish()
    }
}

impl Runtime {
    /// The pull queue, if there is one: a broker is configured or given, or something needs one.
    #[must_use]
    pub fn kanban(&self) -> Option<Kanban> {
        self.core.kanban.get().cloned()
    }
}

/// Starts the pull queue, if there is to be one.
pub(super) fn start(core: &Arc<Core>, config: &Config, plugs: Plugs) -> Result<(), StartError> {
    let is_needed = plugs.broker.is_some() || !plugs.handlers.is_empty() || config.queue().is_some();
    if !is_needed {
        return Ok(());
    }
    let sources = sources(core, config, &plugs)?;
    let broker = match plugs.broker {
        Some(broker) => broker,
        None => brokers::open(config, &core.clock).map_err(StartError::Broker)?,
    };
    let seen = plugs.seen.unwrap_or_else(|| {
        let seen = &config.kanban.seen;
        Arc::new(MemorySeen::new(seen.capacity as usize, seen.ttl, core.clock.clone()))
    });
    let counts = Arc::default();
    let publisher = Publisher::new(broker.clone(), core.clock.clone())
        .counting(Arc::clone(&counts))
        .with_spans(core.spans.clone())
        .timeout(config.kanban.publish_timeout)
        .max_payload(usize::try_from(config.kanban.payload).unwrap_or(usize::MAX));
    let events = journal(core);
    if let Some(failover) = broker.failover() {
        failover.tell_to(events.clone());
    }
    let scheduler = start_scheduler(core, config, &broker, &publisher, &events)?;
    let ended = scheduler.clone();
    let env = Env {
        broker,
        seen,
        regulator: core.regulator.clone(),
        clock: core.clock.clone(),
        counts,
        events,
        finished: Arc::new(move |id, success| ended.finished(id, success)),
        settings: consumer_settings(config),
        spans: core.spans.clone(),
    };
    let kanban = Kanban::start(env, sources, publisher, scheduler.clone()).map_err(|error| {
        // Its thread would publish for ever.
        scheduler.stop(&Deadline::after(config.kanban.publish_timeout));
        match error {
            ConsumeError::Broker(error) => StartError::Broker(error),
            ConsumeError::Thread(error) => StartError::Control(error),
        }
    })?;
    // Started once, before anybody has the runtime.
    let _ = core.kanban.set(kanban);
    Ok(())
}

/// The domains that are consumed here, each with its handler.
fn sources(core: &Core, config: &Config, plugs: &Plugs) -> Result<Vec<Source>, StartError> {
    let wrong = |domain: &str, why: String| StartError::Handler { domain: domain.to_owned(), why };
    let domains: BTreeMap<String, Domain> = core.registry.lock().domains.clone();
    if let Some(name) = plugs.handlers.keys().find(|name| !domains.contains_key(*name)) {
        return Err(wrong(name, "there is no such domain: every pool brings its own".to_owned()));
    }
    let mut sources = Vec::new();
    for (name, domain) in domains {
        let described = config.domains.get(&name);
        if described.and_then(|domain| domain.consume) == Some(false) {
            continue;
        }
        let given = plugs.handlers.get(&name).cloned();
        let program = described.and_then(|domain| domain.exec.as_ref());
        let handler = match (given, program) {
            (Some(_), Some(_)) => {
                return Err(wrong(
                    &name,
                    "has a handler in code and an exec: keep one of the two".to_owned(),
                ));
            }
            (Some(handler), None) => handler,
            (None, Some(exec)) => {
                let settings = ProgramSettings {
                    argv: exec.argv.clone(),
                    output: usize::try_from(exec.output).unwrap_or(usize::MAX),
                    directory: exec.directory.clone(),
                    environment: exec.environment.clone(),
                    ..ProgramSettings::default()
                };
                let program =
                    Program::new(settings).map_err(|error| wrong(&name, format!("exec: {error}")))?;
                Arc::new(program)
            }
            (None, None) if described.is_some_and(|domain| domain.consume == Some(true)) => {
                return Err(wrong(
                    &name,
                    "is to be consumed and has no handler: give one in code, or exec".to_owned(),
                ));
            }
            (None, None) => continue,
        };
        let valid = Name::new(&name).map_err(|error| wrong(&name, error.to_string()))?;
        sources.push(Source { name: valid, domain, handler, retry: retry(&config.retry_of(&name)) });
    }
    Ok(sources)
}

fn consumer_settings(config: &Config) -> ConsumerSettings {
    let kanban = &config.kanban;
    ConsumerSettings {
        pull: kanban.pull,
        prefetch: kanban.prefetch,
        slots: kanban.slots,
        share: kanban.share,
        settle_timeout: kanban.settle_timeout,
        stall_after: kanban.stall_after,
        expired: kanban.expired,
        breaker: BreakerSettings { failures: kanban.breaker.failures, open: kanban.breaker.open },
        sample_every: kanban.sample,
        coordinator: CoordinatorSettings {
            window: kanban.window as usize,
            items_per_worker: kanban.items_per_worker,
            target_min: kanban.target_min,
            target_max: kanban.target_max,
        },
    }
}

fn retry(config: &RetryConfig) -> RetrySettings {
    let RetryConfig { max_attempts, max_deliveries, base, cap, timeout } = *config;
    RetrySettings { max_attempts, max_deliveries, base, cap, timeout }
}

fn start_scheduler(
    core: &Core,
    config: &Config,
    broker: &Arc<dyn Broker>,
    publisher: &Publisher,
    events: &Events,
) -> Result<Scheduler, StartError> {
    let schedules: Result<Vec<Schedule>, StartError> =
        config.schedules.iter().map(|(name, config)| schedule(name, config)).collect();
    let schedules = schedules?;
    let max_payload = usize::try_from(config.kanban.payload).unwrap_or(usize::MAX);
    for schedule in &schedules {
        let wrong = |error| StartError::Schedule { name: schedule.name.as_str().to_owned(), error };
        Scheduler::check(schedule, max_payload, &core.clock).map_err(wrong)?;
    }
    let within = config.kanban.publish_timeout;
    let (broker, publisher) = (broker.clone(), publisher.clone());
    let outlet = Arc::new(BrokerOutlet { broker, publisher, events: events.clone(), within });
    let settings = SchedulerSettings { slow_above: 100, max_payload };
    Scheduler::start(schedules, settings, outlet, core.clock.clone(), events.clone())
        .map_err(|error| StartError::Schedule { name: "all".to_owned(), error })
}

fn schedule(name: &str, config: &ScheduleConfig) -> Result<Schedule, StartError> {
    let when = match (&config.cron, config.every) {
        (Some(expression), _) => When::cron_in(expression, &config.zone),
        (None, every) => When::Every(every.unwrap_or_default()),
    };
    let wrong = |error| StartError::Schedule {
        name: name.to_owned(),
        error: ScheduleError::Item(ItemError::Name(error)),
    };
    Ok(Schedule {
        priority: config.priority,
        key: config.key.clone(),
        payload: Bytes::from(config.payload.clone()),
        deadline: config.deadline,
        misfire: config.misfire,
        overlap: config.overlap,
        canary: config.canary,
        batch: config.batch,
        enabled: config.enabled,
        ..Schedule::new(name, &config.domain, when).map_err(wrong)?
    })
}

/// What the scheduler needs, over publisher and broker.
struct BrokerOutlet {
    broker: Arc<dyn Broker>,
    publisher: Publisher,
    events: Events,
    within: Duration,
}

impl Outlet for BrokerOutlet {
    fn publish(&self, items: Vec<Item>) -> Vec<Result<Stored, PublishError>> {
        let begins = self.publisher.traces();
        let traced = |mut item: Item| {
            if begins {
                begin_trace(&mut item);
            }
            Arc::new(item)
        };
        let items: Vec<Arc<Item>> = items.into_iter().map(traced).collect();
        self.publisher.publish_items(&items)
    }

    fn depth(&self, lane: &Lane) -> Option<Depth> {
        self.broker.depth(lane, self.within).ok()
    }

    fn put_note(&self, name: &str, note: Option<&[u8]>) -> Result<(), BrokerError> {
        self.broker.put_note(name, note, self.within)
    }

    fn notes(&self) -> Result<Vec<(String, Bytes)>, BrokerError> {
        match self.broker.notes(self.within) {
            // The other broker works, and schedules are not to wait for the one that keeps the notes. What was added to run beside the
            // configuration is there again at the next start.
            Err(error @ (BrokerError::Unavailable(_) | BrokerError::TimedOut(_)))
                if self.broker.failover().is_some() =>
            {
                let decision = "schedules begin without what is remembered of them".to_owned();
                (self.events)(Event { domain: None, rule: "schedule", decision, inputs: error.to_string() });
                Ok(Vec::new())
            }
            answer => answer,
        }
    }
}

/// Events go into the journal.
fn journal(core: &Arc<Core>) -> Events {
    let core: Weak<Core> = Arc::downgrade(core);
    Arc::new(move |event: Event| {
        let Some(core) = core.upgrade() else { return };
        let Event { domain, rule, decision, inputs } = event;
        let decision = match domain {
            Some(domain) => format!("{domain}: {decision}"),
            None => decision,
        };
        let draft = Draft {
            author: Author::Kanban,
            pool: None,
            rule: rule.to_owned(),
            decision,
            inputs,
            record: None,
        };
        core.control.journal.write(core.clock.now(), draft);
    })
}

impl Core {
    /// How many workers the depth of the queues asks for, by pool: a domain's wish is shared by the pools of its group.
    pub(super) fn queue_wishes(&self) -> BTreeMap<String, u32> {
        let mut wishes = BTreeMap::new();
        let Some(kanban) = self.kanban.get() else { return wishes };
        let Some(consumer) = kanban.status().consumer else { return wishes };
        let domains = self.registry.lock().domains.clone();
        for queue in consumer.queues {
            // A canary that has not succeeded holds its pool.
            if queue.target_workers == 0 || kanban.scheduler().canary_holds(&queue.domain) {
                continue;
            }
            let Some(domain) = domains.get(&queue.domain) else { continue };
            let pools = domain.pools();
            let each = queue.target_workers.div_ceil(u32::try_from(pools.len()).unwrap_or(1).max(1));
            for pool in pools {
                let wish = wishes.entry(pool).or_insert(0);
                *wish = each.max(*wish);
            }
        }
        wishes
    }
}
