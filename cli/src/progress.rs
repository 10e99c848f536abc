//! What is seen while a replay runs: a bar on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::drive::Counts;
use crate::output;
use crate::units::Count;

/// How often a bar is drawn.
pub(crate) const TICK: Duration = Duration::from_millis(200);
/// How often a plain line is printed.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Where progress and notes go: standard error, with a bar at its bottom if it is a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Console {
    /// `length` is that of the trace, if it is known.
    pub(crate) fn new(quiet: bool, length: Option<u64>) -> Self {
        let bar = (!quiet && io::stderr().is_terminal()).then(|| bar(length));
        Self { bar, quiet }
    }

    /// Prints a line that stays, above the bar if there is one.
    pub(crate) fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => output::note(line),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let (bar, template) = match length {
        Some(_) => (ProgressBar::with_draw_target(length, target), "{bar:20} {percent:>3} %  {msg}"),
        None => (ProgressBar::with_draw_target(None, target), "{spinner} {msg}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.progress_chars("━╸ "))
}

/// Follows one replay.
pub(crate) struct Progress {
    console: Console,
    /// When a line was last printed.
    lined: Option<Duration>,
    /// When the rate was last taken, and what had been offered then.
    rated: (Duration, u64),
    rate: f64,
}

impl Progress {
    pub(crate) fn new(console: Console) -> Self {
        Self { console, lined: None, rated: (Duration::ZERO, 0), rate: 0.0 }
    }

    /// Shows how things stand `elapsed` after the start, at `position` in the trace.
    pub(crate) fn tick(&mut self, elapsed: Duration, position: u64, counts: &Counts) {
        let (since, offered) = self.rated;
        let span = elapsed.saturating_sub(since);
        if span >= Duration::from_secs(1) {
            self.rate = (counts.offered - offered) as f64 / span.as_secs_f64();
            self.rated = (elapsed, counts.offered);
        }
        if let Some(bar) = &self.console.bar {
            bar.set_position(position);
            bar.set_message(self.line(elapsed, counts));
            bar.tick();
        } else if !self.console.quiet
            && self.lined.is_none_or(|last| elapsed.saturating_sub(last) >= LINE_EVERY)
        {
            self.lined = Some(elapsed);
            output::note(&self.line(elapsed, counts));
        }
    }

    /// Says that no more arrivals come and the rest is being run.
    pub(crate) fn draining(&self, counts: &Counts) {
        if let Some(bar) = &self.console.bar {
            bar.set_message(format!("running the last {} jobs", Count(counts.missing())));
            bar.tick();
        }
    }

    fn line(&self, elapsed: Duration, counts: &Counts) -> String {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count over a time, rounded"
        )]
        let rate = self.rate.round() as u64;
        format!(
            "{}  {} offered ({}/s)  {} in flight  {} refused",
            humantime::format_duration(Duration::from_secs(elapsed.as_secs())),
            Count(counts.offered),
            Count(rate),
            Count(counts.missing()),
            Count(counts.refused()),
        )
    }
}
