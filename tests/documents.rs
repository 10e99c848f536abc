//! What the documents say is true: the sample configuration, the quick start, the links.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use heijunka::{
    AdmissionConfig, AmqpConfig, BalanceConfig, BrokerConfig, BurstConfig, Config, ControlConfig,
    DomainConfig, ExecConfig, GroupConfig, HealthConfig, KanbanConfig, NatsConfig, NatsTlsConfig, PoolConfig,
    RetryConfig, ScalingConfig, ScheduleConfig, ServiceConfig, TracingConfig,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sample() -> Config {
    Config::load(root().join("docs/heijunka.toml")).unwrap()
}

#[test]
fn the_sample_configuration_shows_the_defaults() {
    let sample = sample();
    let admission = AdmissionConfig { sub_limits: sample.admission.sub_limits.clone(), ..Default::default() };
    assert_eq!(sample.admission, admission);
    let pool = PoolConfig { domain: Some("payment".to_owned()), ..Default::default() };
    assert_eq!(sample.pools["payment"], pool);
    // These have no default of their own to show; the rest of their tables has.
    let DomainConfig { group, sub_limit, consume, exec, retry, .. } = sample.domains["payment"].clone();
    let domain = DomainConfig { group, sub_limit, consume, exec, retry, ..Default::default() };
    assert_eq!(sample.domains["payment"], domain);
    let exec = domain.exec.unwrap();
    assert_eq!(exec.output, ExecConfig::default().output);
    assert_eq!(sample.retry_of("payment"), RetryConfig::default());
    assert_eq!(sample.groups["money"].affinity, GroupConfig::default().affinity);
    assert_eq!(sample.control, ControlConfig::default());
    // The defaults of these two, too, depend on where it runs.
    let ScalingConfig { cores, .. } = sample.scaling;
    assert_eq!(sample.scaling, ScalingConfig { cores, ..Default::default() });
    let BurstConfig { workers, .. } = sample.burst;
    assert_eq!(sample.burst, BurstConfig { workers, ..Default::default() });
    assert_eq!(sample.health, HealthConfig::default());
    assert_eq!(sample.balance, BalanceConfig::default());
    assert_eq!(sample.tracing, TracingConfig::default());
    let mut broker = sample.broker.unwrap();
    // What says who we are, and files: there are none by default.
    let (nats, amqp) = (NatsConfig::default(), AmqpConfig::default());
    broker.nats = NatsConfig {
        user: nats.user,
        password: nats.password,
        token: nats.token,
        nkey: nats.nkey,
        credentials: nats.credentials,
        tls: NatsTlsConfig { required: broker.nats.tls.required, ..nats.tls },
        ..broker.nats
    };
    broker.amqp.tls = amqp.tls;
    assert_eq!(broker, BrokerConfig::default());
    assert_eq!(sample.kanban, KanbanConfig::default());
    let ScheduleConfig { cron, domain, key, deadline, .. } = sample.schedules["nightly"].clone();
    let nightly = ScheduleConfig { cron, domain, key, deadline, ..Default::default() };
    assert_eq!(sample.schedules["nightly"], nightly);
    let ServiceConfig { socket, .. } = sample.service.clone();
    assert_eq!(sample.service, ServiceConfig { socket, ..Default::default() });
}

#[test]
fn the_sample_configuration_has_every_key() {
    // The names of all fields, as `Debug` spells them.
    let mut sample = sample();
    // Of two keys that exclude each other, the second schedule shows the other one, and nothing else.
    let refresh = sample.schedules.remove("refresh").unwrap();
    assert!(refresh.every.is_some());
    let debug = format!("{sample:?}");
    let fields = debug.match_indices(": ").filter_map(|(at, _)| {
        let name = debug[..at].rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
        (!name.is_empty()).then_some(name)
    });
    // Several tables have keys of the same name: each counts.
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    fields.for_each(|field| *counts.entry(field).or_default() += 1);
    assert!(counts.contains_key("min_workers") && counts.contains_key("spin"), "{counts:?}");
    assert_eq!(counts["enabled"], 4, "{counts:?}");
    assert_eq!(counts["max_attempts"], 2, "{counts:?}");
    let toml = text("docs/heijunka.toml");
    for (field, count) in counts {
        let is_key = |line: &&str| line.strip_prefix(field).is_some_and(|rest| rest.starts_with(" = "));
        let is_table = |line: &&str| {
            line.starts_with('[') && line.trim_matches(['[', ']']).split('.').any(|part| part == field)
        };
        let written = toml.lines().filter(is_key).count() + toml.lines().filter(is_table).count();
        assert!(
            written >= count,
            "{field} is in docs/heijunka.toml {written} times, and should be {count} times"
        );
    }
}

#[test]
fn the_sample_service_is_one() {
    let service = Config::load(root().join("docs/service.toml")).unwrap();
    assert!(service.domains["mail"].is_consumed());
}

#[test]
fn the_quick_start_is_the_example() {
    let example = text("examples/quickstart.rs");
    let code = example.split_once("\n\n").expect("the example begins with a comment").1;
    assert!(
        text("README.md").contains(&format!("```rust\n{code}```\n")),
        "copy examples/quickstart.rs into README.md"
    );
}

#[test]
fn what_is_shown_of_a_configuration_is_one() {
    let mut shown = 0;
    for document in ["README.md", "docs/levelling.md", "docs/kanban.md"] {
        let text = text(document);
        for (at, fence) in text.match_indices("```toml\n") {
            let block = text[at + fence.len()..].split("```").next().unwrap();
            // Those that show a dependency, or no pool: the rest of theirs is in another file.
            if block.contains("[dependencies]") {
                continue;
            }
            let toml =
                if block.contains("[pools.") { block.to_owned() } else { format!("{block}\n[pools.a]\n") };
            let read = heijunka::Loader::new().parse(document, &toml);
            assert!(read.is_ok(), "{}\n{block}", read.unwrap_err());
            shown += 1;
        }
    }
    assert!(shown >= 4, "{shown} were found");
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let components =
        ["admission", "balance", "burst", "pool", "routing", "runtime/control", "kanban/consumer"];
    let mut documents: Vec<PathBuf> = ["", "docs", "loom-tests"]
        .map(PathBuf::from)
        .into_iter()
        .chain(components.map(|component| Path::new("src").join(component)))
        .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.sort();
    assert!(documents.len() >= 11, "{documents:?}");
    for document in documents {
        let text = text(&document);
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") || path.contains("::") {
                continue;
            }
            let folder = document.parent().unwrap();
            assert!(folder.join(path).exists(), "{}: there is no {target}", document.display());
        }
    }
}
