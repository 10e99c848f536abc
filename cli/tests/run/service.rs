//! A service that runs in a folder of its own, and what can be asked of it. Nothing of it outlives its test.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use crate::common::{Ran, heijunka, pipe};

/// So often it is looked before something counts as hanging: two minutes at least.
const LOOKS: u32 = 12_000;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until it is so.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(LOOK);
    }
    panic!("waited in vain: {what}");
}

/// A folder of its own, with a program in it.
#[derive(Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// `program` is a script of the shell: it stands in `work` and runs in the folder.
    pub(crate) fn new(program: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Relaxed: only a number. In /tmp, since the path of a socket has to be short.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("hj-run-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let home = Self(folder);
        home.write("work", format!("#!/bin/sh\n{program}\n").as_bytes());
        let mut permissions = fs::metadata(home.path("work")).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        fs::set_permissions(home.path("work"), permissions).unwrap();
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> String {
        fs::write(self.path(name), content).unwrap();
        self.text(name)
    }

    /// What a file holds, once it is there and complete: the programs write lines.
    #[track_caller]
    pub(crate) fn line(&self, name: &str) -> String {
        eventually(name, || fs::read_to_string(self.path(name)).ok().filter(|text| text.ends_with('\n')))
            .trim_end()
            .to_owned()
    }

    /// How many lines a file has.
    pub(crate) fn lines(&self, name: &str) -> usize {
        fs::read_to_string(self.path(name)).unwrap_or_default().lines().count()
    }

    /// The configuration: one domain, `mail`, whose program is `work`, with quick retries, and `more`. Of its three
    /// workers two are for items that are not urgent.
    pub(crate) fn config(&self, more: &str) -> String {
        let (socket, folder) = (self.text("s"), self.0.display());
        let text = format!(
            "[pools.mail]\nmin_workers = 3\nmax_workers = 3\n[domains.mail.exec]\nargv = [\"{folder}/work\"]\ndirectory = \"{folder}\"\n\
             [kanban.retry]\nmax_attempts = 2\nbase = \"1ms\"\ncap = \"1ms\"\n\
             [kanban.breaker]\nfailures = 1000\n\
             [service]\nsocket = \"{socket}\"\n{more}\n"
        );
        self.write("heijunka.toml", text.as_bytes())
    }

    /// With a broker in a file, and `more`.
    pub(crate) fn durable(&self, more: &str) -> String {
        self.config(&format!("{more}\n[broker]\nkind = \"file\"\npath = \"{}\"", self.text("queue.redb")))
    }

    /// Starts `heijunka run` with this configuration, and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(&self, config: &str) -> Service {
        let service = Service::spawn(heijunka(["run", config]), self);
        service.wait_for("INFO ready ");
        service
    }

    /// Runs `heijunka run` that ends by itself.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str]) -> Ran {
        let mut service = Service::spawn(heijunka(args.iter().copied()), self);
        let code = service.wait();
        Ran { code: code.code(), out: String::new(), err: service.told() }
    }

    /// Starts it with something to read, which ends with `input` unless it is to stay open.
    #[track_caller]
    pub(crate) fn feed(&self, config: &str, input: &[u8]) -> (Service, ChildStdin) {
        let mut command = heijunka(["run", config, "--stdin", "--domain", "mail"]);
        command.stdin(Stdio::piped());
        let mut service = Service::spawn(command, self);
        let mut pipe = service.child.stdin.take().unwrap();
        // A service that refuses does not read it.
        let _ = pipe.write_all(input);
        (service, pipe)
    }

    /// Waits until the processes whose numbers the programs wrote are no more.
    #[track_caller]
    pub(crate) fn all_gone(&self) {
        for process in self.processes() {
            eventually("the end of a program", || is_gone(process).then_some(()));
        }
    }

    /// Those that the programs wrote into files that end in `.pid`.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let files = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|file| file.path());
        let files = files.filter(|path| path.extension().is_some_and(|end| end == "pid"));
        files.filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok()).collect()
    }

    /// Runs a command against the socket in the folder.
    #[track_caller]
    pub(crate) fn ask(&self, args: &[&str]) -> Ran {
        self.pipe(args, b"")
    }

    #[track_caller]
    pub(crate) fn pipe(&self, args: &[&str], input: &[u8]) -> Ran {
        pipe(args.iter().copied().chain(["--socket", self.text("s").as_str()]), input)
    }

    /// The same, and it has to succeed; what it printed.
    #[track_caller]
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let ran = self.ask(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}{}", ran.out, ran.err);
        ran.out
    }

    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.done(args)).unwrap()
    }

    /// What was counted since the start.
    #[track_caller]
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.json(&["status", "--json"])["kanban"]["counts"][name].as_u64().unwrap()
    }

    /// Waits until so many were counted.
    #[track_caller]
    pub(crate) fn counted(&self, name: &str, count: u64) {
        eventually(&format!("{count} {name}"), || (self.count(name) >= count).then_some(()));
    }

    /// Waits for so many dead letters, the oldest first.
    #[track_caller]
    pub(crate) fn dead(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} dead letters"), || {
            let letters = self.json(&["dlq", "list", "--json"])["letters"].as_array().unwrap().clone();
            (letters.len() >= count).then_some(letters)
        })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Whatever a failed test left: the programs say who they are.
        for process in self.processes().into_iter().filter(|process| *process > 1 && !is_gone(*process)) {
            if let Some(process) = Pid::from_raw(process) {
                let _ = kill_process_group(process, Signal::KILL);
                let _ = kill_process(process, Signal::KILL);
            }
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A dead process that nobody has waited for is none any more.
fn is_gone(process: i32) -> bool {
    let ran = Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output().unwrap();
    let state = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
    state.is_empty() || state.starts_with('Z')
}

/// A running `heijunka run`. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) child: Child,
    told: Arc<parking_lot::Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Service {
    #[track_caller]
    pub(crate) fn spawn(mut command: Command, home: &Home) -> Self {
        command.stderr(Stdio::piped()).stdout(Stdio::null()).current_dir(&home.0);
        let mut child = command.spawn().unwrap();
        let told: Arc<parking_lot::Mutex<String>> = Arc::default();
        let (mut lines, into) = (BufReader::new(child.stderr.take().unwrap()), told.clone());
        let read = move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
                into.lock().push_str(&std::mem::take(&mut line));
            }
        };
        Self { child, told, reader: Some(thread::Builder::new().spawn(read).unwrap()) }
    }

    /// What it has told on standard error.
    pub(crate) fn told(&self) -> String {
        self.told.lock().clone()
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str) {
        for _ in 0..LOOKS {
            if self.told().contains(what) {
                return;
            }
            thread::sleep(LOOK);
        }
        panic!("never told {what:?}: {}", self.told());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut looks = 0;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            looks += 1;
            assert!(looks < LOOKS, "it does not end: {}", self.told());
            thread::sleep(LOOK);
        };
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        let told = self.told();
        assert!(!told.contains("panicked at"), "{told}");
        status
    }

    /// Waits for its end; its exit code and everything it told.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.wait().code();
        (code, self.told())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            // As somebody would who has no more patience: it takes its programs along.
            for _ in 0..2 {
                let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
                thread::sleep(Duration::from_millis(50));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
