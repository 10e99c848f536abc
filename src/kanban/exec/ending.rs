//! Law: how a program ended, and what becomes of its item.

use std::fmt;
use std::time::Duration;

use super::capture::Capture;
use crate::kanban::outcome::Outcome;

/// Exit code: the item is wrong, no attempt will succeed (`EX_DATAERR` of sysexits.h).
const BAD_DATA: i32 = 65;

/// Exit code: try again (`EX_TEMPFAIL` of sysexits.h), as with any other that is not named here.
const TRY_AGAIN: i32 = 75;

/// Bytes of the output that an error quotes: it is kept with the item, and logged.
const QUOTED: usize = 2048;

/// Why a program is stopped before it ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its time is over.
    Timeout,
    /// The result is not wanted any more: the service stops.
    Cancelled,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself, with this code.
    Code(i32),
    /// Killed by this signal, not by us.
    Signal(i32),
    /// By us.
    Stopped(Stop),
    /// The system does not tell: somebody else in this process took the answer.
    Unknown,
}

impl Ending {
    /// What becomes of the item. `timeout` is the time it had, `program` its name.
    pub(super) fn outcome(&self, program: &str, timeout: Option<Duration>, output: &Capture) -> Outcome {
        let ended = Ended { program, ending: self, timeout, output };
        match self {
            Ending::Code(0) => Outcome::Done,
            Ending::Code(BAD_DATA) => Outcome::dead_letter(ended),
            _ => Outcome::retry(ended),
        }
    }
}

/// The error text: how it ended, then the end of what it wrote.
struct Ended<'a> {
    program: &'a str,
    ending: &'a Ending,
    timeout: Option<Duration>,
    output: &'a Capture,
}

impl fmt::Display for Ended<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.program)?;
        match self.ending {
            Ending::Code(BAD_DATA) => write!(f, "exited with {BAD_DATA}, the item is wrong")?,
            Ending::Code(TRY_AGAIN) => write!(f, "exited with {TRY_AGAIN}, to be tried again")?,
            Ending::Code(code) => write!(f, "exited with {code}")?,
            Ending::Signal(signal) => write!(f, "was killed by signal {signal}{}", name_of(*signal))?,
            Ending::Stopped(Stop::Timeout) => {
                f.write_str("timed out and was killed")?;
                if let Some(timeout) = self.timeout {
                    write!(f, ", after {timeout:.3?}")?;
                }
            }
            Ending::Stopped(Stop::Cancelled) => f.write_str("was killed, as the service stops")?,
            Ending::Unknown => f.write_str(
                "ended, and its exit code is not known: this process ignores SIGCHLD, or waits for all children elsewhere",
            )?,
        }
        let tail = self.output.tail(QUOTED);
        match (tail.text.is_empty(), tail.cut) {
            (true, 0) => f.write_str("; it wrote nothing"),
            (true, _) => write!(f, "; it wrote {} bytes, none of them kept", self.output.total()),
            (false, 0) => write!(f, "; it wrote: {}", tail.text),
            (false, cut) => write!(f, "; it wrote ({cut} bytes before this are cut): {}", tail.text),
        }
    }
}

/// What the signals are called that programs mostly die of; their numbers are the same on all Unix systems.
fn name_of(signal: i32) -> &'static str {
    match signal {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        3 => " (SIGQUIT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL: out of memory?)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use super::*;

    fn error(ending: &Ending, output: &Capture) -> String {
        match ending.outcome("work", Some(Duration::from_millis(1500)), output) {
            Outcome::Done => String::new(),
            Outcome::Retry { after, error } => {
                assert_eq!(after, None);
                format!("retry: {error}")
            }
            Outcome::DeadLetter { reason } => format!("dead: {reason}"),
        }
    }

    #[test]
    fn the_code_decides() {
        let nothing = Capture::new(10);
        let cases = [
            (Ending::Code(0), ""),
            (Ending::Code(65), "dead: work exited with 65, the item is wrong; it wrote nothing"),
            (Ending::Code(75), "retry: work exited with 75, to be tried again; it wrote nothing"),
            (Ending::Code(1), "retry: work exited with 1; it wrote nothing"),
            (Ending::Code(255), "retry: work exited with 255; it wrote nothing"),
            (Ending::Signal(11), "retry: work was killed by signal 11 (SIGSEGV); it wrote nothing"),
            (Ending::Signal(40), "retry: work was killed by signal 40; it wrote nothing"),
            (
                Ending::Stopped(Stop::Timeout),
                "retry: work timed out and was killed, after 1.500s; it wrote nothing",
            ),
            (
                Ending::Stopped(Stop::Cancelled),
                "retry: work was killed, as the service stops; it wrote nothing",
            ),
        ];
        for (ending, expected) in cases {
            assert_eq!(error(&ending, &nothing), expected);
        }
        assert!(
            error(&Ending::Unknown, &nothing)
                .starts_with("retry: work ended, and its exit code is not known")
        );
    }

    #[test]
    fn the_end_of_the_output_is_quoted_and_what_is_cut_is_said() {
        let mut output = Capture::new(10_000);
        output.push(b"broken\npipe\n");
        assert_eq!(error(&Ending::Code(1), &output), "retry: work exited with 1; it wrote: broken\\npipe");
        output.push(&vec![b'x'; 20_000]);
        output.push(b"the end");
        let shown = error(&Ending::Code(1), &output);
        let cut = 12 + 20_000 + 7 - QUOTED;
        assert!(shown.contains(&format!("({cut} bytes before this are cut): xxx")), "{shown}");
        assert!(shown.ends_with("xthe end"));
        assert!(shown.len() < QUOTED + 100);
    }

    #[test]
    fn output_that_may_not_be_kept_is_counted() {
        let mut output = Capture::new(0);
        output.push(b"secret");
        assert_eq!(
            error(&Ending::Code(1), &output),
            "retry: work exited with 1; it wrote 6 bytes, none of them kept"
        );
    }
}
