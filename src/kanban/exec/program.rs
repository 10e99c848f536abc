//! The handler.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::environment::Variables;
#[cfg(not(unix))]
use super::error::ProgramError;
use crate::kanban::outcome::{Handler, Outcome, Work};

/// Which program runs for an item, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct ProgramSettings {
    /// The program and its arguments, the same for every item. A name without a slash is searched in the folders of `PATH`; a
    /// relative path begins at `directory`. No shell is involved.
    pub argv: Vec<String>,
    /// Bytes kept of what it writes to standard output and standard error together: the last ones. 64 KiB unless told.
    pub output: usize,
    /// Its working directory; that of this process if there is none.
    pub directory: Option<PathBuf>,
    /// Variables added to its environment.
    pub environment: BTreeMap<String, String>,
    /// How long it may take to end after `SIGTERM`, before `SIGKILL`. One second unless told.
    pub grace: Duration,
}

impl Default for ProgramSettings {
    fn default() -> Self {
        Self {
            argv: Vec::new(),
            output: 64 * 1024,
            directory: None,
            environment: BTreeMap::new(),
            grace: Duration::from_secs(1),
        }
    }
}

/// Values of variables are not shown: they may be secret.
impl fmt::Debug for ProgramSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramSettings")
            .field("argv", &self.argv)
            .field("output", &self.output)
            .field("directory", &self.directory)
            .field("environment", &self.environment.keys())
            .field("grace", &self.grace)
            .finish()
    }
}

/// A [`Handler`] that runs a program per item. Unix only.
///
/// The payload is its standard input; it may read it or not. How it ends decides:
///
/// | it | the item |
/// |---|---|
/// | exits with 0 | is done |
/// | exits with 65 (`EX_DATAERR`) | goes to the dead letters |
/// | exits with 75 (`EX_TEMPFAIL`), or any other code | is tried again |
/// | is killed by a signal | is tried again |
/// | cannot be started | is tried again |
/// | takes too long | is tried again: all of its process group get `SIGTERM`, and after a grace `SIGKILL` |
///
/// The error kept with the item says how it ended, with the end of what it wrote: the last 2 KiB, on one line.
///
/// # Environment
///
/// `PATH`, `HOME` and `LANG` of this process, as they were when the program was made; then what is configured; then, of the item:
///
/// | variable | |
/// |---|---|
/// | `HEIJUNKA_ID`, `HEIJUNKA_ORIGINAL_ID` | its id, and the one it was first published with |
/// | `HEIJUNKA_DOMAIN`, `HEIJUNKA_PRIORITY` | where it waited |
/// | `HEIJUNKA_KEY` | its key; unset if it has none |
/// | `HEIJUNKA_ATTEMPT`, `HEIJUNKA_DELIVERIES` | from 1 |
/// | `HEIJUNKA_DEADLINE` | until when it is wanted, as RFC 3339 has it; unset if always |
/// | `HEIJUNKA_TIMEOUT_MS` | the time the program has, in milliseconds; unset without a limit |
/// | `HEIJUNKA_HEADER_…` | each header: its name in capitals, all but letters and digits as `_` |
///
/// Nothing else of this process's environment is passed on. Of headers that become the same variable the last one, in the order of
/// their names, is told.
///
/// # What is left behind
///
/// Whatever the program starts belongs to its process group and is killed when the program ends, in the background or not.
/// A process that leaves the group (`setsid`, `setpgid`) is beyond reach: it lives on, but nobody waits for it, nor for the
/// output that it holds open. If this process is killed itself, the programs run on, and their items come again.
///
/// # Cost
///
/// One `fork` and `exec` per item, three descriptors and `output` + 64 KiB while it runs. The worker sleeps meanwhile, but for
/// a look each 10 ms whether the result is still wanted. The program inherits the cores of its worker: one core, if the pool
/// pins its workers. Programs of several threads belong into a pool that does not.
pub struct Program {
    /// As it was named.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) directory: Option<PathBuf>,
    pub(super) common: Variables,
    pub(super) output: usize,
    pub(super) grace: Duration,
}

/// Values of variables are not shown: they may be secret.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("path", &self.path)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

impl Handler for Program {
    fn handle(&self, work: &Work<'_>) -> Outcome {
        self.work(work)
    }
}

#[cfg(not(unix))]
impl Program {
    /// There are no such programs on this system.
    ///
    /// # Errors
    /// [`ProgramError::Unsupported`].
    pub fn new(_settings: ProgramSettings) -> Result<Self, ProgramError> {
        Err(ProgramError::Unsupported)
    }

    fn work(&self, _work: &Work<'_>) -> Outcome {
        Outcome::retry(ProgramError::Unsupported)
    }
}
