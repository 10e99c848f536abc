//! Good configurations: read as what they say, defaults included.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::super::{
    AdmissionConfig, Affinity, BalanceConfig, BurstConfig, Config, ControlConfig, DomainConfig, GroupConfig,
    HealthConfig, Kind, PoolConfig, ScalingConfig, Warning,
};
use super::read;
use crate::thread::Idle;

const EVERYTHING: &str = r#"
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
"#;

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
                ..DomainConfig::default()
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
        ..Config::default()
    };
    assert_eq!(read(EVERYTHING).unwrap(), expected);
    assert_eq!(toml::from_str::<Config>(EVERYTHING).unwrap(), expected, "through any serde format");
}

#[test]
fn every_key_has_its_default() {
    let config = read("[pools.payment]").unwrap();
    let pools = BTreeMap::from([("payment".into(), PoolConfig::default())]);
    assert_eq!(config, Config { pools, ..Config::default() });
    let tables = "[admission]\n[domains.payment]\n[pools.payment]\n[groups.g]\npools = ['payment']\n\
                  [control]\n[scaling]\n[health]\n[balance]\n[burst]";
    let config = read(tables).unwrap();
    assert_eq!(config.admission, AdmissionConfig::default());
    assert_eq!(config.domains["payment"], DomainConfig::default());
    assert_eq!(config.groups["g"].affinity, Affinity::Soft);
    assert_eq!(config.control, ControlConfig::default());
    assert_eq!(config.scaling, ScalingConfig::default());
    assert_eq!(config.health, HealthConfig::default());
    assert_eq!(config.balance, BalanceConfig::default());
    assert_eq!(config.burst, BurstConfig::default());
}

#[test]
fn shares_and_idling_are_written_as_people_write_them() {
    for (reserve, share) in [("0", 0.0), ("0.2", 0.2), ("'20%'", 0.2), ("'7.5 %'", 0.075), ("'0%'", 0.0)] {
        let config = read(&format!("[admission]\nreserve = {reserve}\n[pools.a]")).unwrap();
        assert!((config.admission.reserve - share).abs() < 1e-12, "{reserve}");
    }
    for (keys, idle) in [
        ("idle = 'spin'", Idle::Spin),
        ("idle = 'park'", Idle::Park),
        ("idle = 'backoff'", Idle::default()),
        ("spin = '1us'", Idle::Backoff { spin: Duration::from_micros(1) }),
        ("spin = '1s'", Idle::Backoff { spin: Duration::from_secs(1) }),
        ("spin = '20µs'", Idle::Backoff { spin: Duration::from_micros(20) }),
    ] {
        assert_eq!(read(&format!("[pools.a]\n{keys}")).unwrap().pools["a"].idle, idle, "{keys}");
    }
}

#[test]
fn bounds_are_part_of_what_is_allowed() {
    let at_most = "admission = { soft = 2097151, hard = 2097151, sub_limits.all = 2097151 }
                   pools.a = { min_workers = 50, max_workers = 50, weight = 100, lane = 65536 }";
    let at_least = "admission = { soft = 1, hard = 1, reserve = 0, sub_limits.one = 1 }
                    pools.a = { min_workers = 1, max_workers = 1, weight = 1, lane = 1 }";
    for text in [at_most, at_least] {
        assert!(read(text).is_ok(), "{:?}", read(text));
    }
    let longest = format!("[pools.{}]", "x".repeat(64));
    assert!(read(&longest).is_ok());
    let many = (0..255).map(|n| format!("[pools.p{n}]\n")).collect::<Vec<_>>().concat();
    assert_eq!(read(&many).unwrap().pools.len(), 255);
}

#[test]
fn a_pool_declares_the_domain_it_names() {
    let config =
        read("[pools.payment-a]\ndomain = 'payment'\n[pools.report]\n[domains.report]\npriority = true")
            .unwrap();
    let domains = config.all_domains();
    assert_eq!(domains.keys().copied().collect::<Vec<_>>(), ["payment", "report"]);
    assert_eq!(domains["payment"], DomainConfig::default());
    assert!(domains["report"].priority, "a table outranks the default");
}

#[test]
fn a_domain_is_served_by_its_pools_or_by_the_group_of_its_name() {
    assert!(read("[domains.payment]\n[pools.a]\ndomain = 'payment'").is_ok());
    assert!(read("[domains.payment]\n[pools.a]\n[groups.payment]\npools = ['a']").is_ok());
    assert!(read("[domains.payment]\ngroup = 'g'\n[pools.a]\n[groups.g]\npools = ['a']").is_ok());
    assert!(read("[domains.payment]\n[pools.a]\n[groups.g]\npools = ['a']").is_err());
}

#[test]
fn minima_above_the_cores_are_allowed_with_a_warning() {
    let config = read("[pools.a]\nmin_workers = 5\n[pools.b]\nmin_workers = 4").unwrap();
    assert_eq!(config.check_for(9).unwrap(), []);
    let warnings = config.check_for(8).unwrap();
    assert_eq!(warnings, [Warning::MoreWorkersThanCores { workers: 9, cores: 8 }]);
    assert_eq!(
        warnings[0].to_string(),
        "pools start with 9 workers (the sum of min_workers) and share 8 cores; \
         lower min_workers or allow more cores"
    );
}

/// A folder of its own for each test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("heijunka-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.join("heijunka.toml");
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left behind in the system's own for temporary files does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_read() {
    let folder = Folder::new("good");
    assert_eq!(Config::load(folder.file(EVERYTHING.as_bytes())).unwrap(), read(EVERYTHING).unwrap());
}

#[test]
fn files_that_cannot_be_read() {
    let folder = Folder::new("bad");
    let refused = |path: &PathBuf| {
        let line = Config::load(path).unwrap_err().to_string();
        line.strip_prefix(&path.display().to_string()).expect("the path first").to_owned()
    };
    let missing = folder.0.join("none.toml");
    assert_eq!(refused(&missing), ": there is no such file; create it, or give another path");
    #[cfg(unix)]
    assert_eq!(refused(&folder.0), ": this is a directory; give the path of a file");
    let latin = folder.file(b"# \xc3\xa9\n# caf\xe9");
    assert_eq!(refused(&latin), ":2:6: byte 0xe9 is not UTF-8; save the file as UTF-8");
    let nul = folder.file(b"[pools.a]\0");
    assert_eq!(refused(&nul), ":1:10: there is a NUL byte; remove it");
    let large = folder.file(&vec![b'#'; (1 << 20) + 1]);
    assert_eq!(refused(&large), ": the file is larger than 1 MiB; give the path of a configuration");
    let wrong = folder.file(b"[pools.a]\nweight = 0");
    assert_eq!(
        refused(&wrong),
        ":2:10: pools.a.weight is 0, below 1; set it to a whole number from 1 to 100"
    );
}
