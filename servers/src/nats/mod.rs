//! `nats-server` with JetStream.

mod cluster;
mod request;

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::Signal;

use crate::folder::{Folder, tail};
use crate::port::Port;
use crate::process::{Process, find, wait_for};
pub use cluster::NatsCluster;

/// A `nats-server` with JetStream, on a port and with a store of its own. Dropped, it is killed and its store removed.
#[derive(Debug)]
pub struct NatsServer {
    name: String,
    port: Port,
    process: Mutex<Option<Process>>,
    /// After the process, so that it is removed last.
    folder: Folder,
}

impl NatsServer {
    /// Starts one, and returns when it answers: 0.2 s.
    ///
    /// # Panics
    ///
    /// When `nats-server` is missing or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts one with more lines in its configuration file: `authorization { token: "t" }`, say, or `max_payload: 64KB`.
    ///
    /// # Panics
    ///
    /// When `nats-server` is missing or refuses the configuration.
    #[must_use]
    pub fn start_with(extra_conf: &str) -> Self {
        let server = Self::create("hj", Port::free(), extra_conf);
        server.restart();
        server
    }

    /// One that does not run yet.
    pub(crate) fn create(name: &str, port: Port, extra_conf: &str) -> Self {
        let folder = Folder::new("nats");
        let conf = format!(
            "server_name: {name}\nlisten: \"127.0.0.1:{}\"\nlogfile: \"{}\"\njetstream {{ store_dir: \"{}\" }}\n{extra_conf}\n",
            port.number(),
            folder.join("log").display(),
            folder.join("store").display(),
        );
        fs::write(folder.join("conf"), conf).expect("the folder can be written to");
        Self { name: name.to_owned(), port, process: Mutex::new(None), folder }
    }

    /// `nats://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }

    /// Where it listens, on 127.0.0.1; the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its `server_name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder with its configuration, its log and its store.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The number of its process while it runs: of use to measure it.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.lock().as_ref().map(Process::id)
    }

    /// SIGKILL. Nothing is flushed; what the kernel has, stays.
    pub fn kill(&self) {
        *self.process.lock() = None;
    }

    /// SIGTERM, which lets it end in order.
    pub fn stop(&self) {
        if let Some(mut process) = self.process.lock().take() {
            process.stop();
        }
    }

    /// Starts it again with the same port and store, killed first if it runs; returns when it answers.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn restart(&self) {
        self.launch();
        self.wait_until_ready();
    }

    /// Starts it without waiting for it: a node of a cluster waits for the others.
    pub(crate) fn launch(&self) {
        let mut process = self.process.lock();
        *process = None;
        let mut command = Command::new(find("nats-server"));
        command.arg("-c").arg(self.folder.join("conf"));
        let errors = fs::File::create(self.folder.join("err")).expect("the folder can be written to");
        command.stdout(Stdio::null()).stderr(errors);
        *process = Some(Process::spawn(command));
    }

    pub(crate) fn wait_until_ready(&self) {
        let ready = wait_for(Duration::from_secs(20), || {
            let ended = self.process.lock().as_mut().is_none_or(|process| process.ended().is_some());
            assert!(!ended, "nats-server ended: {}", self.complaint());
            self.answers()
        });
        assert!(ready, "nats-server does not answer within 20 s: {}", self.complaint());
    }

    /// SIGSTOP: it keeps its connections and says nothing.
    pub fn pause(&self) {
        if let Some(process) = &*self.process.lock() {
            process.pause();
        }
    }

    /// SIGCONT.
    pub fn resume(&self) {
        if let Some(process) = &*self.process.lock() {
            process.signal(Signal::CONT);
        }
    }

    /// Asks a subject, without authentication, and returns the answer's payload: `$JS.API.STREAM.INFO.KANBAN`, say.
    /// `None` when there was no answer within two seconds.
    #[must_use]
    pub fn request(&self, subject: &str, payload: &[u8]) -> Option<Vec<u8>> {
        request::request(self.port(), subject, payload, Duration::from_secs(2))
    }

    /// Whether it sends what it sends first.
    fn answers(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()));
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
            return false;
        };
        let mut word = [0; 5];
        stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
            && stream.read_exact(&mut word).is_ok()
            && &word == b"INFO "
    }

    fn complaint(&self) -> String {
        format!("{}\n{}", tail(&self.folder.join("err")), tail(&self.folder.join("log")))
    }
}
