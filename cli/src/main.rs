//! The command `heijunka`: see `docs/replay.md`.

mod args;
mod check;
mod control;
mod drive;
mod error;
mod interrupt;
mod items;
mod lines;
mod log;
mod output;
mod progress;
mod replay;
mod report;
mod run;
mod table;
mod trace;
mod units;
mod values;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Replay(args) => replay::replay(&args),
        Command::Check(args) => check::check(&args),
        Command::Run(args) => run::run(&args),
        Command::Control(command) => control::run(&command),
    };
    done.unwrap_or_else(|error| {
        output::note(&format!("heijunka: {error}"));
        ExitCode::from(2)
    })
}
