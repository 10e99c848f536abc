//! What a look at the balance comes to: who moves where, or why nobody does.

use std::fmt;
use std::time::Duration;

/// What was made of the balance between pools at one look: which workers move, and why, or why none does.
///
/// Displays as one line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// How evenly the pools were used over the last three ticks, 0 to 1: see [`coefficient`](super::coefficient).
    pub coefficient: f64,
    /// Which workers move, those to the most loaded pool first; empty unless `why` is [`Why::Moved`].
    pub moves: Vec<Move>,
    /// The reason.
    pub why: Why,
}

/// Workers that go from one pool to another, each when the job it runs has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Move {
    /// The pool that gives.
    pub from: String,
    /// The pool that receives.
    pub to: String,
    /// How many workers, at least 1.
    pub workers: u32,
}

/// Why workers move, or do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Moving workers is switched off.
    Disabled,
    /// The coefficient is good.
    Balanced,
    /// The pools are uneven, but none that may take workers has too much to do.
    NothingOverloaded,
    /// Some pool is overloaded, but none that may give to it is idle enough to spare a worker.
    NobodyToGive,
    /// The imbalance has to last for so many more ticks.
    Settling(u32),
    /// Workers moved lately: so long until they may again.
    Cooldown(Duration),
    /// Whoever could give received workers lately, was busy itself, or is not yet known well enough: so long until that
    /// is past.
    Calm(Duration),
    /// Workers move.
    Moved,
}

impl Why {
    /// The name used in metrics and reports, such as `nothing_overloaded`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Why::Disabled => "disabled",
            Why::Balanced => "balanced",
            Why::NothingOverloaded => "nothing_overloaded",
            Why::NobodyToGive => "nobody_to_give",
            Why::Settling(_) => "settling",
            Why::Cooldown(_) => "cooldown",
            Why::Calm(_) => "calm",
            Why::Moved => "moved",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Disabled => f.write_str("moving workers is switched off"),
            Why::Balanced => f.write_str("the pools are balanced"),
            Why::NothingOverloaded => f.write_str("no pool that may take workers is overloaded"),
            Why::NobodyToGive => f.write_str("no pool can spare a worker"),
            Why::Settling(ticks) => write!(f, "waiting {ticks} more ticks whether it lasts"),
            Why::Cooldown(left) => write!(f, "cooling down for {:.1} s more", left.as_secs_f64()),
            Why::Calm(left) => {
                write!(f, "whoever could spare a worker must stay calm for {:.1} s more", left.as_secs_f64())
            }
            Why::Moved => f.write_str("workers move"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "balance {:.2}: {}", self.coefficient, self.why)?;
        for (at, Move { from, to, workers }) in self.moves.iter().enumerate() {
            let before = if at == 0 { ":" } else { "," };
            write!(f, "{before} {workers} from {from} to {to}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_one_line_with_figures() {
        let to_payment = |from: &str, workers| Move { from: from.into(), to: "payment".into(), workers };
        let moves = vec![to_payment("delivery", 2), to_payment("mail", 1)];
        let decision = Decision { coefficient: 0.415, moves, why: Why::Moved };
        assert_eq!(
            decision.to_string(),
            "balance 0.41: workers move: 2 from delivery to payment, 1 from mail to payment"
        );
        let why = Why::Cooldown(Duration::from_millis(12_340));
        let waiting = Decision { coefficient: 0.5, moves: Vec::new(), why };
        assert_eq!(waiting.to_string(), "balance 0.50: cooling down for 12.3 s more");
    }
}
