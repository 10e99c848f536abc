//! Why the command could not do what it was asked to: always one sentence, and exit code 2.

use std::fmt;
use std::io;

use crate::control::ControlError;
use crate::trace::TraceError;

#[derive(Debug)]
pub(crate) enum Error {
    Trace(TraceError),
    Config(heijunka::ConfigError),
    Start(heijunka::StartError),
    /// A thread of the command itself could not be started.
    Thread(io::Error),
    Signals(io::Error),
    Output(io::Error),
    /// Standard input cannot be read.
    Input(io::Error),
    /// Items were to be read, and nothing consumes them.
    NoQueue,
    /// The control socket, or the address for HTTP, cannot be had.
    Ops(heijunka::ops::OpsError),
    /// The counters of the process before cannot be gone on with.
    Counters(heijunka::ops::CountersError),
    /// The token cannot be had, for this reason.
    Token(String),
    Control(ControlError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Trace(error) => error.fmt(f),
            Error::Config(error) => error.fmt(f),
            Error::Start(error) => error.fmt(f),
            Error::Thread(error) => write!(f, "cannot start a thread: {error}"),
            Error::Signals(error) => write!(f, "cannot listen for signals: {error}"),
            Error::Control(error) => error.fmt(f),
            Error::Input(error) => write!(f, "cannot read standard input: {error}"),
            Error::NoQueue => {
                f.write_str("the configuration has no queue: give a domain an exec to run for its items")
            }
            Error::Ops(error) => write!(f, "the control plane: {error}"),
            Error::Counters(error) => error.fmt(f),
            Error::Token(why) => write!(f, "service.http.token: {why}"),
            Error::Output(error) => write!(f, "cannot write the report: {error}"),
        }
    }
}

impl From<TraceError> for Error {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

impl From<heijunka::ConfigError> for Error {
    fn from(error: heijunka::ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<heijunka::StartError> for Error {
    fn from(error: heijunka::StartError) -> Self {
        Self::Start(error)
    }
}

impl From<ControlError> for Error {
    fn from(error: ControlError) -> Self {
        Self::Control(error)
    }
}
