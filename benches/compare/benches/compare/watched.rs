//! The control plane under full load from outside: what that does to the jobs beside it, against a process that uses as much of the processor.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use heijunka::ops::{HttpSettings, Ops, OpsSettings, Token};
use heijunka::{BrokerConfig, Config, Context, Domain, Outcome, PoolConfig, Runtime, Work};
use heijunka_compare::burner::Burner;
use heijunka_compare::latency::{Arrival, Latency, Pace};
use heijunka_compare::processor::time_used_by_all;
use heijunka_compare::report::Goal;
use heijunka_compare::suite::Suite;
use heijunka_compare::{clock, cores};

const TOKEN: &str = "only-of-this-bench-and-nobody-else";

/// A runtime with work in its pools, served over TCP.
struct Served {
    domain: Domain,
    address: SocketAddr,
    _ops: Ops,
    _runtime: Arc<Runtime>,
}

impl Served {
    /// Not pinned, as a service's other threads are not.
    fn start() -> Self {
        cores::unpinned(|| {
            let mut config = Config { broker: Some(BrokerConfig::default()), ..Config::default() };
            for pool in ["work", "mail"] {
                let pools =
                    PoolConfig { min_workers: 1, max_workers: 1, pin: false, ..PoolConfig::default() };
                config.pools.insert(pool.to_owned(), pools);
            }
            let builder = Runtime::builder().config(config).handler("mail", |_: &Work<'_>| Outcome::Done);
            let runtime = Arc::new(builder.start().expect("the configuration is valid"));
            let domain = runtime.domain("work").expect("every pool has a domain");
            let token = Some(Token::new(TOKEN).expect("it is long enough"));
            let listen = SocketAddr::from(([127, 0, 0, 1], 0));
            let http = Some(HttpSettings { listen, token, ..HttpSettings::default() });
            let claim = Ops::claim(OpsSettings { http, ..OpsSettings::nowhere() }).expect("a port is free");
            let address = claim.http().expect("it listens");
            let ops = claim
                .serve(heijunka::ops::routes(&runtime, None, |_, _| ()))
                .expect("threads can be started");
            Self { domain, address, _ops: ops, _runtime: runtime }
        })
    }

    fn latency(&self, pace: Pace) -> Latency {
        pace.run_asleep(|arrival: Arrival| {
            let started = self.domain.execute("key", move |_: &Context<'_>| arrival.started());
            assert!(started.is_ok(), "there is room for one at a time");
        })
    }

    /// A client at full speed. `None`: it is not installed.
    fn wrk(&self, target: Target) -> Option<Child> {
        let mut command = Command::new("wrk");
        command.args(["-t1", "-c4", "-d60s", "-H", &format!("Authorization: Bearer {TOKEN}")]);
        if let Some(script) = target.script {
            let path = std::env::temp_dir().join(format!("heijunka-wrk-{}.lua", std::process::id()));
            std::fs::write(&path, script).ok()?;
            command.arg("-s").arg(path);
        }
        command.arg(format!("http://{}{}", self.address, target.path));
        let child = cores::unpinned(move || command.stdout(Stdio::null()).stderr(Stdio::null()).spawn());
        child.ok()
    }
}

/// What is asked for again and again.
#[derive(Clone, Copy)]
struct Target {
    path: &'static str,
    script: Option<&'static str>,
}

const METRICS: Target = Target { path: "/metrics", script: None };
const PUBLISH: Target =
    Target { path: "/publish/normal/mail", script: Some("wrk.method = \"POST\"\nwrk.body = \"hello\"\n") };

fn ended(mut client: Child) {
    let _ = client.kill();
    let _ = client.wait();
}

/// How many cores are busy for as long as this runs.
fn busy(measure: impl FnOnce()) -> Option<f64> {
    let (before, start) = (time_used_by_all()?, clock::raw());
    measure();
    let used = time_used_by_all()?.saturating_sub(before);
    Some(used.as_secs_f64() / Duration::from_nanos(clock::nanos_between(start, clock::raw())).as_secs_f64())
}

fn row(suite: &mut Suite, name: &str, target: Target) {
    if !suite.wants(name) {
        return;
    }
    let served = Served::start();
    let pace = Pace::new(Duration::from_micros(200), suite.plan.scaled(5_000));
    let mut alone = None;
    let quiet = busy(|| alone = Some(served.latency(pace)));
    let Some(client) = served.wrk(target) else {
        println!("{name} takes wrk, which is not installed: ci/tools does that");
        return;
    };
    let loaded = busy(|| _ = served.latency(pace));
    ended(client);
    let (Some(quiet), Some(loaded), Some(alone)) = (quiet, loaded, alone) else {
        println!("{name} cannot be measured on this system");
        return;
    };
    let more = (loaded - quiet).max(0.0);
    println!("{name}: {more:.2} cores more are busy; alone p50={:.0} p99={:.0}", alone.p50, alone.p99);
    let ours = || {
        let client = served.wrk(target).expect("it was there before");
        let latency = served.latency(pace);
        ended(client);
        latency
    };
    let other = || {
        let _burner = cores::unpinned(move || Burner::start(more)).expect("a process can be started");
        served.latency(pace)
    };
    suite.latency(name, Goal::AtMost(1.1), ours, other);
}

pub(crate) fn measure(suite: &mut Suite) {
    row(suite, "watched/metrics/burner", METRICS);
    row(suite, "watched/publish/burner", PUBLISH);
}
