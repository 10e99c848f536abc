//! A connection: our own socket, the guard, the kill switch, and what errors mean to people.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use amiquip::{AmqpValue, Auth, Channel, Connection, ConnectionOptions, ConnectionTuning, Error, FieldTable};

use super::dog::{Dog, Kill};
use super::guard::{Guard, Limits};
use super::settings::{AmqpSettings, LARGEST};
use crate::kanban::broker::BrokerError;
use crate::time::Deadline;

/// A connection that is open.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) kill: Kill,
}

/// What is kept for the socket before the client's callers have to wait.
const HIGH_WATER: usize = 1 << 20;

impl Link {
    /// Connects, within the time for it and a little. A peer that answers in a trickle is ended by the dog.
    pub(super) fn open(settings: &AmqpSettings, dog: &Dog) -> Result<Self, BrokerError> {
        let deadline = Deadline::after(settings.connect_timeout);
        let socket = reach(settings, &deadline)?;
        let unavailable = |error: std::io::Error| {
            BrokerError::Unavailable(format!("{} cannot be used: {error}", settings.place()))
        };
        socket.set_nodelay(true).map_err(unavailable)?;
        let kill = Kill::new(socket.try_clone().map_err(unavailable)?);
        let limits = Limits { frame: settings.max_frame as usize, body: LARGEST as u64 };
        let left = deadline.left().max(Duration::from_millis(1));
        let (options, tuning) = how(settings);
        let opened = dog.watch(&kill, left, "connecting", || {
            super::tls::open(settings, socket, &deadline, limits, options, tuning)
        });
        opened.map(|connection| Self { connection, kill })
    }

    /// A new channel. May block: to be watched.
    pub(super) fn channel(&mut self, settings: &AmqpSettings) -> Result<Channel, BrokerError> {
        self.connection.open_channel(None).map_err(|error| told(settings, &error))
    }

    /// The version that the server tells.
    pub(super) fn version(&self) -> String {
        text(self.connection.server_properties(), "version")
    }

    /// Ends the connection in good order, if that takes less than `limit`; tells the client's reason, had it ended before.
    pub(super) fn end(self, dog: &Dog, limit: Duration) -> Option<Error> {
        let Self { connection, kill } = self;
        dog.watch(&kill, limit, "closing", || connection.close()).err()
    }
}

/// Wraps a stream in the guard and shakes hands.
pub(super) fn shake<S: amiquip_stream::Plain>(
    settings: &AmqpSettings,
    stream: S,
    limits: Limits,
    options: ConnectionOptions<Auth>,
    tuning: ConnectionTuning,
) -> Result<Connection, BrokerError> {
    Connection::insecure_open_stream(Guard::new(stream, limits), options, tuning)
        .map_err(|error| told(settings, &error))
}

/// What can be guarded.
pub(super) mod amiquip_stream {
    use std::io::{Read, Write};

    pub(in crate::kanban::amqp) trait Plain:
        Read + Write + mio06::Evented + Send + 'static
    {
    }

    impl<S: Read + Write + mio06::Evented + Send + 'static> Plain for S {}
}

fn how(settings: &AmqpSettings) -> (ConnectionOptions<Auth>, ConnectionTuning) {
    let auth = Auth::Plain { username: settings.user.clone(), password: settings.password.clone() };
    let heartbeat = u16::try_from(settings.heartbeat.as_secs()).unwrap_or(u16::MAX);
    let options = ConnectionOptions::default()
        .auth(auth)
        .virtual_host(settings.vhost.clone())
        .frame_max(settings.max_frame)
        .heartbeat(heartbeat)
        .connection_timeout(Some(settings.connect_timeout))
        .information(Some(format!("heijunka {}", env!("CARGO_PKG_VERSION"))));
    let tuning = ConnectionTuning::default().mem_channel_bound(1024).buffered_writes_high_water(HIGH_WATER);
    (options, tuning)
}

/// The first of its addresses that lets us in.
fn reach(settings: &AmqpSettings, deadline: &Deadline) -> Result<TcpStream, BrokerError> {
    let place = settings.place();
    let hint = "is it running, and is its address right?";
    let addresses = (&*settings.host, settings.port).to_socket_addrs().map_err(|error| {
        BrokerError::Unavailable(format!("{place}: {error}; does the host's name resolve?"))
    })?;
    let mut why = BrokerError::Unavailable(format!("{place}: the host has no address"));
    for address in addresses {
        let left = deadline.left().max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => why = BrokerError::Unavailable(format!("{place}: {error}; {hint}")),
        }
    }
    Err(why)
}

/// A text of a table, empty if there is none.
pub(super) fn text(table: &FieldTable, name: &str) -> String {
    match table.get(name) {
        Some(AmqpValue::LongString(text)) => text.clone(),
        _ => String::new(),
    }
}

/// What an error of the client means, and what would help.
pub(super) fn told(settings: &AmqpSettings, error: &Error) -> BrokerError {
    if let Some(told) = super::tls::told(settings, error) {
        return told;
    }
    let place = settings.place();
    match error {
        Error::InvalidCredentials => BrokerError::Refused(format!(
            "{place} does not let user {:?} in: check user and password (guest may connect from the server's machine only)",
            settings.user
        )),
        Error::ServerClosedConnection { code: 530, message } => BrokerError::Refused(format!(
            "{place}: {message}; create the vhost with `rabbitmqctl add_vhost`, and let user {:?} in with \
             `rabbitmqctl set_permissions`",
            settings.user
        )),
        Error::ServerClosedConnection { code: 403, message }
        | Error::ServerClosedChannel { code: 403, message, .. } => BrokerError::Refused(format!(
            "{place}: {message}; give user {:?} configure, write and read permission for {}.* with \
             `rabbitmqctl set_permissions`",
            settings.user, settings.prefix
        )),
        Error::ServerClosedChannel { code: 406, message, .. } => BrokerError::Unusable(format!(
            "{place}: {message}; what is there has other settings than heijunka needs, and is not altered: empty and delete \
             it, or set another prefix"
        )),
        Error::ServerClosedChannel { code: 404, message, .. } => BrokerError::Unusable(format!(
            "{place}: {message}; declare it, or let heijunka do so (create = true)"
        )),
        Error::MissedServerHeartbeats => BrokerError::Unavailable(format!("{place} has fallen silent")),
        error => BrokerError::Unavailable(format!("{place}: {error}")),
    }
}
