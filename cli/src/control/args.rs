//! The command line of what is asked of a running service.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};

use crate::values::{duration, positive_duration, rate};

/// What is asked of a running service.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Publish(Box<Publish>),
    /// See, replay and drop what failed for good
    #[command(subcommand)]
    Dlq(Dlq),
    /// See, add and cancel what is published again and again
    #[command(subcommand)]
    Schedule(Schedule),
    Status(Status),
    Top(Top),
    Drain(Drain),
    Stop(Stop),
}

/// Where the service is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Whereabouts {
    #[arg(
        long,
        value_name = "PATH",
        help = "Socket of the service [default: $HEIJUNKA_SOCKET, else $XDG_RUNTIME_DIR/heijunka.sock, else /tmp/heijunka-UID.sock]"
    )]
    pub(crate) socket: Option<PathBuf>,
    /// Ask over TCP instead: http://HOST:PORT
    #[arg(long, value_name = "URL", conflicts_with = "socket")]
    pub(crate) url: Option<String>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "url",
        help = "File with the token, which all but status and top take over TCP [default: $HEIJUNKA_TOKEN_FILE, sent on this machine only]"
    )]
    pub(crate) token_file: Option<PathBuf>,
}

const PUBLISH_AFTER: &str = "\
Examples:
  heijunka publish mail '{\"to\": \"a@example.org\"}' --priority high --deadline 10m
  heijunka publish thumbnails --file picture.png --key user-42
  heijunka publish --batch items.ndjson

A line of a batch: {\"domain\": …, \"priority\": …, \"id\": …, \"key\": …, \"deadline\": …, \"headers\": {…},
\"payload\": \"text\"} or \"payload_base64\"; only the domain is required.

Exit codes: 0 everything is stored, 1 some of a batch is not, 2 nothing is known to be stored
(after \"unknown\" publish again with the same id), or wrong usage.";

/// Publish an item, or a batch of them.
#[derive(Debug, Args)]
#[command(after_help = PUBLISH_AFTER)]
#[command(group(ArgGroup::new("what").required(true).args(["payload", "file", "batch"])))]
pub(crate) struct Publish {
    /// Domain of the item
    #[arg(required_unless_present = "batch")]
    pub(crate) domain: Option<String>,
    /// What is to be worked on
    #[arg(requires = "domain")]
    pub(crate) payload: Option<String>,
    /// Read the payload from this file, - for standard input
    #[arg(long, value_name = "FILE", requires = "domain")]
    pub(crate) file: Option<PathBuf>,
    /// Publish one item per line of this NDJSON file, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["domain", "priority", "id", "key", "deadline", "header"])]
    pub(crate) batch: Option<PathBuf>,
    /// high, normal or low [default: normal]
    #[arg(long)]
    pub(crate) priority: Option<heijunka::Priority>,
    /// Id of the item: the same id in the same domain is the same item [default: a new one]
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// What the item is routed by [default: its id]
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Until when it is wanted: how long from now, such as 10m, or a time, such as 2026-11-22T12:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub(crate) deadline: Option<String>,
    /// Something told with it
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) header: Vec<(String, String)>,
    /// Print receipts as JSON, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

/// The dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum Dlq {
    /// List dead letters, the oldest first
    List(List),
    /// Show one of them, its payload included
    Show(Show),
    /// Publish some of them again, under new ids, and remove them
    Replay(Replay),
    /// Remove some of them for good
    Drop(Drop),
}

/// Which dead letters.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filter {
    /// Those of this domain
    #[arg(long)]
    pub(crate) domain: Option<String>,
    /// Those that died for this reason: permanent, attempts, expired, poison or undecodable
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Those with a number above this
    #[arg(long, value_name = "NUMBER")]
    pub(crate) after: Option<u64>,
    /// At most so many
    #[arg(long, value_name = "COUNT")]
    pub(crate) most: Option<u64>,
}

/// Some by number, or all that a filter names.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).multiple(true).args(["serials", "all", "domain", "reason", "after", "most"])))]
pub(crate) struct Which {
    /// Their numbers
    #[arg(value_name = "NUMBER", conflicts_with_all = ["all", "domain", "reason", "after", "most"])]
    pub(crate) serials: Vec<u64>,
    /// All of them
    #[arg(long, conflicts_with_all = ["domain", "reason", "after", "most"])]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub(crate) serial: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all were replayed, 1 some were left out or failed, 2 nothing was done."
)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Only tell what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// At most so many per second
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) per_second: Option<f64>,
    /// Even those whose replay is not advised
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) output: Lines,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 all were dropped, 1 some were not, 2 nothing was done.")]
pub(crate) struct Drop {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Only tell what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: Lines,
}

/// How what happens line by line is shown.
#[derive(Debug, Args)]
pub(crate) struct Lines {
    /// Print what happens as JSON, one line each
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

/// The schedules.
#[derive(Debug, Subcommand)]
pub(crate) enum Schedule {
    /// List schedules
    List(ListSchedules),
    /// Add a schedule
    Add(Box<Add>),
    /// Remove a schedule
    Cancel(Named),
    /// Let its ticks pass until it is resumed
    Pause(Named),
    /// Let it fire again
    Resume(Named),
    /// Publish its items once, now
    Run(Named),
}

#[derive(Debug, Args)]
pub(crate) struct ListSchedules {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("when").required(true).args(["cron", "every"])))]
pub(crate) struct Add {
    /// Its name
    pub(crate) name: String,
    /// Cron expression of five fields, or six with the second first
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) cron: Option<String>,
    /// IANA name of the zone whose clock the expression is read against [default: UTC]
    #[arg(long, requires = "cron")]
    pub(crate) zone: Option<String>,
    /// Interval
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    pub(crate) every: Option<Duration>,
    /// Domain of its items
    #[arg(long)]
    pub(crate) domain: String,
    /// high, normal or low
    #[arg(long, default_value_t)]
    pub(crate) priority: heijunka::Priority,
    /// What is to be worked on
    #[arg(long)]
    pub(crate) payload: Option<String>,
    /// Read the payload from this file, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "payload")]
    pub(crate) file: Option<PathBuf>,
    /// What its items are routed by
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// How long after its tick an item is wanted
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Something told with its items
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) header: Vec<(String, String)>,
    /// Leave out missed ticks, instead of making up for the last one
    #[arg(long)]
    pub(crate) skip_missed: bool,
    /// Publish although items of the tick before are not finished
    #[arg(long)]
    pub(crate) allow_overlap: bool,
    /// Send a test item first, and the others once it succeeded
    #[arg(long)]
    pub(crate) canary: bool,
    /// Items per tick
    #[arg(long, default_value_t = 1)]
    pub(crate) batch: u32,
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

/// Tell how the service fares.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

/// Watch how the service fares: a dashboard in the terminal. q ends it, ? tells the other keys.
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// How often to look
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, default_value = "1s")]
    pub(crate) every: Duration,
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

/// Have the service finish everything that waits, and end.
///
/// Exit codes: 0 everything that was started has ended and nothing is lost (what a file or a server still keeps is
/// told), 1 something was given up or is lost, 2 it could not be asked.
#[derive(Debug, Args)]
pub(crate) struct Drain {
    /// How long it may take [default: the service's grace]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) within: Option<Duration>,
    #[command(flatten)]
    pub(crate) output: Lines,
}

/// Have the service finish what runs, give the rest back, and end.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    #[command(flatten)]
    pub(crate) at: Whereabouts,
}

/// Reads `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
