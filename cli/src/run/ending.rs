//! Who wants the service to end, and how; and what is told when it has.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use heijunka::{Report, Runtime};
use parking_lot::{Condvar, Mutex};

use crate::units::{Human, counted};

/// How the service is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// After everything that waits is done.
    Drain,
    /// After everything that runs is done.
    Stop,
    /// As is configured for signals.
    Signal,
}

/// The first wish decides.
#[derive(Clone, Debug)]
pub(crate) struct Ending(Arc<(Mutex<Option<Wish>>, Condvar)>);

/// How it is to end, and within what time if that is not the configured one.
type Wish = (How, Option<Duration>);

impl Ending {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Somebody wants it to end.
    pub(crate) fn ask(&self, how: How, within: Option<Duration>) {
        let (wish, changed) = &*self.0;
        wish.lock().get_or_insert((how, within));
        changed.notify_all();
    }

    /// Waits for a wish.
    pub(crate) fn wait(&self) -> Wish {
        let (wish, changed) = &*self.0;
        let mut wish = wish.lock();
        loop {
            match *wish {
                Some(wish) => return wish,
                None => changed.wait(&mut wish),
            }
        }
    }

    /// The wish there is, if there is one.
    pub(crate) fn wish(&self) -> Option<Wish> {
        *self.0.0.lock()
    }
}

/// The report in words: one line, and one for each thing that is not as it should be.
pub(crate) fn told(report: &Report, runtime: &Runtime) -> String {
    let mut text = format!("ended in {}", Human(report.took));
    if let (Some(kanban), Some(queue)) = (&report.kanban, runtime.kanban()) {
        let counts = queue.status().counts;
        let _ = write!(text, ": {} done", counted(counts.done, "item"));
        if counts.dead_lettered > 0 {
            let _ = write!(text, ", {}", counted(counts.dead_lettered, "dead letter"));
        }
        if let Some(left) = kanban.left {
            let _ = write!(text, ", {} left in the broker", counted(left, "item"));
        }
        for (what, ids) in
            [("given back", &kanban.given_back), ("abandoned while running", &kanban.abandoned)]
        {
            if !ids.is_empty() {
                let shown: Vec<&str> = ids.iter().take(20).map(heijunka::ItemId::as_str).collect();
                let more = if ids.len() > shown.len() { ", …" } else { "" };
                let many = counted(ids.len() as u64, "item");
                let _ = write!(text, "\n  {many} {what}: {}{more}", shown.join(", "));
            }
        }
        if kanban.lost() > 0 {
            let _ = write!(text, "\n  {} LOST: the broker was in memory", counted(kanban.lost(), "item"));
        }
    }
    if report.abandoned > 0 {
        let _ = write!(text, "\n  {} handed back unrun", counted(report.abandoned, "job"));
    }
    for thread in &report.unjoined {
        let _ = write!(text, "\n  thread {thread} did not end in time");
    }
    text
}
