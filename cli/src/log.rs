//! What is told on standard error, and in which form.

mod limit;

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

pub(crate) use limit::Limit;

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// A JSON object per line, for programs
    Json,
}

/// From now on whatever is told is written down, and with `spans` a line for each of them, with how long it took. To be called once.
pub(crate) fn begin(level: LevelFilter, format: Format, spans: bool) -> Limit {
    let limit = Limit::new(heijunka::Clock::monotonic());
    let spans = if spans { FmtSpan::CLOSE } else { FmtSpan::NONE };
    let lines = fmt::layer().with_span_events(spans).with_writer(std::io::stderr);
    let lines = match format {
        Format::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed(),
        Format::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    // The limit is asked last, about what would be written.
    registry().with(lines).with(limit.clone()).with(level).init();
    limit
}
