//! Several NATS servers that agree.

use std::time::Duration;

use serde_json::Value;

use super::NatsServer;
use crate::port::Port;
use crate::process::wait_for;

/// A JetStream cluster on loopback.
#[derive(Debug)]
pub struct NatsCluster {
    servers: Vec<NatsServer>,
    _routes: Vec<Port>,
}

impl NatsCluster {
    /// Starts so many, mostly three, and returns when they have a leader and know each other: some seconds.
    ///
    /// # Panics
    ///
    /// When `nats-server` is missing, or they do not agree within 30 s.
    #[must_use]
    pub fn start(nodes: usize) -> Self {
        let routes: Vec<Port> = (0..nodes).map(|_| Port::free()).collect();
        let urls: Vec<String> =
            routes.iter().map(|port| format!("\"nats://127.0.0.1:{}\"", port.number())).collect();
        let servers = routes.iter().enumerate().map(|(node, port)| {
            let conf = format!(
                "cluster {{ name: heijunka, listen: \"127.0.0.1:{}\", routes: [{}] }}",
                port.number(),
                urls.join(", ")
            );
            NatsServer::create(&format!("hj-{node}"), Port::free(), &conf)
        });
        let cluster = Self { servers: servers.collect(), _routes: routes };
        cluster.servers.iter().for_each(NatsServer::launch);
        cluster.servers.iter().for_each(NatsServer::wait_until_ready);
        cluster.wait_until_agreed();
        cluster
    }

    /// The servers, in the order of their numbers.
    #[must_use]
    pub fn servers(&self) -> &[NatsServer] {
        &self.servers
    }

    /// The urls of all servers, with commas between.
    #[must_use]
    pub fn urls(&self) -> String {
        self.servers.iter().map(NatsServer::url).collect::<Vec<_>>().join(",")
    }

    /// The number of the server that leads this stream; `None` if there is none at the moment, or no such stream.
    #[must_use]
    pub fn leader_of(&self, stream: &str) -> Option<usize> {
        let subject = format!("$JS.API.STREAM.INFO.{stream}");
        let answers = self.servers.iter().filter(|server| server.pid().is_some());
        let mut answers = answers.filter_map(|server| server.request(&subject, b""));
        answers.find_map(|answer| {
            let info: Value = serde_json::from_slice(&answer).ok()?;
            let leader = info["cluster"]["leader"].as_str()?;
            self.servers.iter().position(|server| server.name() == leader)
        })
    }

    /// SIGKILL for this one.
    pub fn kill(&self, node: usize) {
        self.servers[node].kill();
    }

    /// Starts this one again, and returns when it answers; [`wait_until_agreed`](Self::wait_until_agreed) is another matter.
    pub fn restart(&self, node: usize) {
        self.servers[node].restart();
    }

    /// Waits until JetStream answers again, which wants more than half of the servers.
    ///
    /// # Panics
    ///
    /// When that takes more than 30 s.
    pub fn wait_until_agreed(&self) {
        let agreed = wait_for(Duration::from_secs(30), || {
            let asked = self.servers.iter().find(|server| server.pid().is_some());
            let answer = asked.and_then(|server| server.request("$JS.API.INFO", b""));
            let answer = answer.and_then(|answer| serde_json::from_slice::<Value>(&answer).ok());
            // Nodes that are not known yet get no streams, so a stream of three copies would be refused.
            answer.is_some_and(|answer| answer.get("error").is_none()) && self.can_place()
        });
        assert!(agreed, "the cluster does not agree within 30 s: {}", self.servers[0].complaint());
    }

    /// Whether a stream finds a place on all servers that run.
    fn can_place(&self) -> bool {
        let running: Vec<_> = self.servers.iter().filter(|server| server.pid().is_some()).collect();
        let Some(asked) = running.first() else { return false };
        let copies = if running.len() == self.servers.len() { running.len() } else { 1 };
        let stream = format!(
            "{{\"name\":\"PROBE\",\"subjects\":[\"probe\"],\"storage\":\"memory\",\"num_replicas\":{copies}}}"
        );
        let made = asked.request("$JS.API.STREAM.CREATE.PROBE", stream.as_bytes());
        let made = made.and_then(|answer| serde_json::from_slice::<Value>(&answer).ok());
        let _ = asked.request("$JS.API.STREAM.DELETE.PROBE", b"");
        made.is_some_and(|answer| answer.get("error").is_none())
    }
}
