//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::control;
use crate::values::{Speed, delimiter, duration, positive_duration, rate};

/// Levels the work inside latency-critical services.
#[derive(Debug, Parser)]
#[command(name = "heijunka", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(crate::run::Run),
    Replay(Box<Replay>),
    Check(Check),
    #[command(flatten)]
    Control(control::args::Command),
}

const REPLAY_AFTER: &str = "\
Examples:
  heijunka replay                                    the built-in day, about 12 s
  heijunka replay arrivals.csv --speed 60x
  heijunka replay calls.csv --time-column TIMESTAMP --domain inference \\
      --work-column ContextTokens --work-column GeneratedTokens --work-unit 1us --speed 60x
  kubectl logs api | heijunka replay - --time-column ts --domain-column route --speed max --json

JSON report (--json): offered, admitted, refused {total, and one count per reason}, completed, failed,
expired, lost, domains {name: …}, pools {name: …}, and balance, bad_lines, behind_ns, wall_seconds,
interrupted; latencies in nanoseconds.

Exit codes: 0 nothing was lost; 1 something was lost; 2 wrong usage, bad input or a bad configuration;
128 + the signal's number when interrupted (Ctrl-C: 130).";

/// Drive the runtime with recorded or built-in arrivals and report how they were levelled.
///
/// Open loop: arrivals never wait for the system, and every latency is counted from the intended arrival.
#[derive(Debug, Args)]
#[command(after_help = REPLAY_AFTER)]
pub(crate) struct Replay {
    /// CSV or NDJSON file, - for standard input; without it a built-in day of three domains is played.
    pub(crate) trace: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) columns: Columns,

    #[command(flatten)]
    pub(crate) run: Run,

    #[command(flatten)]
    pub(crate) builtin: Builtin,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// How a foreign file is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading the trace")]
pub(crate) struct Columns {
    /// Format of the trace [default: by its extension, else by its first character]
    #[arg(long, value_enum, requires = "trace")]
    pub(crate) format: Option<Format>,
    /// Separator of CSV columns, one character or tab [default: , and tab for .tsv]
    #[arg(long, value_name = "CHAR", value_parser = delimiter, requires = "trace")]
    pub(crate) delimiter: Option<u8>,
    /// Column with the arrival time: RFC 3339, YYYY-MM-DD hh:mm:ss.fffffff (read as UTC), or a number [default: time]
    #[arg(long, value_name = "NAME", requires = "trace")]
    pub(crate) time_column: Option<String>,
    /// Unit of times that are plain numbers
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, default_value = "1s", requires = "trace")]
    pub(crate) time_unit: Duration,
    /// Column with the domain [default: domain, where there is one]
    #[arg(long, value_name = "NAME", requires = "trace", conflicts_with = "domain")]
    pub(crate) domain_column: Option<String>,
    /// Domain of every line, whatever its columns say
    #[arg(long, value_name = "NAME", requires = "trace")]
    pub(crate) domain: Option<String>,
    /// Column with the key that routes a job [default: key, where there is one, else the line number]
    #[arg(long, value_name = "NAME", requires = "trace")]
    pub(crate) key_column: Option<String>,
    /// Column with the priority, high, normal or low [default: priority, where there is one, else normal]
    #[arg(long, value_name = "NAME", requires = "trace")]
    pub(crate) priority_column: Option<String>,
    /// Column with the work of a job, several are added up [default: work, where there is one]
    #[arg(long, value_name = "NAME", requires = "trace")]
    pub(crate) work_column: Vec<String>,
    /// What 1 in a work column stands for; durations such as 350us may stand there too
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, default_value = "1us", requires = "trace")]
    pub(crate) work_unit: Duration,
    /// Work of a job whose line says nothing about it
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "100us", requires = "trace")]
    pub(crate) work: Duration,
    /// Stop at the first bad line instead of skipping it
    #[arg(long, requires = "trace")]
    pub(crate) strict: bool,
}

/// How the arrivals are played.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct Run {
    /// Configuration [default: a pool with the defaults for every domain found]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Override a value of the configuration, such as admission.hard=500
    #[arg(long, value_name = "PATH=VALUE", requires = "config")]
    pub(crate) set: Vec<String>,
    /// Divide the gaps between arrivals, not the work, by a factor such as 60x; max does not wait at all
    #[arg(long, default_value = "1x")]
    pub(crate) speed: Speed,
    /// What work is: computing or waiting
    #[arg(long, value_enum, default_value_t = WorkKind::Cpu)]
    pub(crate) work_kind: WorkKind,
    /// Jobs not begun this long after their intended arrival expire [default: never]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    pub(crate) deadline: Option<Duration>,
    /// How long queued jobs may still run after the last arrival
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s")]
    pub(crate) drain: Duration,
}

/// The built-in trace.
#[derive(Debug, Args)]
#[command(next_help_heading = "The built-in trace")]
pub(crate) struct Builtin {
    /// Same seed, duration and rate: same arrivals
    #[arg(long, conflicts_with = "trace", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Length of the built-in day at 1x
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, conflicts_with = "trace", default_value = "12s")]
    pub(crate) duration: Duration,
    /// Mean arrivals per second outside its burst and overload [default: 1200 per core]
    #[arg(long, value_parser = rate, conflicts_with = "trace")]
    pub(crate) rate: Option<f64>,
}

/// What is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Print the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A header line, then one line per arrival
    Csv,
    /// One JSON object per line
    Ndjson,
}

/// What a job does for as long as its work lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkKind {
    /// Computes: a calibrated loop
    Cpu,
    /// Sleeps, as if for another service
    Wait,
}

/// Validate a configuration and say what it declares.
///
/// Exit codes: 0 it is valid (warnings are printed), 2 it is not, or with --brokers: something endangers what is promised.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The configuration, TOML
    pub(crate) config: PathBuf,
    /// Override a value of the configuration, such as admission.hard=500
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Connect to its brokers as well, and say what is wrong with them and how to mend it; nothing is changed there
    #[arg(long)]
    pub(crate) brokers: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(args: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(args.split_whitespace())
    }

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_of_a_trace_need_one_and_those_of_the_built_in_day_refuse_one() {
        assert!(parse("heijunka replay --time-column ts").is_err());
        assert!(parse("heijunka replay x.csv --time-column ts").is_ok());
        assert!(parse("heijunka replay --seed 3 --duration 1s").is_ok());
        assert!(parse("heijunka replay x.csv --seed 3").is_err());
        assert!(parse("heijunka replay x.csv --domain a --domain-column b").is_err());
    }
}
