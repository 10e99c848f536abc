//! A virtual host for each test.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::launch::Node;

/// A virtual host of one's own: exchanges and queues in it are nobody else's.
///
/// Dropped, it is left for the next who asks for one to remove, which costs nothing then.
#[derive(Debug)]
pub struct Vhost {
    name: String,
    node: Node,
}

impl Vhost {
    pub(super) fn new(node: &Node) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Relaxed: only that the numbers differ matters.
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}-{next}", std::process::id());
        let mut orders = String::new();
        for entry in fs::read_dir(node.folder().join("gone")).into_iter().flatten().flatten() {
            // Whoever removes its file removes the host.
            if fs::remove_file(entry.path()).is_ok() {
                let gone = entry.file_name();
                let _ =
                    write!(orders, "catch rabbit_vhost:delete(<<\"{}\">>, <<\"test\">>), ", gone.display());
            }
        }
        let _ = write!(
            orders,
            "ok = rabbit_vhost:add(<<\"{name}\">>, <<\"test\">>), ok = rabbit_auth_backend_internal:set_permissions(\
             <<\"guest\">>, <<\"{name}\">>, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"test\">>)."
        );
        node.ctl(&["eval", &orders]);
        Self { name, node: node.clone() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server's port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.node.port()
    }

    /// Its queues, and how many messages each has ready.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    #[must_use]
    pub fn queues(&self) -> BTreeMap<String, u64> {
        self.node.queues(&self.name)
    }

    /// `amqp://guest:guest@127.0.0.1:port/name`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{}", self.port(), self.name)
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = fs::write(self.node.folder().join("gone").join(&self.name), "");
    }
}
