//! A configuration that says everything, and what it says.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{
    AdmissionConfig, Affinity, BalanceConfig, BreakerConfig, BrokerConfig, BrokerKind, BurstConfig, Config,
    ControlConfig, DomainConfig, ExecConfig, GroupConfig, HealthConfig, HttpConfig, KanbanConfig, Kind,
    Listen, OnSignal, PoolConfig, RetryConfig, RetryOverrides, ScalingConfig, ScheduleConfig, Secret,
    SeenConfig, ServiceConfig, SyncConfig, TracingConfig,
};
use super::elsewhere::{amqp, failover, nats};
use super::read;
use crate::kanban::{Expired, Misfire, Overlap};
use crate::priority::Priority;
use crate::thread::Idle;

pub(super) const EVERYTHING: &str = r#"
[admission]
soft = 900
hard = 1100
reserve = "25%"
[admission.sub_limits]
pulled = 480

[domains.payment]
priority = true
group = "cards"
sub_limit = "pulled"
consume = false
[domains.payment.exec]
argv = ["/bin/pay", "--one"]
output = "1MB"
directory = "/var/tmp"
environment = { LANG = "C", "TZ" = "" }
[domains.payment.retry]
max_attempts = 1
max_deliveries = 2
base = "2s"
cap = "3s"
timeout = "4s"

[pools.payment-a]
domain = "payment"
min_workers = 3
max_workers = 8
weight = 2
lane = 512
kind = "blocking"
idle = "backoff"
spin = "1ms 500us"
pin = false
queue_delay = "2ms"
stall_after = "1min"

[pools.payment-b]
idle = "park"

[groups.cards]
pools = ["payment-a", "payment-b"]
affinity = "strict"

[control]
tick = "100ms"
journal = 500

[scaling]
auto = false
up = "90%"
target = 0.75
down = 0.25
calm = "2min"
cores = 1024

[health]
enabled = false
every = "10s"
degraded = 0.2
critical = 1
replacements = 0

[balance]
enabled = false
below = "50%"
cooldown = "1s"

[burst]
enabled = false
threshold = 4
floor = 50
workers = 7
lease = "1min"
renewals = 0
return_every = "1s"
cooldown = "0s"
cost = 1.5

[broker]
kind = "file"
path = "/var/lib/heijunka.redb"
sync = "disk"
max_items = 7
max_bytes = "1GB"
max_dead_letters = 8
lease = "1min"
[broker.nats]
urls = ["nats://a:1", "tls://b"]
user = "u"
password = "env:P"
token = "t"
nkey = "file:/n"
credentials = "/c"
replicas = 3
stream = "S"
dead_letter_stream = "D"
notes_stream = "N"
counts_stream = "C"
lease = "2s"
connect_timeout = "3s"
window = 4
create = false
inbox = "_I.x"
[broker.nats.tls]
required = true
ca = "/ca"
cert = "/cert"
key = "/key"
[broker.amqp]
host = "h"
port = 6
vhost = "v"
user = "w"
password = "p"
prefix = "x"
queues = "classic"
create = false
lease = "7s"
connect_timeout = "8s"
heartbeat = "9s"
max_frame = "1MiB"
window = 10
[broker.amqp.tls]
ca = "/ca2"
server_name = "s"
cert = "/cert2"
key = "/key2"
[broker.failover]
primary = "amqp"
fallback = "file"
failures = 1
bad_probes = 4
probe_every = "1s"
probe_within = "3s"
hold = "5s"
hold_most = "6s"
again_within = "7s"
good_probes = 9
patience = "2s"

[kanban]
pull = 1
prefetch = 0
slots = 3
share = "25%"
payload = "64 KiB"
publish_timeout = "1s"
settle_timeout = "2s"
stall_after = "3min"
sample = "1s"
window = 5
items_per_worker = 6
target_min = 1
target_max = 9
expired = "drop"
[kanban.retry]
max_attempts = 10
max_deliveries = 11
base = "12ms"
cap = "13ms"
timeout = "14s"
[kanban.breaker]
failures = 15
open = "16s"
[kanban.seen]
capacity = 17
ttl = "18s"

[schedules.nightly]
cron = "0 3 * * *"
zone = "UTC"
domain = "payment"
priority = "low"
payload = "all"
key = "k"
deadline = "1h"
misfire = "skip"
overlap = "allow"
canary = true
batch = 100
enabled = false
[schedules.often]
every = "1s"
domain = "elsewhere"

[tracing]
spans = true

[service]
socket = "/run/h.sock"
state = "/var/h.json"
on_signal = "drain"
grace = "1min"
[service.http]
listen = "[::]:80"
token = "env:TOKEN"
hosts = ["h.local"]
"#;

fn service() -> ServiceConfig {
    ServiceConfig {
        socket: Some("/run/h.sock".into()),
        http: HttpConfig {
            listen: Some(Listen::At("[::]:80".parse().unwrap())),
            token: Some(Secret::new("env:TOKEN")),
            hosts: vec!["h.local".to_owned()],
        },
        state: Some("/var/h.json".into()),
        on_signal: OnSignal::Drain,
        grace: Duration::from_secs(60),
    }
}

fn kanban() -> KanbanConfig {
    KanbanConfig {
        pull: 1,
        prefetch: 0,
        slots: 3,
        share: 0.25,
        payload: 64 << 10,
        publish_timeout: Duration::from_secs(1),
        settle_timeout: Duration::from_secs(2),
        stall_after: Duration::from_secs(180),
        sample: Duration::from_secs(1),
        window: 5,
        items_per_worker: 6,
        target_min: 1,
        target_max: 9,
        expired: Expired::Drop,
        retry: RetryConfig {
            max_attempts: 10,
            max_deliveries: 11,
            base: Duration::from_millis(12),
            cap: Duration::from_millis(13),
            timeout: Duration::from_secs(14),
        },
        breaker: BreakerConfig { failures: 15, open: Duration::from_secs(16) },
        seen: SeenConfig { capacity: 17, ttl: Duration::from_secs(18) },
    }
}

fn schedules() -> BTreeMap<String, ScheduleConfig> {
    let nightly = ScheduleConfig {
        cron: Some("0 3 * * *".into()),
        every: None,
        zone: "UTC".into(),
        domain: "payment".into(),
        priority: Priority::Low,
        payload: "all".into(),
        key: Some("k".into()),
        deadline: Some(Duration::from_secs(3600)),
        misfire: Misfire::Skip,
        overlap: Overlap::Allow,
        canary: true,
        batch: 100,
        enabled: false,
    };
    let often = ScheduleConfig {
        every: Some(Duration::from_secs(1)),
        domain: "elsewhere".into(),
        ..ScheduleConfig::default()
    };
    BTreeMap::from([("nightly".into(), nightly), ("often".into(), often)])
}

#[test]
fn every_key_is_read() {
    let payment = PoolConfig {
        domain: Some("payment".into()),
        min_workers: 3,
        max_workers: 8,
        weight: 2,
        lane: 512,
        kind: Kind::Blocking,
        idle: Idle::Backoff { spin: Duration::from_micros(1500) },
        pin: false,
        queue_delay: Duration::from_millis(2),
        stall_after: Duration::from_secs(60),
    };
    let expected = Config {
        admission: AdmissionConfig {
            soft: 900,
            hard: 1100,
            reserve: 0.25,
            sub_limits: BTreeMap::from([("pulled".into(), 480)]),
        },
        domains: BTreeMap::from([(
            "payment".into(),
            DomainConfig {
                priority: true,
                group: Some("cards".into()),
                sub_limit: Some("pulled".into()),
                consume: Some(false),
                exec: Some(ExecConfig {
                    argv: vec!["/bin/pay".into(), "--one".into()],
                    output: 1_000_000,
                    directory: Some("/var/tmp".into()),
                    environment: BTreeMap::from([("LANG".into(), "C".into()), ("TZ".into(), String::new())]),
                }),
                retry: RetryOverrides {
                    max_attempts: Some(1),
                    max_deliveries: Some(2),
                    base: Some(Duration::from_secs(2)),
                    cap: Some(Duration::from_secs(3)),
                    timeout: Some(Duration::from_secs(4)),
                },
            },
        )]),
        pools: BTreeMap::from([
            ("payment-a".into(), payment),
            ("payment-b".into(), PoolConfig { idle: Idle::Park, ..PoolConfig::default() }),
        ]),
        groups: BTreeMap::from([(
            "cards".into(),
            GroupConfig { pools: vec!["payment-a".into(), "payment-b".into()], affinity: Affinity::Strict },
        )]),
        control: ControlConfig { tick: Duration::from_millis(100), journal: 500 },
        scaling: ScalingConfig {
            auto: false,
            up: 0.9,
            target: 0.75,
            down: 0.25,
            calm: Duration::from_secs(120),
            cores: Some(1024),
        },
        health: HealthConfig {
            enabled: false,
            every: Duration::from_secs(10),
            degraded: 0.2,
            critical: 1.0,
            replacements: 0,
        },
        balance: BalanceConfig { enabled: false, below: 0.5, cooldown: Duration::from_secs(1) },
        burst: BurstConfig {
            enabled: false,
            threshold: 4.0,
            floor: 50,
            workers: Some(7),
            lease: Duration::from_secs(60),
            renewals: 0,
            return_every: Duration::from_secs(1),
            cooldown: Duration::ZERO,
            cost: 1.5,
        },
        broker: Some(BrokerConfig {
            kind: BrokerKind::File,
            path: "/var/lib/heijunka.redb".into(),
            sync: SyncConfig::Disk,
            max_items: 7,
            max_bytes: 1_000_000_000,
            max_dead_letters: 8,
            lease: Duration::from_secs(60),
            nats: nats(),
            amqp: amqp(),
            failover: failover(),
        }),
        kanban: kanban(),
        schedules: schedules(),
        tracing: TracingConfig { spans: true },
        service: service(),
    };
    assert_eq!(read(EVERYTHING).unwrap(), expected);
    assert_eq!(toml::from_str::<Config>(EVERYTHING).unwrap(), expected, "through any serde format");
}
