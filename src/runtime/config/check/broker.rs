//! The law for the broker. Ranges hold for every table; what relates to another setting only for what is used.

use std::path::Path as File;

use super::kanban::is_path;
use crate::runtime::config::fault::Fault;
use crate::runtime::config::path::{Path, quoted};
use crate::runtime::config::setting::Setting;
use crate::runtime::config::{AmqpConfig, BrokerConfig, BrokerKind, FailoverConfig, NatsConfig, Secret};

pub(super) fn broker(broker: &BrokerConfig) -> Result<(), Fault> {
    let table = Path::new(["broker"]);
    Setting::new(&table, "max_items", broker.max_items).in_bounds()?;
    Setting::new(&table, "max_bytes", broker.max_bytes).in_bounds()?;
    Setting::new(&table, "max_dead_letters", broker.max_dead_letters).in_bounds()?;
    Setting::new(&table, "lease", broker.lease).in_bounds()?;
    let [nats, amqp, failover] = ["nats", "amqp", "failover"].map(|key| table.clone().key(key));
    nats_ranges(&nats, &broker.nats)?;
    amqp_ranges(&amqp, &broker.amqp)?;
    failover_ranges(&failover, &broker.failover)?;
    is_compiled(table.clone().key("kind"), broker.kind)?;
    if broker.kind == BrokerKind::Failover {
        pair(&failover, &broker.failover)?;
    }
    for kind in broker.kinds() {
        match kind {
            BrokerKind::File => is_path(table.clone().key("path"), &broker.path)?,
            BrokerKind::Nats => nats_whole(&nats, &broker.nats)?,
            BrokerKind::Amqp => amqp_whole(&amqp, &broker.amqp)?,
            BrokerKind::Memory | BrokerKind::Failover => {}
        }
    }
    Ok(())
}

fn is_compiled(path: Path, kind: BrokerKind) -> Result<(), Fault> {
    if kind.is_compiled() {
        return Ok(());
    }
    let name = kind.name();
    let cure = format!("build heijunka with the feature {name}, or choose another kind");
    Err(Fault::new(path, format!("is \"{name}\", which is not part of this build"), cure))
}

fn pair(table: &Path, failover: &FailoverConfig) -> Result<(), Fault> {
    for (key, kind) in [("primary", failover.primary), ("fallback", failover.fallback)] {
        let path = table.clone().key(key);
        if kind == BrokerKind::Failover {
            let cure = "set it to one of \"nats\", \"amqp\", \"file\", \"memory\"";
            return Err(Fault::new(path, "is \"failover\", which is no single broker", cure));
        }
        is_compiled(path, kind)?;
    }
    if failover.primary == failover.fallback {
        let fault = format!("is \"{}\", as is the primary", failover.fallback.name());
        let path = table.clone().key("fallback");
        return Err(Fault::new(path, fault, "choose another kind").against(table.clone().key("primary")));
    }
    Ok(())
}

fn failover_ranges(table: &Path, failover: &FailoverConfig) -> Result<(), Fault> {
    let default = FailoverConfig::default();
    Setting::new(table, "failures", failover.failures).in_bounds()?;
    Setting::new(table, "bad_probes", failover.bad_probes).in_bounds()?;
    Setting::new(table, "good_probes", failover.good_probes).in_bounds()?;
    Setting::new(table, "probe_every", failover.probe_every).in_bounds()?;
    Setting::new(table, "probe_within", failover.probe_within).in_bounds()?;
    Setting::new(table, "again_within", failover.again_within).in_bounds()?;
    Setting::new(table, "patience", failover.patience).in_bounds()?;
    let hold = Setting::new(table, "hold", failover.hold).or_default(default.hold);
    let most = Setting::new(table, "hold_most", failover.hold_most);
    most.in_bounds()?;
    hold.in_bounds()?;
    hold.at_most(&most)
}

fn nats_ranges(table: &Path, nats: &NatsConfig) -> Result<(), Fault> {
    Setting::new(table, "replicas", nats.replicas).in_bounds()?;
    Setting::new(table, "lease", nats.lease).in_bounds()?;
    Setting::new(table, "connect_timeout", nats.connect_timeout).in_bounds()?;
    Setting::new(table, "window", nats.window).in_bounds()
}

fn amqp_ranges(table: &Path, amqp: &AmqpConfig) -> Result<(), Fault> {
    Setting::new(table, "port", amqp.port).in_bounds()?;
    Setting::new(table, "lease", amqp.lease).in_bounds()?;
    Setting::new(table, "connect_timeout", amqp.connect_timeout).in_bounds()?;
    Setting::new(table, "heartbeat", amqp.heartbeat).in_bounds()?;
    Setting::new(table, "max_frame", amqp.max_frame).in_bounds()?;
    Setting::new(table, "window", amqp.window).in_bounds()
}

fn nats_whole(table: &Path, nats: &NatsConfig) -> Result<(), Fault> {
    let key = |key: &str| table.clone().key(key);
    if nats.urls.is_empty() {
        return Err(Fault::new(
            key("urls"),
            "is empty",
            "name a server, such as [\"nats://127.0.0.1:4222\"]",
        ));
    }
    for (at, url) in nats.urls.iter().enumerate() {
        let path = key("urls").index(at);
        if url.contains('@') {
            // It is not shown: there is a password in it.
            return Err(Fault::new(
                path,
                "has a user or a token in it",
                "set user and password, or token, instead",
            ));
        }
        let host = ["nats://", "tls://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        if host.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
            return Err(Fault::new(
                path,
                format!("is {}", quoted(url)),
                "write nats://host:port or tls://host:port",
            ));
        }
    }
    let given = [
        ("user", nats.user.is_some()),
        ("token", nats.token.is_some()),
        ("nkey", nats.nkey.is_some()),
        ("credentials", nats.credentials.is_some()),
    ];
    let mut given = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
    if let (Some(one), Some(other)) = (given.next(), given.next()) {
        let fault = format!("says who we are, as {} does", key(one));
        return Err(Fault::new(key(other), fault, "keep one of the two").about_key().against(key(one)));
    }
    together(table, ("user", nats.user.is_some()), ("password", nats.password.is_some()))?;
    together(&key("tls"), ("cert", nats.tls.cert.is_some()), ("key", nats.tls.key.is_some()))?;
    for (name, secret) in [("password", &nats.password), ("token", &nats.token), ("nkey", &nats.nkey)] {
        if secret.as_ref().is_some_and(Secret::is_empty) {
            return Err(Fault::new(key(name), "is empty", "give the secret, env:NAME or file:PATH"));
        }
    }
    let files = [("credentials", &nats.credentials)];
    files.into_iter().try_for_each(|(name, file)| some_path(key(name), file.as_deref()))?;
    let tls = key("tls");
    let files = [("ca", &nats.tls.ca), ("cert", &nats.tls.cert), ("key", &nats.tls.key)];
    files.into_iter().try_for_each(|(name, file)| some_path(tls.clone().key(name), file.as_deref()))?;
    let streams = [
        ("stream", &nats.stream),
        ("dead_letter_stream", &nats.dead_letter_stream),
        ("notes_stream", &nats.notes_stream),
        ("counts_stream", &nats.counts_stream),
    ];
    for (at, (name, stream)) in streams.into_iter().enumerate() {
        if !super::is_name(stream) {
            return Err(Fault::new(key(name), format!("is {}", quoted(stream)), super::NAMES));
        }
        if let Some((other, _)) = streams[..at].iter().find(|(_, other)| *other == stream) {
            let fault = format!("is {}, as is {}", quoted(stream), key(other));
            return Err(Fault::new(key(name), fault, "give each a stream of its own").against(key(other)));
        }
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !nats.inbox.chars().all(fits) || nats.inbox.split('.').any(str::is_empty) {
        let fault = format!("is {}", quoted(&nats.inbox));
        return Err(Fault::new(key("inbox"), fault, "use names of letters, digits, - or _, joined by dots"));
    }
    Ok(())
}

fn amqp_whole(table: &Path, amqp: &AmqpConfig) -> Result<(), Fault> {
    let key = |key: &str| table.clone().key(key);
    if amqp.host.is_empty() || amqp.host.contains(|c: char| c.is_whitespace() || "/@".contains(c)) {
        let fault = format!("is {}", quoted(&amqp.host));
        return Err(Fault::new(key("host"), fault, "give the name or the address of the server alone"));
    }
    for (name, text, least) in [("vhost", &amqp.vhost, 0), ("user", &amqp.user, 1)] {
        if text.len() > 255 || text.len() < least {
            let fault = format!("has {} bytes", text.len());
            return Err(Fault::new(
                key(name),
                fault,
                format!("set it to {least} bytes at least and 255 at most"),
            ));
        }
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if amqp.prefix.is_empty() || amqp.prefix.len() > 64 || !amqp.prefix.chars().all(fits) {
        let fault = format!("is {}", quoted(&amqp.prefix));
        return Err(Fault::new(key("prefix"), fault, "use 1 to 64 letters, digits, '-', '_' or '.'"));
    }
    let Some(tls) = &amqp.tls else { return Ok(()) };
    if !cfg!(feature = "amqp-tls") {
        let cure = "build heijunka with the feature amqp-tls, or remove the table";
        return Err(Fault::new(key("tls"), "is not part of this build", cure));
    }
    let table = key("tls");
    together(&table, ("cert", tls.cert.is_some()), ("key", tls.key.is_some()))?;
    let files = [("ca", &tls.ca), ("cert", &tls.cert), ("key", &tls.key)];
    files.into_iter().try_for_each(|(name, file)| some_path(table.clone().key(name), file.as_deref()))
}

fn together(table: &Path, one: (&str, bool), other: (&str, bool)) -> Result<(), Fault> {
    let ((missing, _), (given, _)) = match (one.1, other.1) {
        (true, false) => (other, one),
        (false, true) => (one, other),
        _ => return Ok(()),
    };
    let [missing, given] = [missing, given].map(|key| table.clone().key(key));
    let fault = format!("is missing, and {given} is there");
    Err(Fault::new(missing, fault, "set both or neither").against(given))
}

fn some_path(path: Path, file: Option<&File>) -> Result<(), Fault> {
    file.map_or(Ok(()), |file| is_path(path, file))
}
