//! Good configurations: read as what they say, defaults included.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::super::{
    AdmissionConfig, Affinity, BalanceConfig, BrokerConfig, BurstConfig, Config, ControlConfig, DomainConfig,
    ExecConfig, HealthConfig, KanbanConfig, PoolConfig, ScalingConfig, ScheduleConfig, ServiceConfig,
    Warning,
};
use super::everything::EVERYTHING;
use super::read;
use crate::thread::Idle;

#[test]
fn every_key_has_its_default() {
    let config = read("[pools.payment]").unwrap();
    let pools = BTreeMap::from([("payment".into(), PoolConfig::default())]);
    assert_eq!(config, Config { pools, ..Config::default() });
    let tables = "[admission]\n[domains.payment]\n[pools.payment]\n[groups.g]\npools = ['payment']\n\
                  [control]\n[scaling]\n[health]\n[balance]\n[burst]\n[broker]\n[kanban]\n[kanban.retry]\n\
                  [kanban.breaker]\n[kanban.seen]\n[schedules]\n[service]\n[domains.payment.retry]";
    let config = read(tables).unwrap();
    assert_eq!(config.admission, AdmissionConfig::default());
    assert_eq!(config.domains["payment"], DomainConfig::default());
    assert_eq!(config.groups["g"].affinity, Affinity::Soft);
    assert_eq!(config.control, ControlConfig::default());
    assert_eq!(config.scaling, ScalingConfig::default());
    assert_eq!(config.health, HealthConfig::default());
    assert_eq!(config.balance, BalanceConfig::default());
    assert_eq!(config.burst, BurstConfig::default());
    assert_eq!(config.broker, Some(BrokerConfig::default()));
    assert_eq!(config.kanban, KanbanConfig::default());
    assert_eq!(config.service, ServiceConfig::default());
    let schedule = &read("[pools.a]\n[schedules.s]\nevery = '1s'\ndomain = 'a'").unwrap().schedules["s"];
    let every = Some(Duration::from_secs(1));
    assert_eq!(*schedule, ScheduleConfig { every, domain: "a".into(), ..ScheduleConfig::default() });
    let exec = read("[pools.a]\n[domains.a.exec]\nargv = ['x']").unwrap().domains["a"].exec.clone();
    assert_eq!(exec, Some(ExecConfig { argv: vec!["x".into()], ..ExecConfig::default() }));
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
