//! What the server answers.

use async_nats::jetstream::response::Response;
use async_nats::{Message, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::exchange::Reply;
use crate::kanban::broker::{BrokerError, PublishError, Stored};

/// An error of JetStream's.
pub(super) type ApiError = async_nats::jetstream::Error;

/// That a message is stored, or why it is not: read in one go, as there is one for each that is published.
#[derive(Debug, Deserialize)]
struct PubAck {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<ApiError>,
}

/// Whether a publication was answered with that it is stored.
pub(super) fn is_stored(message: &Message) -> bool {
    matches!(read(message), Ok(PubAck { seq: 1.., error: None, .. }))
}

/// What JetStream answers: an answer, an error of its own, or nothing that could be read.
pub(super) fn answer<T: DeserializeOwned>(message: &Message) -> Result<Result<T, ApiError>, BrokerError> {
    read(message).map(|response| match response {
        Response::Ok(answer) => Ok(answer),
        Response::Err { error } => Err(error),
    })
}

fn read<T: DeserializeOwned>(message: &Message) -> Result<T, BrokerError> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(nobody());
    }
    let unreadable = |error| BrokerError::Refused(format!("NATS answered what cannot be read: {error}"));
    serde_json::from_slice(&message.payload).map_err(unreadable)
}

pub(super) fn nobody() -> BrokerError {
    BrokerError::Unavailable(
        "NATS: no JetStream answers there: start the server with JetStream (`nats-server -js`), enable it for this account, and check that the stream is there".into(),
    )
}

/// What became of a publication.
pub(super) fn stored(reply: Reply) -> Result<Stored, PublishError> {
    match reply {
        Reply::NotSent(error) => Err(PublishError::NotStored(error)),
        Reply::Unanswered(error) => Err(PublishError::Unknown(error)),
        Reply::Answered(message) | Reply::Halted(message) => match read(&message) {
            Ok(PubAck { error: Some(error), .. }) => Err(PublishError::NotStored(refused(&error))),
            Ok(PubAck { duplicate: true, .. }) => Ok(Stored::Duplicate),
            Ok(PubAck { seq: 1.., .. }) => Ok(Stored::New),
            // Whatever answered, it was not a stream.
            Ok(_) => Err(PublishError::Unknown(BrokerError::Refused(
                "NATS answered without saying where it is stored".into(),
            ))),
            Err(error @ BrokerError::Unavailable(_)) => Err(PublishError::NotStored(error)),
            Err(error) => Err(PublishError::Unknown(error)),
        },
    }
}

/// What an error of JetStream's means to us.
pub(super) fn refused(error: &ApiError) -> BrokerError {
    let code = error.error_code().0;
    let what = format!("JetStream: {error}");
    match code {
        // Limits of a stream or of an account, or the disk.
        10002 | 10023 | 10028 | 10047 | 10077 => BrokerError::Full(format!(
            "{what}: raise the limits of the stream or of the account, or make room"
        )),
        // It does not know its leader, or is starting.
        10008 | 10009 | 10041 | 10074 | 10118 | 10164 => {
            BrokerError::Unavailable(format!("{what}: try again"))
        }
        10035 | 10039 | 10076 => BrokerError::Unusable(format!(
            "{what}: enable JetStream at the server (`-js`) and for this account"
        )),
        _ => BrokerError::Refused(what),
    }
}
