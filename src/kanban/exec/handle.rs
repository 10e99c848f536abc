//! From an item to a run of the program, and from its end to an outcome.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use rustix::io::Errno;

use super::ending::{Ending, Stop};
use super::environment;
use super::error::ProgramError;
use super::find;
use super::program::{Program, ProgramSettings};
use super::run::{Plan, Ran};
use crate::kanban::item::Item;
use crate::kanban::outcome::{Outcome, Work};

/// A run of an item.
pub(super) struct Job<'a> {
    pub(super) item: &'a Item,
    pub(super) attempt: u32,
    pub(super) deliveries: u32,
    /// The time it has.
    pub(super) timeout: Option<Duration>,
    /// Asked now and then: whether it is to be stopped.
    pub(super) stop: &'a dyn Fn() -> Option<Stop>,
}

impl Program {
    /// Looks for the program and its directory.
    ///
    /// # Errors
    /// [`ProgramError`]: what is missing or wrong, and what would help.
    pub fn new(settings: ProgramSettings) -> Result<Self, ProgramError> {
        let ProgramSettings { argv, output, directory, environment, grace } = settings;
        if let Some(at) = argv.iter().position(|argument| argument.contains('\0')) {
            return Err(ProgramError::Nul { place: format!("argv[{at}]") });
        }
        let mut argv = argv.into_iter();
        let name = argv.next().ok_or(ProgramError::Empty)?;
        let base = find::directory(directory.as_deref())?;
        let common = environment::common(&environment)?;
        let path = find::program(&name, &environment::path(&common), &base)?;
        let directory = directory.map(|_| base);
        Ok(Self { name, path, arguments: argv.collect(), directory, common, output, grace })
    }

    pub(super) fn work(&self, work: &Work<'_>) -> Outcome {
        let context = work.context();
        // In this order: once cancelled by its deadline, nothing is left of its time.
        let stop = || match context.is_cancelled() {
            false => None,
            true if context.remaining() == Some(Duration::ZERO) => Some(Stop::Timeout),
            true => Some(Stop::Cancelled),
        };
        let (item, attempt, deliveries) = (work.item(), work.attempt(), work.deliveries());
        self.outcome(&Job { item, attempt, deliveries, timeout: context.remaining(), stop: &stop })
    }

    /// Runs it, and says what becomes of the item.
    pub(super) fn outcome(&self, job: &Job<'_>) -> Outcome {
        if let Some(stop) = (job.stop)() {
            let why = match stop {
                Stop::Timeout => "no time was left",
                Stop::Cancelled => "the service stops",
            };
            return Outcome::retry(format_args!("{} was not started: {why}", self.name));
        }
        let command = match self.command(job) {
            Ok(command) => command,
            Err(outcome) => return outcome,
        };
        let Ran { ending, output } = match self.plan(job).run(command) {
            Ok(ran) => ran,
            Err(error) => {
                return Outcome::retry(format_args!(
                    "{} was not started: {error}{}",
                    self.name,
                    self.cure(&error)
                ));
            }
        };
        let (domain, id) = (&job.item.lane.domain, &job.item.id);
        if ending == Ending::Code(0) {
            tracing::debug!(%domain, %id, program = %self.name, output = %output.tail(LOGGED).text, "done");
        } else {
            tracing::debug!(%domain, %id, program = %self.name, ?ending, "failed");
            tracing::debug!(%domain, %id, program = %self.name, output = %output.tail(LOGGED).text, "it wrote");
        }
        ending.outcome(&self.name, job.timeout, &output)
    }

    /// How it is started for this item; or what becomes of the item, if it cannot be told to any program.
    pub(super) fn command(&self, job: &Job<'_>) -> Result<Command, Outcome> {
        let told = environment::of_item(job.item, job.attempt, job.deliveries, job.timeout);
        if let Some(variable) = environment::unspeakable(&told) {
            return Err(Outcome::dead_letter(format_args!(
                "{} was not started: {variable} would hold a NUL character, which no environment can",
                self.name
            )));
        }
        let mut command = Command::new(&self.path);
        command.arg0(&self.name).args(&self.arguments).env_clear().envs(&self.common).envs(told);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        Ok(command)
    }

    pub(super) fn plan<'a>(&self, job: &Job<'a>) -> Plan<'a> {
        Plan { payload: &job.item.payload, output: self.output, grace: self.grace, stop: job.stop }
    }

    /// What helps if it does not start.
    fn cure(&self, error: &io::Error) -> &'static str {
        let gone = |directory: &std::path::PathBuf| !directory.is_dir();
        match Errno::from_io_error(error) {
            Some(Errno::NOENT | Errno::NOTDIR) if self.directory.as_ref().is_some_and(gone) => {
                ": its directory is gone"
            }
            Some(Errno::NOENT) if self.path.exists() => {
                ": what its first line (#!) names, or the loader it was linked for, is missing"
            }
            Some(Errno::NOENT) => ": it is gone, install it again",
            Some(Errno::ACCESS) => ": it may not be executed any more",
            Some(Errno::NOEXEC) => {
                ": a script needs a first line such as #!/bin/sh, a program must be made for this system"
            }
            Some(Errno::TOOBIG) => {
                ": headers, environment and arguments are too large, put what is large into the payload"
            }
            Some(Errno::AGAIN) => ": there are too many processes, raise their limit (ulimit -u, pids.max)",
            Some(Errno::MFILE | Errno::NFILE) => {
                ": there are too many open files, raise their limit (ulimit -n)"
            }
            Some(Errno::TXTBSY) => ": it is being written",
            _ => "",
        }
    }
}

/// Bytes of the output that are logged.
const LOGGED: usize = 2048;
