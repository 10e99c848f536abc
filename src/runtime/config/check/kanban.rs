//! The law for the pull queue, and for the process that runs it.

use std::path::Path as File;

use crate::runtime::config::fault::Fault;
use crate::runtime::config::path::{Path, quoted};
use crate::runtime::config::setting::Setting;
use crate::runtime::config::{
    BrokerConfig, BrokerKind, Config, DomainConfig, ExecConfig, KanbanConfig, RetryConfig, RetryOverrides,
    Secret, ServiceConfig,
};

/// The longest path of a Unix socket that every system takes.
const LONGEST_SOCKET: usize = 103;

pub(super) fn kanban(config: &Config) -> Result<(), Fault> {
    config.broker.as_ref().map_or(Ok(()), super::broker::broker)?;
    queue(&config.kanban)?;
    payload(config)?;
    for (name, domain) in &config.domains {
        self::domain(&Path::new(["domains", name]), domain, &config.kanban.retry)?;
    }
    service(&config.service)
}

fn queue(kanban: &KanbanConfig) -> Result<(), Fault> {
    let table = Path::new(["kanban"]);
    let default = KanbanConfig::default();
    Setting::new(&table, "pull", kanban.pull).in_bounds()?;
    Setting::new(&table, "prefetch", kanban.prefetch).in_bounds()?;
    Setting::new(&table, "slots", kanban.slots).in_bounds()?;
    Setting::new(&table, "share", kanban.share).is_proportion()?;
    Setting::new(&table, "publish_timeout", kanban.publish_timeout).in_bounds()?;
    Setting::new(&table, "settle_timeout", kanban.settle_timeout).in_bounds()?;
    Setting::new(&table, "stall_after", kanban.stall_after).in_bounds()?;
    Setting::new(&table, "sample", kanban.sample).in_bounds()?;
    Setting::new(&table, "window", kanban.window).in_bounds()?;
    Setting::new(&table, "items_per_worker", kanban.items_per_worker).in_bounds()?;
    let least = Setting::new(&table, "target_min", kanban.target_min).or_default(default.target_min);
    let most = Setting::new(&table, "target_max", kanban.target_max).or_default(default.target_max);
    most.in_bounds()?;
    least.in_bounds()?;
    least.at_most(&most)?;
    let breaker = table.clone().key("breaker");
    Setting::new(&breaker, "failures", kanban.breaker.failures).in_bounds()?;
    Setting::new(&breaker, "open", kanban.breaker.open).in_bounds()?;
    let seen = table.clone().key("seen");
    Setting::new(&seen, "capacity", kanban.seen.capacity).in_bounds()?;
    Setting::new(&seen, "ttl", kanban.seen.ttl).in_bounds()?;
    retry(&table.key("retry"), &RetryOverrides::default(), &kanban.retry)
}

/// What can never be kept need not be published.
fn payload(config: &Config) -> Result<(), Fault> {
    let default = BrokerConfig::default();
    let most = config.broker.as_ref().unwrap_or(&default).max_bytes;
    let most = Setting::new(&Path::new(["broker"]), "max_bytes", most);
    let payload = Setting::new(&Path::new(["kanban"]), "payload", config.kanban.payload)
        .or_default(KanbanConfig::default().payload);
    payload.in_bounds()?;
    let is_embedded = |kind: &BrokerKind| matches!(kind, BrokerKind::Memory | BrokerKind::File);
    let embedded = config.broker.as_ref().is_none_or(|broker| broker.kinds().iter().any(is_embedded));
    if embedded { payload.at_most(&most) } else { Ok(()) }
}

/// The settings of `own`, and where it has none, those of `all`, each under the path where it would be changed.
fn retry(table: &Path, own: &RetryOverrides, all: &RetryConfig) -> Result<(), Fault> {
    let (general, default) = (Path::new(["kanban", "retry"]), RetryConfig::default());
    let attempts = overridden(table, &general, "max_attempts", own.max_attempts, all.max_attempts)
        .or_default(default.max_attempts);
    let deliveries = overridden(table, &general, "max_deliveries", own.max_deliveries, all.max_deliveries);
    deliveries.in_bounds()?;
    attempts.in_bounds()?;
    attempts.at_most(&deliveries)?;
    let base = overridden(table, &general, "base", own.base, all.base).or_default(default.base);
    let cap = overridden(table, &general, "cap", own.cap, all.cap);
    cap.in_bounds()?;
    base.in_bounds()?;
    base.at_most(&cap)?;
    overridden(table, &general, "timeout", own.timeout, all.timeout).in_bounds()
}

fn overridden<T: Copy + PartialOrd>(
    table: &Path,
    general: &Path,
    key: &str,
    own: Option<T>,
    all: T,
) -> Setting<T>
where
    Setting<T>: std::fmt::Display,
{
    match own {
        Some(own) => Setting::new(table, key, own),
        None => Setting::new(general, key, all),
    }
}

fn domain(table: &Path, domain: &DomainConfig, all: &RetryConfig) -> Result<(), Fault> {
    retry(&table.clone().key("retry"), &domain.retry, all)?;
    domain.exec.as_ref().map_or(Ok(()), |exec| self::exec(&table.clone().key("exec"), exec))
}

fn exec(table: &Path, exec: &ExecConfig) -> Result<(), Fault> {
    let argv = table.clone().key("argv");
    match exec.argv.first() {
        None => {
            return Err(Fault::new(argv, "is empty", "name the program, such as [\"/usr/bin/send-mail\"]"));
        }
        Some(program) if program.is_empty() => {
            return Err(Fault::new(argv.index(0), "is empty", "name the program"));
        }
        Some(_) => {}
    }
    for (index, argument) in exec.argv.iter().enumerate() {
        has_no_nul(argv.clone().index(index), argument)?;
    }
    Setting::new(table, "output", exec.output).in_bounds()?;
    exec.directory.as_ref().map_or(Ok(()), |path| is_path(table.clone().key("directory"), path))?;
    for (name, value) in &exec.environment {
        let path = table.clone().key("environment").key(name);
        if name.is_empty() || name.contains(['=', '\0']) {
            let cure = "a name has one character at least, and neither '=' nor NUL";
            return Err(Fault::new(path, "is not a name", cure).about_key());
        }
        has_no_nul(path, value)?;
    }
    Ok(())
}

fn service(service: &ServiceConfig) -> Result<(), Fault> {
    let table = Path::new(["service"]);
    Setting::new(&table, "grace", service.grace).in_bounds()?;
    if let Some(state) = &service.state {
        is_path(table.clone().key("state"), state)?;
    }
    let http = table.clone().key("http");
    if service.http.token.as_ref().is_some_and(Secret::is_empty) {
        let cure = "give a token, env:NAME or file:PATH, or leave it out";
        return Err(Fault::new(http.key("token"), "is empty", cure));
    }
    if let Some(empty) = service.http.hosts.iter().position(String::is_empty) {
        let path = http.key("hosts").index(empty);
        return Err(Fault::new(path, "is empty", "give a name, or leave it out"));
    }
    let Some(socket) = &service.socket else { return Ok(()) };
    let path = table.key("socket");
    match socket.as_os_str().len() {
        0..=LONGEST_SOCKET => is_path(path, socket),
        long => {
            let cure = format!("choose a path of at most {LONGEST_SOCKET}");
            Err(Fault::new(path, format!("has {long} bytes"), cure))
        }
    }
}

pub(super) fn is_path(path: Path, file: &File) -> Result<(), Fault> {
    if file.as_os_str().is_empty() {
        return Err(Fault::new(path, "is empty", "give a path"));
    }
    has_no_nul(path, &file.to_string_lossy())
}

/// The system could not be told of it.
fn has_no_nul(path: Path, text: &str) -> Result<(), Fault> {
    if text.contains('\0') {
        return Err(Fault::new(path, format!("is {}", quoted(text)), "remove the NUL character"));
    }
    Ok(())
}
