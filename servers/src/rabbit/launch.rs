//! How a private node is started: by RabbitMQ's own script, with everything that it reads from elsewhere set.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::bare;
use crate::folder::tail;
use crate::process::find;

/// Where a node lives and listens.
#[derive(Clone, Debug)]
pub(super) struct Node {
    folder: PathBuf,
    /// For AMQP, between nodes, and of the port mapper.
    ports: [u16; 3],
}

impl Node {
    pub(super) fn at(folder: PathBuf, ports: [u16; 3]) -> Self {
        Self { folder, ports }
    }

    pub(super) fn create(folder: PathBuf, ports: [u16; 3], extra_conf: &str) -> Self {
        let node = Self::at(folder, ports);
        for name in ["mnesia", "log", "home", "gone"] {
            fs::create_dir_all(node.folder.join(name)).expect("the folder can be written to");
        }
        let conf = format!("listeners.tcp.1 = 127.0.0.1:{}\nlog.console = false\n{extra_conf}\n", ports[0]);
        fs::write(node.folder.join("rabbitmq.conf"), conf).expect("the folder can be written to");
        fs::write(node.folder.join("plugins"), "[].\n").expect("the folder can be written to");
        node
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn port(&self) -> u16 {
        self.ports[0]
    }

    fn name(&self) -> String {
        format!("hj{}", self.ports[0])
    }

    /// What server and `rabbitmqctl` have to agree on.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let [port, dist, epmd] = self.ports.map(|port| port.to_string());
        let within = |name: &str| self.folder.join(name).display().to_string();
        vec![
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin".to_owned()),
            ("HOME", within("home")),
            ("LANG", "C.UTF-8".to_owned()),
            ("RABBITMQ_NODENAME", format!("{}@localhost", self.name())),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", port),
            ("RABBITMQ_DIST_PORT", dist),
            ("ERL_EPMD_PORT", epmd),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_MNESIA_BASE", within("mnesia")),
            ("RABBITMQ_LOG_BASE", within("log")),
            ("RABBITMQ_CONFIG_FILE", within("rabbitmq.conf")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", within("plugins")),
            ("RABBITMQ_PID_FILE", within("pid")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".to_owned()),
            // The script becomes the server, instead of waiting for it: signals reach what they are meant for.
            ("RUNNING_UNDER_SYSTEMD", "1".to_owned()),
        ]
    }

    /// The port mapper, in the foreground.
    pub(super) fn epmd(&self) -> Command {
        let mut command = bare(find("epmd"));
        command.args(["-port", &self.ports[2].to_string(), "-address", "127.0.0.1"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub(super) fn server(&self) -> Command {
        let mut command = bare(script("rabbitmq-server"));
        let file = |name: &str| File::create(self.folder.join(name)).expect("the folder can be written to");
        command.envs(self.environment()).stdout(file("out")).stderr(file("err"));
        command
    }

    pub(super) fn ctl(&self, arguments: &[&str]) -> String {
        let mut command = bare(script("rabbitmqctl"));
        let output = command.envs(self.environment()).args(arguments).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("rabbitmqctl does not start: {error}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "rabbitmqctl {arguments:?}: {}\n{said}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    pub(super) fn queues(&self, vhost: &str) -> BTreeMap<String, u64> {
        // `list_queues` tells what was counted some seconds ago.
        let ask = format!(
            "[io:format(\"~s ~b~n\", [element(4, amqqueue:get_name(Q)), element(2, rabbit_amqqueue:stat(Q))]) \
             || Q <- rabbit_amqqueue:list(<<\"{vhost}\">>)], done."
        );
        let told = self.ctl(&["eval", &ask]);
        let queue = |line: &str| {
            let (name, ready) = line.rsplit_once(' ')?;
            Some((name.to_owned(), ready.parse().ok()?))
        };
        told.lines().filter_map(queue).collect()
    }

    /// Whether it answers in AMQP: its port is open long before.
    pub(super) fn answers(&self) -> bool {
        let Some(mut stream) = connect(self.ports[0]) else { return false };
        let mut frame = [0; 7];
        stream.write_all(b"AMQP\0\0\x09\x01").is_ok()
            && stream.read_exact(&mut frame).is_ok()
            && frame[0] == 1
    }

    /// Whether the port mapper knows a node of this name.
    pub(super) fn is_registered(&self) -> bool {
        let Some(mut stream) = connect(self.ports[2]) else { return false };
        // NAMES_REQ: its length, then its number.
        let mut names = Vec::new();
        let asked = stream.write_all(&[0, 1, b'n']).and_then(|()| stream.read_to_end(&mut names));
        asked.is_ok() && String::from_utf8_lossy(&names).contains(&format!("name {} ", self.name()))
    }

    pub(super) fn complaint(&self) -> String {
        let log = self.folder.join(format!("log/{}@localhost.log", self.name()));
        let texts = [self.folder.join("out"), self.folder.join("err"), log].map(|path| tail(&path));
        texts.join("\n")
    }
}

fn connect(port: u16) -> Option<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    Some(stream)
}

/// RabbitMQ's own script: Debian's on the path is a wrapper that changes the user.
pub(super) fn script(name: &str) -> PathBuf {
    let own = Path::new("/usr/lib/rabbitmq/bin").join(name);
    if own.is_file() { own } else { find(name) }
}
