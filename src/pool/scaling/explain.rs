//! Decisions in words, with the figures they were made of.

use humantime::format_duration;

use super::{Decision, Rule, Sample};

impl Decision {
    /// One line: the change, if there is one, and the reason for it, or for there being none.
    pub(crate) fn explain(&self, sample: &Sample) -> String {
        let Sample { workers, min, max, waiting, surge, thresholds, .. } = *sample;
        let utilisation = sample.utilisation();
        let (up, target, down) = (thresholds.up, thresholds.target, thresholds.down);
        let calm = format_duration(thresholds.calm);
        let change = if self.to == workers {
            format!("{workers} workers")
        } else {
            format!("{workers} to {} workers", self.to)
        };
        let queue = || {
            let delay =
                sample.least_delay.map(|delay| format!("jobs waited at least {}", format_duration(delay)));
            let delay = delay.unwrap_or_else(|| format!("{waiting} jobs wait and none started"));
            format!("{delay}, allowed are {}", format_duration(thresholds.queue_delay))
        };
        let after = utilisation * f64::from(workers) / f64::from(workers.saturating_sub(1));
        let asked = sample.wish.unwrap_or(workers);
        let reason = match self.rule {
            Rule::Steady => format!("utilisation {utilisation:.2}, nothing to change"),
            Rule::Busy => format!("utilisation {utilisation:.2} stays above {up:.2}"),
            Rule::Queueing => format!("{}, at utilisation {utilisation:.2}", queue()),
            Rule::Idle => format!("utilisation {utilisation:.2} stays below {down:.2}"),
            Rule::Surge => format!("a surge, {} of {} more", self.surge, surge.extra),
            Rule::SurgeReturned => format!("the surge is over, {} more to return", self.surge),
            Rule::SurgeKept => {
                format!("the surge is over, its worker is needed: utilisation {utilisation:.2}")
            }
            Rule::Asked => format!("{asked} are asked for"),
            Rule::Manual => "held by hand".to_owned(),
            Rule::Bounds => format!("the bounds are {min} to {max}"),
            Rule::AtMaximum => format!("more are wanted at utilisation {utilisation:.2}, {max} are allowed"),
            Rule::NotBusyEnough => {
                format!("{}, yet utilisation {utilisation:.2} is not above {target:.2}", queue())
            }
            Rule::GuardDenied => {
                format!("utilisation {utilisation:.2}, one less would make it {after:.2}, above {target:.2}")
            }
            Rule::CalmDenied => {
                format!("utilisation {utilisation:.2} is below {down:.2}, but has not been low for {calm}")
            }
            Rule::LeaseDenied => {
                format!("utilisation {utilisation:.2}, a surge has {} until it ends", surge.held)
            }
            Rule::WishDenied => format!("utilisation {utilisation:.2}, yet {asked} are asked for"),
        };
        format!("{change}: {reason}")
    }
}
