//! What can be set of the adapter to NATS.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::ServerAddr;

use crate::kanban::broker::BrokerError;
use crate::kanban::name::Name;

/// How to reach a NATS server or cluster, and what is kept there. `Debug` shows no secrets.
#[derive(Clone)]
pub struct NatsSettings {
    /// Servers of one cluster, such as `nats://127.0.0.1:4222` or `tls://nats.example.com`; any of them will do. At least one.
    pub urls: Vec<String>,
    /// Who we are.
    pub auth: NatsAuth,
    /// How the connection is encrypted.
    pub tls: NatsTls,
    /// On how many servers of a cluster everything is kept, 1 to 5, when it is created here; fewer than that are refused when it is there already.
    pub replicas: u8,
    /// The stream that keeps the items, of the subjects `kanban.>`.
    pub stream: String,
    /// The stream that keeps the dead letters, of the subjects `kanban-dlq.>`.
    pub dead_letter_stream: String,
    /// The stream that keeps the notes, of the subjects `kanban-notes.>`.
    pub notes_stream: String,
    /// The stream that keeps how often items failed and were given back, of the subjects `kanban-counts.>`.
    pub counts_stream: String,
    /// How long a delivered item is left alone before it is delivered again, 100 ms to 1 h. All processes must agree on it.
    pub lease: Duration,
    /// How long one attempt to connect may take, 10 ms to 5 min.
    pub connect_timeout: Duration,
    /// The largest payload that may be published, in bytes; less if the server takes less.
    pub max_payload: usize,
    /// How many publications may wait for their confirmation at once, 1 to 65 536.
    pub window: usize,
    /// Whether streams and consumers that are missing are created. What is there is never altered.
    pub create: bool,
    /// What the subjects begin with on which answers come, for accounts that may not use `_INBOX`.
    pub inbox: String,
}

/// Who we are, to a NATS server. `Debug` shows no secrets.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum NatsAuth {
    /// Nobody; or whoever the URL names.
    #[default]
    None,
    /// Whoever has this token.
    Token(String),
    /// This user.
    UserPassword(String, String),
    /// Whoever has this seed of an nkey, `SU...`.
    NKey(String),
    /// Whoever has this file of credentials, a `.creds`.
    Credentials(PathBuf),
}

/// How a connection to NATS is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatsTls {
    /// Whether a connection that is not encrypted is refused. URLs that begin with `tls://` say so as well.
    pub required: bool,
    /// A PEM file of the authorities that are trusted beside the system's.
    pub ca: Option<PathBuf>,
    /// A PEM file of our own certificate; goes with `key`.
    pub cert: Option<PathBuf>,
    /// A PEM file of its key.
    pub key: Option<PathBuf>,
}

impl NatsSettings {
    /// The defaults, for this server.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self { urls: vec![url.into()], ..Self::default() }
    }

    /// The servers, without what is secret in their URLs.
    pub(super) fn shown(&self) -> String {
        let shown: Vec<_> = self.urls.iter().map(|url| shown(url)).collect();
        shown.join(", ")
    }

    pub(super) fn addresses(&self) -> Result<Vec<ServerAddr>, BrokerError> {
        let wrong = |url: &String| {
            let why = "is no URL of a NATS server: write nats://host:port or tls://host:port";
            BrokerError::Unusable(format!("NATS: {} {why}", shown(url)))
        };
        self.urls.iter().map(|url| url.parse().map_err(|_| wrong(url))).collect()
    }

    /// Whether it can be used at all.
    pub(super) fn check(&self) -> Result<(), BrokerError> {
        let wrong = |what: String| Err(BrokerError::Unusable(format!("NATS settings: {what}")));
        if self.urls.is_empty() {
            return wrong("urls is empty: name at least one server".into());
        }
        self.addresses()?;
        let streams = [&self.stream, &self.dead_letter_stream, &self.notes_stream, &self.counts_stream];
        for (at, name) in streams.into_iter().enumerate() {
            if streams[..at].contains(&name) {
                return wrong(format!("two of the streams are called {name}: give each a name of its own"));
            }
            if Name::new(name).is_err() {
                return wrong(format!("{name:?} is no name of a stream: use 1 to 64 of A-Z a-z 0-9 _ -"));
            }
        }
        if !(1..=5).contains(&self.replicas) {
            return wrong(format!("replicas is {}: 1 to 5", self.replicas));
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&self.lease) {
            return wrong(format!("lease is {:?}: 100 ms to 1 h", self.lease));
        }
        if !(Duration::from_millis(10)..=Duration::from_secs(300)).contains(&self.connect_timeout) {
            return wrong(format!("connect_timeout is {:?}: 10 ms to 5 min", self.connect_timeout));
        }
        if !(1..=65_536).contains(&self.window) {
            return wrong(format!("window is {}: 1 to 65536", self.window));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if self.inbox.is_empty() || !self.inbox.chars().all(fits) || self.inbox.split('.').any(str::is_empty)
        {
            return wrong("inbox is no beginning of a subject: use names joined by dots".into());
        }
        if self.tls.cert.is_some() != self.tls.key.is_some() {
            return wrong("tls: cert and key go together".into());
        }
        Ok(())
    }
}

impl Default for NatsSettings {
    /// A server on this machine at port 4222 without credentials, one replica, a lease of 30 s, payloads of up to 1 MiB.
    fn default() -> Self {
        Self {
            urls: vec!["nats://127.0.0.1:4222".into()],
            auth: NatsAuth::None,
            tls: NatsTls::default(),
            replicas: 1,
            stream: "KANBAN".into(),
            dead_letter_stream: "KANBAN_DLQ".into(),
            notes_stream: "KANBAN_NOTES".into(),
            counts_stream: "KANBAN_COUNTS".into(),
            lease: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            max_payload: 1 << 20,
            window: 256,
            create: true,
            inbox: "_INBOX".into(),
        }
    }
}

impl fmt::Debug for NatsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsSettings")
            .field("urls", &self.shown())
            .field("auth", &self.auth)
            .field("tls", &self.tls)
            .field("replicas", &self.replicas)
            .field("stream", &self.stream)
            .field("lease", &self.lease)
            .field("create", &self.create)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NatsAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NatsAuth::None => "None",
            NatsAuth::Token(_) => "Token(..)",
            NatsAuth::UserPassword(..) => "UserPassword(..)",
            NatsAuth::NKey(_) => "NKey(..)",
            NatsAuth::Credentials(_) => "Credentials(..)",
        })
    }
}

/// A URL without user and password: what stands before the last `@` of its authority, and what comes after the authority.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    // A password may hold a slash, and then the host is not where it seems: better to show nothing.
    if rest.len() > authority.len() && rest[authority.len()..].contains('@') {
        return format!("{scheme}://..");
    }
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for url in ["nats://user:secret@host:4222", "nats://secret@host:4222", "nats://a:secret/x@host:4222"]
        {
            let auth = NatsAuth::UserPassword("user".into(), "secret".into());
            let settings = NatsSettings { auth, ..NatsSettings::at(url) };
            assert!(!format!("{settings:?}").contains("secret"), "{settings:?}");
        }
        assert_eq!(shown("nats://user:secret@host:4222"), "nats://host:4222");
        assert_eq!(shown("host:4222"), "nats://host:4222");
    }

    #[test]
    fn nonsense_is_refused_and_says_what_would_do() {
        let good = NatsSettings::default();
        assert_eq!(good.check(), Ok(()));
        let wrong = [
            NatsSettings { urls: vec![], ..good.clone() },
            NatsSettings { urls: vec!["http://x".into()], ..good.clone() },
            NatsSettings { stream: "A B".into(), ..good.clone() },
            NatsSettings { stream: "KANBAN_DLQ".into(), ..good.clone() },
            NatsSettings { replicas: 0, ..good.clone() },
            NatsSettings { lease: Duration::ZERO, ..good.clone() },
            NatsSettings { window: 0, ..good.clone() },
            NatsSettings { inbox: "a..b".into(), ..good.clone() },
            NatsSettings { tls: NatsTls { cert: Some("x".into()), ..NatsTls::default() }, ..good },
        ];
        for settings in wrong {
            assert!(matches!(settings.check(), Err(BrokerError::Unusable(_))), "{settings:?}");
        }
    }
}
