//! `heijunka run`: a configuration as a service, or as a filter for items on standard input.

mod args;
mod ending;
mod signals;
mod stdin;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use heijunka::ops::{Ops, OpsSettings, default_socket};
use heijunka::{BrokerKind, Config, OnSignal, Runtime};
use tracing::info;

pub(crate) use args::Run;

use crate::check;
use crate::error::Error;
use crate::output;
use ending::{Ending, How};

/// How long the control plane has to say its last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs until a signal, a request, or the end of standard input.
pub(crate) fn run(args: &Run) -> Result<ExitCode, Error> {
    let (config, warnings) = check::load(&args.config, &args.set)?;
    tracing_subscriber::fmt().with_max_level(args.log).with_writer(std::io::stderr).with_target(false).init();
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
    let runtime = Arc::new(Runtime::start(config.clone())?);
    let ops = match &socket {
        Some(socket) => Some(serve(&runtime, &ending, socket)?),
        None => None,
    };
    tell_start(&config, socket.as_deref());
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
            OnSignal::Auto => config.queue().is_none_or(|broker| broker.kind == BrokerKind::Memory),
        },
    };
    info!(?grace, "{}", if drains { "draining" } else { "stopping" });
    let report = if drains { runtime.drain(grace) } else { runtime.stop(grace) };
    if let Some(ops) = ops {
        for thread in ops.stop(LAST_WORDS) {
            tracing::warn!(thread, "it did not end in time");
        }
    }
    let fed = fed.map(|fed| fed.tell(&runtime));
    output::note(&ending::told(&report));
    let clean = report.is_clean() && fed.is_none_or(|fed| fed.is_clean());
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn serve(runtime: &Arc<Runtime>, ending: &Ending, socket: &std::path::Path) -> Result<Ops, Error> {
    let ending = ending.clone();
    let end = move |drains: bool, within| ending.ask(if drains { How::Drain } else { How::Stop }, within);
    let routes = heijunka::ops::routes(runtime, end);
    Ops::start(&OpsSettings::new(socket), routes).map_err(Error::Ops)
}

fn tell_start(config: &Config, socket: Option<&std::path::Path>) {
    let broker = config.queue().map_or("none", |broker| broker.kind.name());
    let consumed: Vec<&String> =
        config.domains.iter().filter(|(_, domain)| domain.is_consumed()).map(|(name, _)| name).collect();
    info!(broker, ?consumed, schedules = config.schedules.len(), socket = ?socket, "ready");
}
