//! Child processes that do not outlive this one, and the signals they get.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

type Order = (Command, Sender<io::Result<Child>>);

/// A child; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// # Panics
    ///
    /// When it cannot be started.
    pub(crate) fn spawn(command: Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = spawn_for_life(command).unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { child }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // One that has ended has not been waited for, so its number is still its own.
        let _ = kill_process(self.number(), signal);
    }

    /// SIGSTOP, and waits until every thread of it stands still.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let _ = waitid(
            WaitId::Pid(self.number()),
            WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        );
    }

    fn number(&self) -> Pid {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a child has a number")
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// SIGTERM, and SIGKILL when that was not enough within ten seconds.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        let end = Instant::now() + Duration::from_secs(10);
        while self.ended().is_none() && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        self.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a child that gets SIGKILL when this process dies.
///
/// The kernel sends it when the *thread* ends that started it, and a test's thread ends before the process: so one thread, which
/// never ends, starts them all.
fn spawn_for_life(mut command: Command) -> io::Result<Child> {
    static STARTER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    command.stdin(Stdio::null());
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec it makes one system call, and neither allocates nor locks.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)
        });
    }
    let starter = STARTER.get_or_init(|| {
        let (send, orders) = mpsc::channel::<Order>();
        let starts = move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        };
        thread::Builder::new().name("hj-test-starter".to_owned()).spawn(starts).expect("a thread starts");
        Mutex::new(send)
    });
    let (send, answer) = mpsc::channel();
    starter.lock().send((command, send)).expect("the starter never ends");
    answer.recv().expect("the starter answers")
}

/// Finds a program, also where only root looks for it.
///
/// # Panics
///
/// When it is not there, saying how to get it.
pub(crate) fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("there is no {program}: install it with `ci/brokers`"))
}

/// Asks again and again, until it is true or so much time has passed.
pub(crate) fn wait_for(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + within;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
}
