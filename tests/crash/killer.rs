//! Lives, one after the other, on one file; and their ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use heijunka::Clock;
use heijunka::history::{CheckReport, History};

use crate::folder::Folder;
use crate::kind::Kind;
use crate::life::SLOTS;
use crate::look;
use crate::plan::{Plan, Sync, Twin};

/// An unkilled life that drains comes after so many that were killed.
const SETTLE_EVERY: u64 = 10;

/// Deliveries that make an item poison: more than there are lives, as none of them is.
const MANY: u32 = 10_000;

/// While it does what, a life is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum During {
    Opening,
    Work,
    Drain,
}

pub(crate) struct Killer {
    folder: Folder,
    plan: Plan,
    random: fastrand::Rng,
    clock: Clock,
    /// What all lives told until now.
    history: History,
    twice_in_a_life: BTreeSet<String>,
    /// Attempted, without an answer until now.
    unanswered: BTreeSet<String>,
    given_up: usize,
    /// How often an item was published again, not knowing.
    again: BTreeMap<String, u64>,
    /// How long opening took the last time.
    opening: Duration,
    kills: BTreeMap<During, u64>,
    escaped: u64,
    settled: u64,
}

/// What there is to say after a death.
pub(crate) struct Verdict {
    pub(crate) report: CheckReport,
    /// Run to success twice by one process, which no crash explains.
    pub(crate) twice_in_a_life: BTreeSet<String>,
    /// More often among the dead letters than they were published, or of the wrong kind.
    pub(crate) dead_in_vain: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_clean(&self) -> bool {
        self.report.is_clean()
            && self.twice_in_a_life.is_empty()
            && self.report.ended_twice.is_empty()
            && self.dead_in_vain.is_empty()
    }

    pub(crate) fn must_be_clean(&self) {
        let Self { report, twice_in_a_life, dead_in_vain } = self;
        assert!(
            self.is_clean(),
            "{report}\ntwice in a life {twice_in_a_life:?}\ndead in vain {dead_in_vain:?}"
        );
    }
}

impl Killer {
    pub(crate) fn new(name: &str, sync: Sync, twin: Twin, seed: u64) -> Self {
        println!("{name}: HEIJUNKA_SEED={seed}");
        let folder = Folder::new(name);
        let plan = Plan {
            folder: folder.0.clone(),
            life: 0,
            seed,
            sync,
            twin,
            publishes: true,
            drain_after: None,
            max_deliveries: MANY,
        };
        Self {
            folder,
            plan,
            random: fastrand::Rng::with_seed(seed),
            clock: Clock::monotonic(),
            history: History::new(),
            twice_in_a_life: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            given_up: 0,
            again: BTreeMap::new(),
            opening: Duration::from_millis(50),
            kills: BTreeMap::new(),
            escaped: 0,
            settled: 0,
        }
    }

    pub(crate) fn kills(&self) -> u64 {
        self.kills.values().sum()
    }

    /// A life that is killed, and now and then one more that is left to drain.
    pub(crate) fn round(&mut self) {
        let during = match self.random.u32(0..100) {
            0..25 => During::Opening,
            25..80 => During::Work,
            _ => During::Drain,
        };
        let work = Duration::from_millis(self.random.u64(20..400));
        let drain_after = (during == During::Drain).then_some(work);
        // Published again, or given up by who published it, stored or not.
        if self.random.bool() {
            self.given_up += self.unanswered.len();
            self.unanswered.clear();
        }
        self.prepare(Plan { drain_after, publishes: true, ..self.plan.clone() });
        let (stage, patience) = match during {
            During::Opening => ("opening", self.opening.mul_f64(1.2)),
            During::Work => ("working", Duration::from_millis(400)),
            During::Drain => ("draining", Duration::from_millis(60)),
        };
        let patience = patience.mul_f64(self.random.f64());
        let ended = self.live(stage, Some(patience));
        if ended.signal() == Some(9) {
            *self.kills.entry(during).or_default() += 1;
            if self.kills().is_multiple_of(SETTLE_EVERY) {
                self.settle();
            }
        } else {
            assert!(ended.success() && during == During::Drain, "{ended}: {}", self.complaint());
            self.escaped += 1;
        }
    }

    /// A life that does nothing new, and is left alone until everything is done.
    pub(crate) fn settle(&mut self) {
        self.prepare(Plan { drain_after: Some(Duration::ZERO), publishes: false, ..self.plan.clone() });
        let ended = self.live("drained", None);
        assert!(ended.success(), "{ended}: {}", self.complaint());
        if self.plan.twin != Twin::KeepsItemsInMemory {
            assert_eq!(look::at(&self.folder.queue()).left, Vec::<String>::new(), "it was drained");
        }
        self.settled += 1;
    }

    fn prepare(&mut self, plan: Plan) {
        self.plan = plan;
        let again: Vec<String> = self.unanswered.iter().map(|id| format!("{id}\n")).collect();
        fs::write(self.plan.again(), again.concat()).unwrap();
    }

    /// One life, killed so long after it came to this stage.
    fn live(&mut self, stage: &str, kill_after: Option<Duration>) -> ExitStatus {
        let clock = self.clock.clone();
        let started = clock.now();
        let errors = OpenOptions::new().append(true).create(true).open(self.folder.0.join("stderr")).unwrap();
        let mut child = self.plan.command().stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let (said, hear) = std::sync::mpsc::channel();
        let ended = thread::scope(|scope| {
            // What nobody reads would keep it waiting.
            scope.spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if let Some(stage) = line.strip_prefix('@') {
                        let _ = said.send((stage.to_owned(), clock.now()));
                    }
                }
            });
            while let Ok((heard, at)) = hear.recv() {
                if heard == "working" {
                    self.opening = at.since(started);
                }
                if heard == stage {
                    break;
                }
            }
            end(&mut child, kill_after)
        });
        self.read();
        if !ended.success() {
            self.history.crashed(u64::from(SLOTS));
        }
        ended
    }

    /// Reads what the life told.
    fn read(&mut self) {
        if let Ok(file) = File::open(self.plan.history()) {
            let life = History::read(BufReader::new(file)).unwrap();
            self.twice_in_a_life.extend(life.check().duplicates.examples);
            self.history.merge(&life);
            self.read_answers();
        }
        self.plan.life += 1;
    }

    /// What was answered and what was not, which the history counts and does not name.
    fn read_answers(&mut self) {
        let text = fs::read_to_string(self.plan.history()).unwrap();
        // The last line may have been cut short.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for line in whole.lines() {
            let mut words = line.split(' ');
            let (what, id) = (words.next().unwrap(), words.next().unwrap().to_owned());
            match what {
                "attempted" => drop(self.unanswered.insert(id)),
                "confirmed" => drop(self.unanswered.remove(&id)),
                "unknown" => *self.again.entry(id).or_default() += 1,
                _ => {}
            }
        }
    }

    /// Compares what was told with what lies in the file.
    pub(crate) fn verdict(&self) -> Verdict {
        let look = look::at(&self.folder.queue());
        let history = History::new();
        history.merge(&self.history);
        history.left(&look.left);
        let mut dead_in_vain = Vec::new();
        let mut deaths = BTreeMap::<&str, u64>::new();
        for letter in &look.dead {
            let id = letter.item.id.as_str();
            history.dead_lettered(id);
            let count = deaths.entry(id).or_default();
            *count += 1;
            let wanted = 1 + self.again.get(id).copied().unwrap_or(0);
            if Kind::of(id) != Kind::Dead || letter.reason != "permanent" || *count > wanted {
                dead_in_vain.push(format!("{letter:?}"));
            }
        }
        Verdict { report: history.check(), twice_in_a_life: self.twice_in_a_life.clone(), dead_in_vain }
    }

    /// What it did until now.
    pub(crate) fn course(&self) -> String {
        let Self { kills, escaped, settled, given_up, again, .. } = self;
        format!(
            "{} lives: {} killed {kills:?}, {escaped} done before they were to be killed, {settled} left to drain; \
             {} unanswered publishes repeated, {given_up} given up",
            self.plan.life,
            self.kills(),
            again.values().sum::<u64>(),
        )
    }

    /// The end of what it had to say.
    fn complaint(&self) -> String {
        let text = fs::read_to_string(self.folder.0.join("stderr")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

fn end(child: &mut Child, kill_after: Option<Duration>) -> ExitStatus {
    if let Some(after) = kill_after {
        thread::sleep(after);
        // SIGKILL; one that has ended is not killed.
        child.kill().unwrap();
    }
    child.wait().unwrap()
}
