//! One run: what was asked for on the command line, and the rows measured so far.

use std::process::ExitCode;

use crate::clock;
use crate::cores::Cores;
use crate::latency::Latency;
use crate::processor::Noise;
use crate::report::{Goal, Ratio, Row, print_summary};
use crate::rounds::{alternate, median};

/// The usage text.
pub const USAGE: &str = "usage: cargo bench --bench compare [-- [--quick] [FILTER]]

FILTER   measure only the rows whose name contains it
--quick  fewer rounds of fewer operations: a smoke test, not evidence";

/// How much to measure, and where.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The cores everything is pinned to.
    pub cores: Cores,
    quick: bool,
}

impl Plan {
    /// `full`, or a fifth of it in a quick run.
    #[must_use]
    pub fn scaled(&self, full: u32) -> u32 {
        if self.quick { full / 5 } else { full }
    }

    /// How often the two sides of a row alternate.
    #[must_use]
    pub fn rounds(&self) -> usize {
        if self.quick { 3 } else { 21 }
    }
}

/// A run of the comparison.
#[derive(Debug)]
pub struct Suite {
    /// How much to measure, and where.
    pub plan: Plan,
    filter: Option<String>,
    rows: Vec<Row>,
    noise: Noise,
    started: u64,
}

impl Suite {
    /// A bench's whole `main`: reads the program's command line, measures, and prints the summary.
    pub fn run(measure: impl FnOnce(&mut Self)) -> ExitCode {
        let mut suite = match Self::from_arguments(std::env::args().skip(1)) {
            Ok(suite) => suite,
            Err(problem) => {
                eprintln!("{problem}");
                return ExitCode::FAILURE;
            }
        };
        measure(&mut suite);
        suite.finish();
        ExitCode::SUCCESS
    }

    /// Reads the command line, without the program's name.
    ///
    /// # Errors
    /// On an unknown option or a second filter, and where [`Cores::detect`] fails; the text says which.
    pub fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut filter, mut quick) = (None, false);
        for argument in arguments {
            match argument.as_str() {
                // Cargo passes it to every bench target.
                "--bench" => {}
                "--quick" => quick = true,
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}\n{USAGE}"));
                }
                _ if filter.is_some() => return Err(format!("more than one filter\n{USAGE}")),
                _ => filter = Some(argument),
            }
        }
        let plan = Plan { cores: Cores::detect()?, quick };
        Ok(Self { plan, filter, rows: Vec::new(), noise: Noise::watch(), started: clock::raw() })
    }

    /// Whether a row of this name was asked for.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.filter.as_deref().is_none_or(|filter| name.contains(filter))
    }

    /// Measures and prints a row: nanoseconds per operation of both sides.
    pub fn ratio(&mut self, name: &str, goal: Goal, ours: impl FnMut() -> f64, other: impl FnMut() -> f64) {
        if !self.wants(name) {
            return;
        }
        let (ours, other) = alternate(self.plan.rounds(), ours, other);
        let ratio = Ratio::of(&ours, &other);
        println!("RATIO {name} {ratio}");
        self.keep(name, ratio.value(), goal);
    }

    /// Prints a row of rounds that were measured already: nanoseconds per operation of both sides.
    pub fn samples(&mut self, name: &str, goal: Goal, ours: &[f64], other: &[f64]) {
        let ratio = Ratio::of(ours, other);
        println!("RATIO {name} {ratio}");
        self.keep(name, ratio.value(), goal);
    }

    /// Measures and prints a row of latencies: the goal is for the medians, the p99 of both sides is reported.
    pub fn latency(
        &mut self,
        name: &str,
        goal: Goal,
        ours: impl FnMut() -> Latency,
        other: impl FnMut() -> Latency,
    ) {
        if !self.wants(name) {
            return;
        }
        let (ours, other) = alternate(self.plan.rounds(), ours, other);
        let p50s = |side: &[Latency]| side.iter().map(|latency| latency.p50).collect::<Vec<_>>();
        let p99 = |side: &[Latency]| median(side.iter().map(|latency| latency.p99));
        let ratio = Ratio::of(&p50s(&ours), &p50s(&other));
        println!("RATIO {name} {ratio} p99_ours={:.0} p99_other={:.0}", p99(&ours), p99(&other));
        self.keep(name, ratio.value(), goal);
    }

    /// Measures and prints a row without an opponent; `unit` says what the figure counts. `None`: it cannot be known here.
    pub fn figure(&mut self, name: &str, unit: &str, goal: Goal, measure: impl FnOnce() -> Option<f64>) {
        if !self.wants(name) {
            return;
        }
        if let Some(value) = measure() {
            println!("FIGURE {name} ours={value:.3} unit={unit}");
            self.keep(name, value, goal);
        } else {
            println!("FIGURE {name} cannot be measured on this system");
        }
    }

    /// Prints the goals met and missed, and how quiet the machine was.
    pub fn finish(&self) {
        print_summary(&self.rows);
        if let Some(others) = self.noise.of_others() {
            let elapsed = clock::nanos_between(self.started, clock::raw()) as f64;
            let share = 100.0 * others.as_nanos() as f64 / elapsed;
            println!(
                "NOISE other programs took {share:.1} % of one core meanwhile; above a few, run it again"
            );
        }
    }

    fn keep(&mut self, name: &str, value: f64, goal: Goal) {
        self.rows.push(Row { name: name.to_owned(), value, goal });
    }
}
