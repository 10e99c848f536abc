//! What the checker found.

use std::fmt;

/// How many ids, and the first few of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// How many.
    pub count: u64,
    /// The first of them, up to ten.
    pub examples: Vec<String>,
}

/// So many ids are shown.
const EXAMPLES: usize = 10;

impl Ids {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn add(&mut self, id: &str) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(id.to_owned());
        }
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        write!(f, "{}: {}", self.count, self.examples.join(", "))?;
        if self.count > self.examples.len() as u64 { f.write_str(", …") } else { Ok(()) }
    }
}

/// How far a producer had come when it lost what it lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostOf {
    /// Which; empty for those that were not named.
    pub producer: String,
    /// How many items it attempted.
    pub attempted: u64,
    /// How many were lost of the first, the middle and the last third of them.
    pub thirds: [u64; 3],
}

/// What a history adds up to. Counts are of items unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// Published, or tried to be.
    pub attempted: u64,
    /// Confirmed by the broker.
    pub confirmed: u64,
    /// Not confirmed, and not known to be refused.
    pub unknown: u64,
    /// Attempted, without any answer: refused, or their producer died.
    pub unanswered: u64,
    /// Run to success.
    pub done: u64,
    /// Among the dead letters.
    pub dead_lettered: u64,
    /// Removed by policy.
    pub dropped: u64,
    /// In the broker still.
    pub left: u64,
    /// Confirmed, and nowhere any more. Must be empty.
    pub lost: Ids,
    /// By producer: where in its course it lost them.
    pub lost_of: Vec<LostOf>,
    /// Told of, but never attempted. Must be empty.
    pub unexpected: Ids,
    /// Run to success more than once.
    pub duplicates: Ids,
    /// Successful runs beyond the first of each.
    pub runs_again: u64,
    /// Run more often than what was told of them explains; crashes may still explain it.
    pub unexplained: Ids,
    /// Successful runs that nothing explains, crashes neither. Must be 0.
    pub runs_unexplained: u64,
    /// Not confirmed, yet done.
    pub recovered: Ids,
    /// Done, and among the dead letters: done, yet run once more, and failed then.
    pub ended_twice: Ids,
    /// Lines that their writer did not finish.
    pub torn: u64,
    /// Why the history could not be written to its file, if so: then it proves nothing.
    pub unwritten: Option<String>,
}

impl CheckReport {
    /// Whether nothing was lost, made up, or run again without a reason.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.unexpected.is_empty()
            && self.runs_unexplained == 0
            && self.unwritten.is_none()
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.is_clean() { "clean" } else { "NOT CLEAN" })?;
        let Self { attempted, confirmed, unknown, unanswered, .. } = self;
        writeln!(
            f,
            "published   {attempted} attempted, {confirmed} confirmed, {unknown} unknown, {unanswered} unanswered"
        )?;
        let Self { done, dead_lettered, dropped, left, .. } = self;
        writeln!(f, "ended       {done} done, {dead_lettered} dead letters, {dropped} dropped, {left} left")?;
        writeln!(f, "lost        {}", self.lost)?;
        for LostOf { producer, attempted, thirds: [first, middle, last] } in &self.lost_of {
            let producer = if producer.is_empty() { "all" } else { producer };
            writeln!(
                f,
                "            of {attempted} by {producer}: {first} in the first third, {middle} in the middle, {last} in the last"
            )?;
        }
        writeln!(f, "unexpected  {}", self.unexpected)?;
        writeln!(f, "duplicates  {}", self.duplicates)?;
        if self.runs_again > 0 {
            writeln!(f, "            {} runs again, {} unexplained", self.runs_again, self.runs_unexplained)?;
        }
        if self.runs_unexplained > 0 {
            writeln!(f, "unexplained {}", self.unexplained)?;
        }
        writeln!(f, "recovered   {}", self.recovered)?;
        if !self.ended_twice.is_empty() {
            writeln!(f, "done + dead {}", self.ended_twice)?;
        }
        if self.torn > 0 {
            writeln!(f, "torn lines  {}", self.torn)?;
        }
        if let Some(error) = &self.unwritten {
            writeln!(f, "unwritten   {error}")?;
        }
        Ok(())
    }
}
