//! `heijunka run`, as it is typed.

use std::path::PathBuf;

use clap::Args;
use heijunka::Listen;

use crate::log::Format;

const AFTER: &str = "\
Examples:
  heijunka run heijunka.toml
  heijunka run heijunka.toml --set broker.kind='\"file\"' --set broker.path='\"/var/lib/heijunka/queue.redb\"'
  generate-mails | heijunka run heijunka.toml --stdin --domain mail

Signals: the first SIGTERM or SIGINT stops or drains the service, as service.on_signal says, within service.grace;
the second ends it at once, its programs included.

Exit codes: 0 everything that was started has ended and nothing is lost; 1 items are lost, given up or, with
--stdin, wrong or among the dead letters; 2 wrong usage, bad configuration, or what it stands on cannot be used;
128 + the signal's number when it was ended at once.";

/// Run a configuration as a service: pull items, run their programs, serve the control socket, HTTP and the dashboard.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Run {
    /// The configuration, as TOML.
    pub(crate) config: PathBuf,
    /// Set one of its settings, such as `kanban.pull=20`
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Path of the control socket, instead of the configured one
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Where to serve HTTP, instead of the configured place: an address such as 127.0.0.1:9090, or off [default:
    /// service.http.listen, else 127.0.0.1:9090, and nowhere if that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<Listen>,
    /// Read items from standard input, one JSON object per line, and end when all of them are settled. No control
    /// socket and no HTTP, unless --socket and --listen ask for them
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Domain of lines that name none
    #[arg(long, value_name = "NAME", requires = "stdin")]
    pub(crate) domain: Option<String>,
    /// What is told on standard error: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log: tracing::level_filters::LevelFilter,
    /// How it is told. What repeats itself more than 50 times within 10 seconds is held back and counted, but for debug and trace
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) log_format: Format,
}
