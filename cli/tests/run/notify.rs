//! A supervisor as systemd is one: a socket, to which services tell how they fare.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::service::Home;

/// The socket of a supervisor, and what came there.
pub(crate) struct Told {
    pub(crate) socket: UnixDatagram,
    pub(crate) lines: Vec<String>,
}

impl Told {
    /// At `notify` in this folder.
    pub(crate) fn new(home: &Home) -> Self {
        let socket = UnixDatagram::bind(home.path("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        Self { socket, lines: Vec::new() }
    }

    /// Waits for a line that is so.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let mut datagram = [0; 4096];
        loop {
            let length = self.socket.recv(&mut datagram).unwrap_or_else(|error| panic!("{what}: {error}"));
            let text = std::str::from_utf8(&datagram[..length]).unwrap();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let found = lines.iter().any(|line| is_so(line));
            self.lines.extend(lines);
            if found {
                return;
            }
        }
    }
}
