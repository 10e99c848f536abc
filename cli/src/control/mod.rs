//! What is asked of a running service, over its control plane.

pub(crate) mod args;
mod batch;
mod client;
mod ending;
mod error;
mod letters;
mod meter;
mod place;
mod publish;
mod schedules;
mod status;
mod top;

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

pub(crate) use error::ControlError;

use crate::error::Error;
use crate::output;
use crate::units::counted;
use args::Command;

/// Some of what was asked was done, and some was not.
const PARTLY: u8 = 1;

/// Asks it.
pub(crate) fn run(command: &Command) -> Result<ExitCode, Error> {
    match command {
        Command::Publish(args) => publish::publish(args),
        Command::Dlq(args) => letters::run(args),
        Command::Schedule(args) => schedules::run(args),
        Command::Status(args) => status::status(args),
        Command::Top(args) => top::top(args),
        Command::Drain(args) => ending::drain(args),
        Command::Stop(args) => ending::stop(args),
    }
}

/// Whether the control plane at this socket answers within this time that it lives.
pub(crate) fn answers(socket: &Path, within: Duration) -> bool {
    let service = client::Service::at(place::Place::Socket { path: socket.to_owned(), given: true });
    service.patience(within).ask("GET", "/healthz", b"").is_ok_and(|answer| answer.status() == 200)
}

/// Prints a value as JSON: in one line, or indented.
fn print_json<T: Serialize>(value: &T, indented: bool) -> Result<(), Error> {
    let text = if indented { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    output::print(&(text.map_err(|error| ControlError::Answer(error.to_string()))? + "\n"))
}

/// What a file holds, or standard input if it is `-`.
fn contents(file: &Path) -> Result<Vec<u8>, ControlError> {
    let fault = |error| ControlError::File(file.to_owned(), error);
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(fault)?;
        return Ok(bytes);
    }
    fs::read(file).map_err(fault)
}

/// Text from elsewhere, which must not command the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}
