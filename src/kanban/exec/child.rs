//! A program that runs, with all that it starts: a process group.

use std::collections::BTreeSet;
use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::fd::OwnedFd;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command};

use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::ending::Ending;

/// The groups of this process that have not been waited for: what is killed if it ends all of a sudden.
static ALIVE: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Kills every program that this process runs, and starts no more: its end is near, and they must not outlive it.
pub(super) fn kill_all() {
    // The lock is kept for good: nothing that is started from here on would be killed.
    let alive = MutexGuard::leak(ALIVE.lock());
    for id in alive.iter().filter_map(|id| Pid::from_raw(*id)) {
        let _ = kill_process_group(id, Signal::KILL);
    }
}

/// A program and the group that it leads. Dropped, the group is killed and the program waited for: no process and no zombie is left.
///
/// The group is always killed *before* the program is waited for. Until then even a dead one keeps its number, so that the
/// signal cannot reach a stranger who got the number anew.
pub(super) struct Group {
    child: Child,
    id: Pid,
    /// Readable once the program has ended.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    end: Option<OwnedFd>,
    waited: bool,
}

impl Group {
    /// Starts it. By value, since the command holds the program's ends of its pipes, which must not stay open here.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let mut alive = ALIVE.lock();
        let child = command.process_group(0).spawn()?;
        let id = Pid::from_child(&child);
        alive.insert(id.as_raw_nonzero().get());
        drop(alive);
        Ok(Self {
            child,
            id,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            // Before Linux 5.3, or where a sandbox forbids it, there is none.
            end: rustix::process::pidfd_open(id, rustix::process::PidfdFlags::empty()).ok(),
            waited: false,
        })
    }

    /// Where its input is written to.
    pub(super) fn take_input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// What becomes readable once the program has ended, where the system has such a thing.
    pub(super) fn end(&self) -> Option<BorrowedFd<'_>> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return self.end.as_ref().map(AsFd::as_fd);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        return None;
    }

    /// Whether the program has ended. It is not waited for yet.
    pub(super) fn has_ended(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.id), look) {
            Ok(None) | Err(rustix::io::Errno::INTR) => false,
            // An error says that there is no such child: somebody else has waited for it.
            Ok(Some(_)) | Err(_) => true,
        }
    }

    /// Asks all of the group to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills all of the group.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Kills what is left of the group, and tells how the program ended. Waits for it if it has not.
    pub(super) fn finish(mut self) -> Ending {
        self.end_all()
    }

    fn end_all(&mut self) -> Ending {
        self.kill();
        self.waited = true;
        // Not a stranger's number yet: it has not been waited for.
        ALIVE.lock().remove(&self.id.as_raw_nonzero().get());
        match self.child.wait() {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => Ending::Code(code),
                (None, Some(signal)) => Ending::Signal(signal),
                (None, None) => Ending::Unknown,
            },
            Err(_) => Ending::Unknown,
        }
    }

    fn signal(&self, signal: Signal) {
        // It fails if nobody is left, or, on some systems, if only the dead program is.
        let _ = kill_process_group(self.id, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.waited {
            self.end_all();
        }
    }
}
