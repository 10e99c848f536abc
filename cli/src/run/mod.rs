//! `heijunka run`: a configuration as a service, or as a filter for items on standard input.

mod args;
mod ending;
mod pulse;
mod signals;
mod stdin;
mod supervisor;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use heijunka::ops::{Claim, Ops, OpsSettings, default_socket};
use heijunka::{Config, OnSignal, Runtime};
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
    let limit = log::begin(args.log, args.log_format);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let ending = Ending::new();
    signals::listen(&ending).map_err(Error::Signals)?;
    let socket = match (&args.socket, args.stdin) {
        (Some(socket), _) => Some(socket.clone()),
        (None, true) => None,
        (None, false) => Some(config.service.socket.clone().unwrap_or_else(default_socket)),
    };
    // Before any work begins: another service may have it.
    let claim =
        socket.as_ref().map(|path| Ops::claim(OpsSettings::new(path)).map_err(Error::Ops)).transpose()?;
    // Dropped after the runtime, and after all that follows.
    let _programs = Programs;
    let runtime = Arc::new(Runtime::start(config.clone())?);
    let ops = claim.map(|claim| serve(claim, &runtime, &ending)).transpose()?;
    tell_start(&config, socket.as_deref());
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
    if let Some(ops) = ops {
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

fn serve(claim: Claim, runtime: &Arc<Runtime>, ending: &Ending) -> Result<Ops, Error> {
    let ending = ending.clone();
    let end = move |drains: bool, within| ending.ask(if drains { How::Drain } else { How::Stop }, within);
    let routes = heijunka::ops::routes(runtime, end);
    claim.serve(routes).map_err(Error::Ops)
}

/// The last words, whatever the level of the log: where it is read by programs, they read these as well.
fn tell(format: log::Format, words: &str) {
    match format {
        log::Format::Text => output::note(words),
        log::Format::Json => {
            output::note(&serde_json::json!({"level": "INFO", "message": words}).to_string())
        }
    }
}

fn tell_start(config: &Config, socket: Option<&std::path::Path>) {
    let broker = config.queue().map_or("none", |broker| broker.kind.name());
    let consumed = config.domains.iter().filter(|(_, domain)| domain.is_consumed());
    let consumed: Vec<&str> = consumed.map(|(name, _)| name.as_str()).collect();
    let consumed = consumed.join(",");
    let socket = socket.map(|path| path.display());
    let schedules = config.schedules.len();
    info!(broker, %consumed, schedules, socket = socket.as_ref().map(tracing::field::display), "ready");
}
