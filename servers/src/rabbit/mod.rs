//! RabbitMQ.

mod launch;
mod shared;
mod vhost;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::Signal;

use crate::folder::Folder;
use crate::port::Port;
use crate::process::{Process, wait_for};
use launch::Node;
pub use vhost::Vhost;

/// A RabbitMQ node with ports and data of its own, which takes 5 s and 143 MB; or the one that all tests share.
///
/// One of its own is killed when it is dropped, and its data removed. User `guest`, password `guest`.
#[derive(Debug)]
pub struct RabbitServer {
    node: Node,
    /// None where it is shared.
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    server: Mutex<Option<Process>>,
    _epmd: Process,
    _ports: [Port; 3],
    /// After the processes, so that it is removed last.
    _folder: Folder,
}

impl RabbitServer {
    /// Starts one, and returns when it answers: some 5 s.
    ///
    /// # Panics
    ///
    /// When RabbitMQ is missing or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts one with more lines in its `rabbitmq.conf`.
    ///
    /// # Panics
    ///
    /// When RabbitMQ is missing or refuses the configuration.
    #[must_use]
    pub fn start_with(extra_conf: &str) -> Self {
        let folder = Folder::new("rabbit");
        let ports = [Port::free(), Port::free(), Port::free()];
        let node = Node::create(folder.path().to_owned(), ports.each_ref().map(Port::number), extra_conf);
        // Started by the node itself it would be nobody's child, and stay.
        let epmd = Process::spawn(node.epmd());
        let own = Own { server: Mutex::new(None), _epmd: epmd, _ports: ports, _folder: folder };
        let server = Self { node, own: Some(own) };
        server.restart();
        server
    }

    /// The one that all tests of this checkout share, in whatever process: started by the first who asks, and ended by a
    /// watchdog when nobody has used it for a minute. Each test takes a [`vhost`](Self::vhost) of its own, and leaves the server alone.
    ///
    /// # Panics
    ///
    /// When RabbitMQ is missing or does not start.
    #[must_use]
    pub fn shared() -> &'static Self {
        shared::server()
    }

    /// Where it listens, on 127.0.0.1; the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.node.port()
    }

    /// `amqp://guest:guest@127.0.0.1:port/%2f`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port())
    }

    /// A new virtual host, empty and with all permissions for `guest`; 0.8 s. It is removed some time after it is dropped.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    #[must_use]
    pub fn vhost(&self) -> Vhost {
        Vhost::new(&self.node)
    }

    /// Runs `rabbitmqctl` with these arguments, and returns what it printed: 0.8 s at least.
    ///
    /// # Panics
    ///
    /// When it fails, with what it said.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        self.node.ctl(arguments)
    }

    /// The queues of a virtual host, and how many messages each has ready: what the server knows, not what it last counted.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    #[must_use]
    pub fn queues(&self, vhost: &str) -> BTreeMap<String, u64> {
        self.node.queues(vhost)
    }

    /// The number of its process while it runs, of one's own: of use to measure it.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.own.as_ref()?.server.lock().as_ref().map(Process::id)
    }

    /// SIGKILL. What was not synced is lost to it as in a crash.
    ///
    /// # Panics
    ///
    /// On the shared one, as do the other calls that would disturb its other users.
    pub fn kill(&self) {
        *self.own().server.lock() = None;
    }

    /// SIGTERM, which lets it end in order: 1 s.
    ///
    /// # Panics
    ///
    /// On the shared one.
    pub fn stop(&self) {
        if let Some(mut process) = self.own().server.lock().take() {
            process.stop();
        }
    }

    /// Starts it again with the same port and data, killed first if it runs; returns when it answers.
    ///
    /// # Panics
    ///
    /// When it does not start; on the shared one.
    pub fn restart(&self) {
        let own = self.own();
        {
            let mut server = own.server.lock();
            *server = None;
            // The name of one that was killed is free when `epmd` has noticed.
            wait_for(Duration::from_secs(5), || !self.node.is_registered());
            *server = Some(Process::spawn(self.node.server()));
        }
        let ready = wait_for(Duration::from_secs(90), || {
            let ended = own.server.lock().as_mut().is_none_or(|process| process.ended().is_some());
            assert!(!ended, "RabbitMQ ended: {}", self.node.complaint());
            self.node.answers()
        });
        assert!(ready, "RabbitMQ does not answer within 90 s: {}", self.node.complaint());
    }

    /// SIGSTOP: it keeps its connections and says nothing.
    ///
    /// # Panics
    ///
    /// On the shared one.
    pub fn pause(&self) {
        if let Some(process) = &*self.own().server.lock() {
            process.pause();
        }
    }

    /// SIGCONT.
    ///
    /// # Panics
    ///
    /// On the shared one.
    pub fn resume(&self) {
        if let Some(process) = &*self.own().server.lock() {
            process.signal(Signal::CONT);
        }
    }

    fn own(&self) -> &Own {
        self.own.as_ref().expect("the shared server is left alone: start one of your own")
    }
}

/// A command that sees nothing of this process' environment.
fn bare(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command
}
