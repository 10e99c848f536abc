//! Rows, goals and the lines they are printed as.

use std::fmt;

use crate::rounds::{median, quantile};

/// What a row aims at. Every ratio is time over time, so smaller is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Not more than this.
    AtMost(f64),
    /// Less than this.
    Below(f64),
}

impl Goal {
    /// Whether `value` reaches the goal.
    #[must_use]
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Goal::AtMost(limit) => value <= limit,
            Goal::Below(limit) => value < limit,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::AtMost(limit) => write!(f, "<= {limit:.2}"),
            Goal::Below(limit) => write!(f, "< {limit:.2}"),
        }
    }
}

/// A finished row, for the summary.
#[derive(Clone, Debug)]
pub struct Row {
    /// `subject/circumstances/opponent`.
    pub name: String,
    /// The ratio, or the figure itself where there is no opponent.
    pub value: f64,
    /// What it should have been.
    pub goal: Goal,
}

/// The medians of both sides and how far the rounds agree.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    /// Median of ours, nanoseconds.
    pub ours: f64,
    /// Median of the other side, nanoseconds.
    pub other: f64,
    /// The quartiles of the ratios of the single rounds: a wide range says that the machine was not quiet.
    pub quartiles: (f64, f64),
}

impl Ratio {
    /// From the samples of alternating rounds.
    #[must_use]
    pub fn of(ours: &[f64], other: &[f64]) -> Self {
        let paired = || ours.iter().zip(other).map(|(ours, other)| ours / other);
        Self {
            ours: median(ours.iter().copied()),
            other: median(other.iter().copied()),
            quartiles: (quantile(paired(), 0.25), quantile(paired(), 0.75)),
        }
    }

    /// Ours over the other's.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.ours / self.other
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.quartiles;
        write!(f, "ours={:.1} other={:.1} ratio={:.3} ", self.ours, self.other, self.value())?;
        write!(f, "quartiles={low:.3}..{high:.3}")
    }
}

/// Prints which goals were met and which were missed.
pub fn print_summary(rows: &[Row]) {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    println!();
    for Row { name, value, goal } in rows {
        let verdict = if goal.is_met_by(*value) { "met" } else { "MISSED" };
        println!("{name:width$}  {value:>8.3}  goal {goal:<8} {verdict}", goal = goal.to_string());
    }
    let met = rows.iter().filter(|row| row.goal.is_met_by(row.value)).count();
    println!("GOALS met={met} missed={}", rows.len() - met);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_belongs_to_at_most_and_not_to_below() {
        assert!(Goal::AtMost(1.0).is_met_by(1.0));
        assert!(!Goal::Below(1.0).is_met_by(1.0));
        assert!(!Goal::AtMost(1.0).is_met_by(f64::NAN));
    }

    #[test]
    fn a_ratio_compares_medians() {
        let ratio = Ratio::of(&[1.0, 2.0, 90.0], &[4.0, 4.0, 4.0]);
        assert!((ratio.value() - 0.5).abs() < f64::EPSILON);
    }
}
