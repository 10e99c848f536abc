//! Whether the connection is encrypted.

use amiquip::{Auth, Connection, ConnectionOptions, ConnectionTuning};
use mio06::net::TcpStream;

use super::guard::Limits;
use super::link::shake;
use super::settings::AmqpSettings;
use crate::kanban::broker::BrokerError;

pub(super) fn open(
    settings: &AmqpSettings,
    stream: TcpStream,
    limits: Limits,
    options: ConnectionOptions<Auth>,
    tuning: ConnectionTuning,
) -> Result<Connection, BrokerError> {
    match &settings.tls {
        None => shake(settings, stream, limits, options, tuning),
        Some(_) => Err(BrokerError::Unusable(format!(
            "{}: this program was built without encryption for RabbitMQ; build it with the feature amqp-tls",
            settings.place()
        ))),
    }
}
