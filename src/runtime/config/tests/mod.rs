//! What is read, what is refused and with which words, and what overrides what.

mod brokers;
mod elsewhere;
mod everything;
mod levelling;
mod overrides;
mod queue;
mod queue_overrides;
mod random;
mod readings;
mod refusals;
mod schedules;
mod sizes;

use super::{Config, ConfigError};

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::from_toml("heijunka.toml", text)
}

/// The line with which `text` is refused, without the name of the file.
#[track_caller]
fn refusal(text: &str) -> String {
    let line = read(text).expect_err("a refusal").to_string();
    assert!(!line.contains('\n'), "not one line: {line:?}");
    line.strip_prefix("heijunka.toml:").expect("the place first").to_owned()
}
