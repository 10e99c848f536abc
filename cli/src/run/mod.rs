//! `heijunka run`: a configuration as a service, or as a filter for items on standard input.

mod args;
mod ending;
mod ops;
mod pulse;
mod signals;
mod stdin;
mod supervisor;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{Config, OnSignal, Runtime};
use tracing::field::display;
use tracing::info;

pub(crate) use args::Run;

use crate::check;
use crate::error::Error;
use crate::{log, output};
use ending::{Ending, How};
use pulse::Pulse;

/// How long the control plane has to say its last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs until a signal, a request, or the end of standard input.
pub(crate) fn run(args: &Run) -> Result<ExitCode, Error> {
    let (config, warnings) = check::load(&args.config, &args.set)?;
    if args.stdin && config.queue().is_none() {
        return Err(Error::NoQueue);
    }
    let limit = log::begin(args.log, args.log_format, config.tracing.spans);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let ending = Ending::new();
    signals::listen(&ending).map_err(Error::Signals)?;
    let claimed = ops::claim(args, &config.service)?;
    let (socket, http) = (claimed.socket.clone(), claimed.http);
    // Dropped after the runtime, and after all that follows.
    let _programs = Programs;
    let runtime = Arc::new(Runtime::start(config.clone())?);
    let serving = claimed.serve(&runtime, &ending)?;
    tell_start(&config, socket.as_deref(), http);
    let pulse = Pulse::start(&runtime, socket, limit)?;
    let fed = if args.stdin { Some(stdin::feed(&runtime, args.domain.clone(), &ending)?) } else { None };
    let wish = if args.stdin { ending.wish().unwrap_or((How::Drain, None)) } else { ending.wait() };
    let (how, within) = wish;
    let grace = within.unwrap_or(config.service.grace);
    let drains = match how {
        How::Drain => true,
        How::Stop => false,
        How::Signal => match config.service.on_signal {
            OnSignal::Drain => true,
            OnSignal::Stop => false,
            OnSignal::Auto => config.queue().is_none_or(|broker| broker.is_volatile()),
        },
    };
    let doing = if drains { "draining" } else { "stopping" };
    info!(?grace, "{doing}");
    pulse.ending(doing);
    let report = if drains { runtime.drain(grace) } else { runtime.stop(grace) };
    if let Some(ops) = serving.ops {
        for thread in ops.stop(LAST_WORDS) {
            tracing::debug!(thread, "it still answers somebody");
        }
    }
    drop(pulse);
    if let Some(fed) = &fed {
        tell(args.log_format, &fed.told(&runtime));
    }
    tell(args.log_format, &ending::told(&report, &runtime));
    let clean = report.is_clean() && fed.as_ref().is_none_or(|fed| fed.is_clean(&runtime));
    if let Some(error) = fed.and_then(stdin::Fed::into_error) {
        return Err(Error::Input(error));
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// No program outlives the service, however it ends.
struct Programs;

impl Drop for Programs {
    fn drop(&mut self) {
        heijunka::kill_programs();
    }
}

/// The last words, whatever the level of the log: where it is read by programs, they read these as well.
fn tell(format: log::Format, words: &str) {
    match format {
        log::Format::Text => output::note(words),
        log::Format::Json => {
            output::note(&serde_json::json!({"level": "INFO", "message": words}).to_string());
        }
    }
}

fn tell_start(config: &Config, socket: Option<&Path>, http: Option<SocketAddr>) {
    let broker = config.queue().map_or("none", |broker| broker.kind.name());
    let consumed = config.domains.iter().filter(|(_, domain)| domain.is_consumed());
    let consumed: Vec<&str> = consumed.map(|(name, _)| name.as_str()).collect();
    let consumed = consumed.join(",");
    let socket = socket.map(|path| path.display());
    let schedules = config.schedules.len();
    let (socket, http) = (socket.as_ref().map(display), http.as_ref().map(display));
    info!(broker, %consumed, schedules, socket, http, "ready");
}
