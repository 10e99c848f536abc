//! Whether the connection is encrypted.

#[cfg(feature = "amqp-tls")]
mod handshake;
#[cfg(feature = "amqp-tls")]
mod stream;
#[cfg(feature = "amqp-tls")]
mod words;

#[cfg(all(test, unix, feature = "amqp-tls"))]
mod tests;

use std::net::TcpStream;

use amiquip::{Auth, Connection, ConnectionOptions, ConnectionTuning};

use super::guard::Limits;
use super::link::shake;
use super::settings::AmqpSettings;
use crate::kanban::broker::BrokerError;
use crate::time::Deadline;

/// Shakes hands, first for the encryption if there is to be one. May block: to be watched.
pub(super) fn open(
    settings: &AmqpSettings,
    socket: TcpStream,
    deadline: &Deadline,
    limits: Limits,
    options: ConnectionOptions<Auth>,
    tuning: ConnectionTuning,
) -> Result<Connection, BrokerError> {
    let Some(tls) = &settings.tls else {
        return shake(settings, unblocked(settings, socket)?, limits, options, tuning);
    };
    #[cfg(feature = "amqp-tls")]
    {
        let stream = handshake::encrypt(settings, tls, socket, deadline)?;
        shake(settings, stream, limits, options, tuning)
    }
    #[cfg(not(feature = "amqp-tls"))]
    {
        let _ = (tls, deadline);
        Err(BrokerError::Unusable(format!(
            "{}: this program was built without encryption for RabbitMQ; build it with the feature amqp-tls",
            settings.place()
        )))
    }
}

fn unblocked(settings: &AmqpSettings, socket: TcpStream) -> Result<mio06::net::TcpStream, BrokerError> {
    mio06::net::TcpStream::from_stream(socket)
        .map_err(|error| BrokerError::Unavailable(format!("{} cannot be used: {error}", settings.place())))
}

/// What an error of the client means if the encryption is the reason.
pub(super) fn told(settings: &AmqpSettings, error: &amiquip::Error) -> Option<BrokerError> {
    #[cfg(feature = "amqp-tls")]
    {
        use amiquip::Error;
        // A server that does not accept our certificate may say so only after the handshake.
        let (Error::IoErrorReadingSocket { source } | Error::IoErrorWritingSocket { source }) = error else {
            return None;
        };
        words::reason(source).map(|reason| words::told(settings, reason))
    }
    #[cfg(not(feature = "amqp-tls"))]
    {
        let _ = (settings, error);
        None
    }
}
