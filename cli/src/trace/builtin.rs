//! A made-up day: three domains, a daily curve, a slow pool, a tenfold burst and an overload.

use std::f64::consts::TAU;
use std::time::Duration;

use heijunka::{Key, Priority};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Exp1, LogNormal, Zipf};

use super::domains::Domains;
use super::{Arrival, TraceError};

/// Its domains. A job of `reports` is ten times as much work as one of the others: the slow pool.
pub(crate) const DOMAINS: [&str; 3] = ["payment", "inventory", "reports"];

/// What the jobs of a domain are like.
struct Profile {
    share: f64,
    /// The priority most of its jobs have, that of the others, and the share of these.
    priority: (Priority, Priority, f64),
    /// Median of the work; the mean is 13 % above it.
    work: Duration,
    /// Different keys; the popular ones are much more frequent.
    keys: f64,
}

const PROFILES: [Profile; 3] = [
    Profile {
        share: 0.45,
        priority: (Priority::High, Priority::Normal, 0.4),
        work: Duration::from_micros(120),
        keys: 20_000.0,
    },
    Profile {
        share: 0.45,
        priority: (Priority::Normal, Priority::Low, 0.3),
        work: Duration::from_micros(180),
        keys: 5_000.0,
    },
    Profile {
        share: 0.10,
        priority: (Priority::Low, Priority::Normal, 0.1),
        work: Duration::from_micros(1500),
        keys: 200.0,
    },
];

/// Parts of the day: a burst of payments before noon, and an overload of everything in the afternoon.
const BURST: std::ops::Range<f64> = 0.36..0.38;
const BURST_FACTOR: f64 = 10.0;
const OVERLOAD: std::ops::Range<f64> = 0.62..0.72;
const OVERLOAD_FACTOR: f64 = 3.0;
/// How much the daily curve swings around its mean.
const SWING: f64 = 0.7;

/// A day to be made up; equal days have equal arrivals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Day {
    pub(crate) seed: u64,
    pub(crate) duration: Duration,
    /// Mean arrivals per second outside burst and overload.
    pub(crate) rate: f64,
}

impl Day {
    /// In the unit of [`Arrival::position`].
    pub(super) fn length(&self) -> u64 {
        nanos(self.duration)
    }

    /// The arrivals, for `domains` that hold those of the day.
    pub(super) fn arrivals(
        self,
        domains: &Domains,
    ) -> Result<impl Iterator<Item = Arrival> + Send + use<>, TraceError> {
        let place = |name: &str| {
            let place = domains.names().iter().position(|known| known == name);
            place.ok_or_else(|| TraceError::unknown_domain(name, domains))
        };
        let [payment, inventory, reports] = DOMAINS;
        let places = [place(payment)?, place(inventory)?, place(reports)?];
        Ok(DayArrivals {
            day: self,
            places,
            rng: ChaCha8Rng::seed_from_u64(self.seed),
            spread: LogNormal::new(0.0, 0.5).expect("a fixed, finite deviation"),
            keys: PROFILES.map(|p| Zipf::new(p.keys, 0.9).expect("fixed, above one key")),
            seconds: 0.0,
        })
    }
}

/// Arrivals by thinning: candidates come at the highest rate of the day, and each is kept with the
/// probability that its moment's rate is of that.
struct DayArrivals {
    day: Day,
    places: [usize; 3],
    rng: ChaCha8Rng,
    spread: LogNormal<f64>,
    keys: [Zipf<f64>; 3],
    seconds: f64,
}

/// Arrivals of each domain at a moment of the day (0 to 1), relative to the mean of all.
fn load(moment: f64) -> [f64; 3] {
    let curve = 1.0 - SWING * (TAU * moment).cos();
    let overload = if OVERLOAD.contains(&moment) { OVERLOAD_FACTOR } else { 1.0 };
    let burst = if BURST.contains(&moment) { BURST_FACTOR } else { 1.0 };
    let [payment, inventory, reports] = PROFILES.map(|profile| profile.share * curve * overload);
    [payment * burst, inventory, reports]
}

/// No moment's load is above this.
const PEAK: f64 = (1.0 + SWING) * (0.55 + 0.45 * BURST_FACTOR);

impl Iterator for DayArrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let gap: f64 = Exp1.sample(&mut self.rng);
            self.seconds += gap / (self.day.rate * PEAK);
            let moment = self.seconds / self.day.duration.as_secs_f64();
            if moment >= 1.0 {
                return None;
            }
            let mut pick = self.rng.random::<f64>() * PEAK;
            for (nth, load) in load(moment).into_iter().enumerate() {
                if pick < load {
                    return Some(self.arrival(nth));
                }
                pick -= load;
            }
        }
    }
}

impl DayArrivals {
    fn arrival(&mut self, nth: usize) -> Arrival {
        let at = Duration::from_secs_f64(self.seconds);
        let profile = &PROFILES[nth];
        let rank = self.keys[nth].sample(&mut self.rng);
        // The logarithm of the spread is normal, so one job in a thousand is five times the median.
        let spread = self.spread.sample(&mut self.rng);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank is a small whole number"
        )]
        let key = Key::from(rank as u64);
        let (usual, other, others) = profile.priority;
        let priority = if self.rng.random::<f64>() < others { other } else { usual };
        Arrival {
            at,
            domain: self.places[nth],
            key,
            priority,
            work: profile.work.mul_f64(spread),
            position: nanos(at),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(day: Day) -> Vec<Arrival> {
        day.arrivals(&Domains::known(DOMAINS.map(str::to_owned))).unwrap().collect()
    }

    const DAY: Day = Day { seed: 7, duration: Duration::from_secs(10), rate: 2000.0 };

    #[test]
    fn the_same_seed_gives_the_same_day() {
        assert_eq!(arrivals(DAY), arrivals(DAY));
        assert_ne!(arrivals(DAY), arrivals(Day { seed: 8, ..DAY }));
    }

    #[test]
    fn arrivals_are_in_order_and_within_the_day() {
        let all = arrivals(DAY);
        assert!(all.is_sorted_by_key(|arrival| arrival.at));
        assert!(all.last().unwrap().at < DAY.duration);
    }

    #[test]
    fn no_moment_is_above_the_peak() {
        let highest = (0..1000).map(|i| load(f64::from(i) / 1000.0).iter().sum::<f64>()).fold(0.0, f64::max);
        assert!(highest <= PEAK, "{highest} > {PEAK}");
    }

    #[test]
    fn the_burst_is_tenfold_and_the_overload_hits_all() {
        let all = arrivals(DAY);
        let rate = |domain: usize, from: f64, to: f64| {
            let within =
                |a: &&Arrival| a.domain == domain && (from..to).contains(&(a.at.as_secs_f64() / 10.0));
            all.iter().filter(within).count() as f64 / (to - from)
        };
        let burst = rate(0, 0.36, 0.38) / rate(0, 0.33, 0.36);
        assert!((8.0..12.0).contains(&burst), "{burst}");
        for domain in 0..3 {
            let overload = rate(domain, 0.62, 0.72) / rate(domain, 0.52, 0.62);
            assert!((2.0..4.0).contains(&overload), "{overload}");
        }
    }

    #[test]
    fn a_configuration_without_its_domains_is_refused() {
        let error = DAY.arrivals(&Domains::known(["payment".to_owned()])).err().unwrap();
        assert_eq!(error.to_string(), "the configuration has no domain \"inventory\"; it has payment");
    }
}
