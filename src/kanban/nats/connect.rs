//! From the settings to a connection.

use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use tokio::sync::mpsc;

use super::settings::{NatsAuth, NatsSettings};
use crate::kanban::broker::BrokerError;

/// A server that says nothing for twice this long is taken for dead.
const PING: Duration = Duration::from_secs(2);

/// What the client may hold of what is to be written. Never full: what is in flight is bounded, and a server that does not take it is
/// found dead before.
const CAPACITY: usize = 65_536;

/// Connects once. What happens to the connection later is told by `events`.
pub(super) async fn connect(
    settings: &NatsSettings,
    events: mpsc::UnboundedSender<Event>,
) -> Result<Client, BrokerError> {
    let addresses = settings.addresses()?;
    let mut options = ConnectOptions::new()
        .name("heijunka")
        .connection_timeout(settings.connect_timeout)
        .ping_interval(PING)
        .client_capacity(CAPACITY)
        .subscription_capacity(CAPACITY)
        .custom_inbox_prefix(&settings.inbox)
        .request_timeout(Some(settings.connect_timeout))
        // A connection that is lost is not mended but replaced as a whole, with everything that was on its way in it.
        .max_reconnects(1)
        .reconnect_delay_callback(|_| Duration::ZERO)
        .event_callback(move |event| {
            let _ = events.send(event);
            std::future::ready(())
        });
    options = match &settings.auth {
        // Of a URL with a user alone, the user is a token.
        NatsAuth::None => match addresses.iter().find(|address| address.password().is_none()) {
            Some(address) if !address.username().unwrap_or_default().is_empty() => {
                options.token(address.username().unwrap_or_default().to_owned())
            }
            _ => options,
        },
        NatsAuth::Token(token) => options.token(token.clone()),
        NatsAuth::UserPassword(user, password) => options.user_and_password(user.clone(), password.clone()),
        NatsAuth::NKey(seed) => options.nkey(seed.clone()),
        NatsAuth::Credentials(path) => {
            let wrong =
                |why: String| BrokerError::Unusable(format!("NATS credentials {}: {why}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            options.credentials(&text).map_err(|_| {
                wrong("it is no file of credentials: make one with `nsc generate creds`".into())
            })?
        }
    };
    let tls = &settings.tls;
    options = options.require_tls(tls.required);
    if let Some(ca) = &tls.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    // All addresses are tried, each for so long.
    let all = settings.connect_timeout * u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let connected = tokio::time::timeout(all + PING, options.connect(addresses)).await;
    match connected {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(refused(settings, error.kind(), &error.to_string())),
        Err(_) => Err(refused(settings, ConnectErrorKind::TimedOut, "timed out")),
    }
}

fn refused(settings: &NatsSettings, kind: ConnectErrorKind, why: &str) -> BrokerError {
    let at = settings.shown();
    match kind {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            BrokerError::Refused(format!(
                "NATS at {at} does not know us ({:?}): check user, password, token, nkey or credentials",
                settings.auth
            ))
        }
        _ if kind == ConnectErrorKind::Tls || why.contains("certificate") => {
            BrokerError::Unavailable(format!(
                "NATS at {at}: no encrypted connection ({why}): check tls.ca, tls.cert and tls.key, and that the server's certificate is for that host"
            ))
        }
        ConnectErrorKind::Dns => {
            BrokerError::Unavailable(format!("NATS at {at}: there is no such host ({why}): check the URL"))
        }
        ConnectErrorKind::TimedOut => BrokerError::Unavailable(format!(
            "NATS at {at} does not answer within {:?}: check that it runs and that nothing is in between",
            settings.connect_timeout
        )),
        _ => BrokerError::Unavailable(format!(
            "NATS at {at} cannot be reached ({why}): check that it runs, and the URL"
        )),
    }
}
