//! Runs the command as a user would.

// Each test file has a copy of its own, and not every one needs all of it.
#![allow(dead_code, unreachable_pub, reason = "shared by several test crates")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The command, with these arguments.
pub fn heijunka<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heijunka"));
    // The services of all tests would want the same port.
    command.args(args).stdin(Stdio::null()).env("HEIJUNKA_SERVICE__HTTP__LISTEN", "off");
    command
}

/// Runs it with `input` on its standard input.
pub fn pipe<'a>(args: impl IntoIterator<Item = &'a str>, input: &[u8]) -> Ran {
    let mut command = heijunka(args);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses the beginning does not read the rest.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

/// Runs it on nothing but its arguments.
pub fn run<'a>(args: impl IntoIterator<Item = &'a str>) -> Ran {
    heijunka(args).output().unwrap().into()
}

/// What it left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8 output");
        let ran = Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        for trace in ["panicked at", "RUST_BACKTRACE", "stack backtrace"] {
            assert!(!ran.err.contains(trace), "{}", ran.err);
        }
        ran
    }
}

impl Ran {
    /// Its one line on standard error, having printed nothing and exited with 2.
    #[track_caller]
    pub fn refusal(&self) -> &str {
        assert_eq!((self.code, self.out.as_str()), (Some(2), ""), "{}", self.err);
        let mut lines = self.err.lines();
        let line = lines.next_back().unwrap_or("");
        line.strip_prefix("heijunka: ").unwrap_or_else(|| panic!("{:?}", self.err))
    }

    /// Its report.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }
}

/// A file that is gone after the test.
pub struct TempFile(PathBuf);

impl TempFile {
    pub fn new(name: &str, content: &[u8]) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
