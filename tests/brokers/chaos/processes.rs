//! Two and three processes that share the work of one domain, of which one is killed; the others finish.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use heijunka::history::History;
use heijunka_servers::{NatsServer, RabbitServer};

use super::flow::{self, Flow, SLOTS};
use super::place::{self, Server};
use super::plan::Plan;

/// A life that neither ends nor is killed hangs.
const LONGEST: Duration = Duration::from_secs(240);

fn variable(name: &str) -> Option<String> {
    std::env::var(format!("HEIJUNKA_LIFE_{name}")).ok()
}

/// A process that consumes until there is a file that says it is enough.
#[test]
#[ignore = "is started by the other tests"]
fn life() {
    let (Some(history), Some(port)) = (variable("HISTORY"), variable("PORT")) else { return };
    let port: u16 = port.parse().unwrap();
    let watch = thread::Builder::new().name("watch".to_owned()).spawn(|| {
        thread::sleep(LONGEST);
        eprintln!("it hangs");
        std::process::exit(3);
    });
    watch.unwrap();
    let broker = match variable("VHOST") {
        Some(vhost) => place::amqp(port, &vhost),
        None => place::nats(format!("nats://127.0.0.1:{port}")),
    };
    let enough = PathBuf::from(&history).with_extension("enough");
    let told = Arc::new(History::append_to(history).unwrap());
    let runtime = flow::consume(broker.unwrap(), move |work| flow::judge(work, &told));
    // Its parent may be killed as well.
    let parent = std::os::unix::process::parent_id();
    while !enough.exists() && std::os::unix::process::parent_id() == parent {
        thread::sleep(Duration::from_millis(20));
    }
    let report = runtime.drain(Duration::from_secs(60));
    assert!(report.is_clean(), "{report:?}");
}

/// One of them, killed when dropped.
struct Life {
    child: Child,
    history: PathBuf,
}

impl Life {
    fn start(folder: &std::path::Path, number: usize, port: u16, vhost: Option<&str>) -> Self {
        let history = folder.join(format!("{number}.history"));
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "chaos::processes::life", "--ignored", "--nocapture"]);
        command.env("HEIJUNKA_LIFE_HISTORY", &history).env("HEIJUNKA_LIFE_PORT", port.to_string());
        if let Some(vhost) = vhost {
            command.env("HEIJUNKA_LIFE_VHOST", vhost);
        }
        let log = File::create(folder.join(format!("{number}.log"))).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self { child: command.spawn().unwrap(), history }
    }

    fn told(&self) -> History {
        match File::open(&self.history) {
            Ok(file) => History::read(BufReader::new(file)).unwrap(),
            Err(_) => History::new(),
        }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it drain.
    fn end(mut self) -> History {
        File::create(self.history.with_extension("enough")).unwrap();
        let ended = self.child.wait().unwrap();
        let log = fs::read_to_string(self.history.with_extension("log")).unwrap_or_default();
        assert!(ended.success(), "{ended}: {log}");
        self.told()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shared_by(processes: usize, server: &impl Server, vhost: Option<&str>) {
    let name = format!("{} shared by {processes} processes", server.name());
    let plan = Plan::new(&name);
    let folder = std::env::temp_dir().join(format!("heijunka-lives-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut flow = Flow::publish_only(&name, plan, server.connect());
    let mut lives: Vec<Life> =
        (0..processes).map(|number| Life::start(&folder, number, server.port(), vhost)).collect();
    flow.wait_until("every process does some of it", || {
        lives.iter().all(|life| life.told().check().done > 5)
    });
    let mut random = plan.random();
    for next in processes..processes + plan.pick(5, 1) {
        flow.wait_for_more(random.u64(10..plan.items / 10));
        thread::sleep(Duration::from_millis(random.u64(0..200)));
        let mut killed = lives.swap_remove(random.usize(..lives.len()));
        killed.kill();
        flow.shared.history.merge(&killed.told());
        // What it held may have run there, without anybody having been told.
        flow.shared.history.crashed(u64::from(SLOTS));
        if plan.is_long() {
            lives.push(Life::start(&folder, next, server.port(), vhost));
        }
    }
    flow.wait_for_more(10);
    flow.stop_publishing();
    for life in lives {
        flow.shared.history.merge(&life.end());
    }
    let (broker, left) = server.look();
    flow.compare(&broker, left);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn nats_shared_by_two_processes() {
    shared_by(2, &NatsServer::start(), None);
}

#[test]
fn nats_shared_by_three_processes() {
    shared_by(3, &NatsServer::start(), None);
}

#[test]
fn amqp_shared_by_two_processes() {
    let vhost = RabbitServer::shared().vhost();
    shared_by(2, &vhost, Some(vhost.name()));
}

#[test]
fn amqp_shared_by_three_processes() {
    let vhost = RabbitServer::shared().vhost();
    shared_by(3, &vhost, Some(vhost.name()));
}
