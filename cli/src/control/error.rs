//! Why a running service could not be asked, or did not do what it was.

use std::fmt;
use std::io;
use std::path::PathBuf;

use heijunka::ops::wire::Failure;

#[derive(Debug)]
pub(crate) enum ControlError {
    /// Nobody serves at this socket.
    NoSocket(PathBuf, io::Error),
    /// Nobody serves at this URL.
    Unreachable(String, io::Error),
    /// Somebody else's socket.
    Foreign(PathBuf),
    /// The conversation broke off.
    Broken(io::Error),
    /// What came back is no answer of a heijunka.
    Answer(String),
    /// It said no.
    Refused(Failure),
    /// A file could not be read.
    File(PathBuf, io::Error),
    /// A schedule or an item is wrong in itself.
    Invalid(String),
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ControlError::NoSocket(path, error) => {
                let why = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such socket".to_owned(),
                    io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
                    io::ErrorKind::PermissionDenied => "it is another user's".to_owned(),
                    _ => error.to_string(),
                };
                write!(
                    f,
                    "cannot reach a service at {}: {why}; is it running, and is this its socket (--socket)?",
                    path.display()
                )
            }
            ControlError::Unreachable(url, error) => {
                let why = match error.kind() {
                    io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
                    io::ErrorKind::TimedOut => "no answer".to_owned(),
                    _ => error.to_string(),
                };
                write!(
                    f,
                    "cannot reach a service at {url}: {why}; is it running, and does it listen there (service.http.listen)?"
                )
            }
            ControlError::Foreign(path) => {
                write!(f, "{} is another user's: nothing is sent there", path.display())
            }
            ControlError::Broken(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the service hung up before it had answered: it is not known what was done")
            }
            ControlError::Broken(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                f.write_str("the service does not answer: it is not known what was done")
            }
            ControlError::Broken(error) => write!(f, "the service does not answer: {error}"),
            ControlError::Answer(what) => write!(f, "this is no answer of a heijunka: {what}"),
            ControlError::Refused(Failure { error, hint: None }) => f.write_str(error),
            ControlError::Refused(Failure { error, hint: Some(hint) }) => write!(f, "{error} ({hint})"),
            ControlError::File(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            ControlError::Invalid(why) => f.write_str(why),
        }
    }
}

impl From<io::Error> for ControlError {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}
