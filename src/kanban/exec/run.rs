//! One run of a program: fed, read and watched in one loop on the calling thread.

use std::io::{self, ErrorKind, PipeReader, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};

use super::capture::Capture;
use super::child::Group;
use super::ending::{Ending, Stop};
use crate::time::Deadline;

/// So often it is asked whether the result is still wanted; and whether the program has ended, where nothing tells.
const LOOK: Duration = Duration::from_millis(10);

/// Bytes read at once: what a pipe usually holds.
const CHUNK: usize = 64 * 1024;

/// What is read at most after the program has ended. What it wrote lies in the pipe by then, and 1 MiB is the most that one may
/// hold; more comes only from processes that left the group, and nobody waits for these.
const LAST_WORDS: usize = 1024 * 1024;

/// How to run it.
pub(super) struct Plan<'a> {
    /// What is written to its input.
    pub(super) payload: &'a [u8],
    /// Bytes of its output that are kept.
    pub(super) output: usize,
    /// How long it may take to end after it was asked to.
    pub(super) grace: Duration,
    /// Asked now and then: whether it is to be stopped.
    pub(super) stop: &'a dyn Fn() -> Option<Stop>,
}

/// How it went.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) ending: Ending,
    pub(super) output: Capture,
}

impl Plan<'_> {
    /// Runs `command` to its end. Blocks until then; stopped, until the grace is over and the system has removed the program.
    ///
    /// # Errors
    /// It was not started.
    pub(super) fn run(&self, mut command: Command) -> io::Result<Ran> {
        let (output, theirs) = io::pipe()?;
        ioctl_fionbio(&output, true)?;
        command.stdin(Stdio::piped()).stdout(theirs.try_clone()?).stderr(theirs);
        let mut group = Group::start(command)?;
        let input = group.take_input();
        if let Some(input) = &input {
            ioctl_fionbio(input, true)?;
        }
        let capture = Capture::new(self.output);
        let mut pipes =
            Pipes { input, left: self.payload, output: Some(output), chunk: vec![0; CHUNK], capture };
        let stopped = self.watch(&group, &mut pipes);
        let ending = group.finish();
        pipes.last_words();
        Ok(Ran { ending: stopped.map_or(ending, Ending::Stopped), output: pipes.capture })
    }

    /// Until the program has ended; says whether it was stopped.
    fn watch(&self, group: &Group, pipes: &mut Pipes<'_>) -> Option<Stop> {
        let mut stopping: Option<(Stop, Deadline)> = None;
        let mut killed = false;
        // First of all: a program that ended in time is judged by its code, however late that is noticed.
        while !group.has_ended() {
            pipes.feed();
            pipes.read();
            match &stopping {
                None => {
                    if let Some(stop) = (self.stop)() {
                        group.terminate();
                        // What reads its input to the end shall find it.
                        pipes.input = None;
                        stopping = Some((stop, Deadline::after(self.grace)));
                    }
                }
                Some((_, grace)) if !killed && grace.passed() => {
                    group.kill();
                    killed = true;
                }
                Some(_) => {}
            }
            pipes.wait(group);
        }
        stopping.map(|(stop, _)| stop)
    }
}

/// What goes in and what comes out. Neither end blocks.
struct Pipes<'a> {
    /// Closed once all is written, or nobody reads it.
    input: Option<ChildStdin>,
    left: &'a [u8],
    /// Closed once nobody can write to it any more.
    output: Option<PipeReader>,
    chunk: Vec<u8>,
    capture: Capture,
}

impl Pipes<'_> {
    /// Writes what the pipe takes.
    fn feed(&mut self) {
        let Some(input) = &mut self.input else { return };
        match input.write(self.left) {
            Ok(written) => self.left = &self.left[written..],
            Err(error) if is_temporary(&error) => return,
            // The program has closed it, and needs no more: no error.
            Err(_) => self.left = &[],
        }
        if self.left.is_empty() {
            self.input = None;
        }
    }

    /// Reads what there is, one chunk at most; 0 if there is nothing.
    fn read(&mut self) -> usize {
        let Some(output) = &mut self.output else { return 0 };
        match output.read(&mut self.chunk) {
            Ok(read) if read > 0 => {
                self.capture.push(&self.chunk[..read]);
                return read;
            }
            Err(error) if is_temporary(&error) => {}
            Ok(_) | Err(_) => self.output = None,
        }
        0
    }

    /// Reads what the ended program has left in the pipe, without waiting for anybody who may still hold it open.
    fn last_words(&mut self) {
        let mut left = LAST_WORDS;
        while left > 0 {
            match self.read() {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
    }

    /// Until something can be written or read, the program ends, or it is time to look.
    fn wait(&self, group: &Group) {
        let input = self.input.as_ref().map(|input| PollFd::from_borrowed_fd(input.as_fd(), PollFlags::OUT));
        let output =
            self.output.as_ref().map(|output| PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN));
        let end = group.end().map(|end| PollFd::from_borrowed_fd(end, PollFlags::IN));
        let mut all: Vec<PollFd<'_>> = [input, output, end].into_iter().flatten().collect();
        let look = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
        match poll(&mut all, Some(&look)) {
            Ok(_) | Err(Errno::INTR) => {}
            // The system is out of memory: no reason to spin.
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
