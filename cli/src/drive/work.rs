//! What a replayed job does: compute or wait.

use std::hint::black_box;
use std::time::Duration;

use heijunka::Clock;

use crate::args::WorkKind;

/// Work of a known size.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// Rounds of the loop.
    Rounds(u64),
    Wait(Duration),
}

impl Work {
    #[inline]
    pub(super) fn run(self) {
        match self {
            Work::Rounds(rounds) => spin(rounds),
            Work::Wait(duration) => std::thread::sleep(duration),
        }
    }
}

/// Makes work of durations.
#[derive(Clone, Copy, Debug)]
pub(super) enum Workshop {
    Cpu { rounds_per_nano: f64 },
    Wait,
}

impl Workshop {
    /// Computing is measured once and then counted in rounds: a preempted job takes longer, as real ones do, while a
    /// loop that watches the clock would shrink and pretend to more processors than there are. Takes some 30 ms.
    pub(super) fn new(kind: WorkKind, clock: &Clock) -> Self {
        match kind {
            WorkKind::Wait => Workshop::Wait,
            WorkKind::Cpu => Workshop::Cpu { rounds_per_nano: calibrate(clock) },
        }
    }

    #[inline]
    pub(super) fn make(self, duration: Duration) -> Work {
        match self {
            Workshop::Wait => Work::Wait(duration),
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an hour is 1e13 rounds"
            )]
            Workshop::Cpu { rounds_per_nano } => {
                Work::Rounds((duration.as_nanos() as f64 * rounds_per_nano) as u64)
            }
        }
    }
}

/// Rounds per nanosecond: the best of many short runs, since anything else on the machine only slows one down.
fn calibrate(clock: &Clock) -> f64 {
    const ROUNDS: u64 = 200_000;
    (0..60)
        .map(|_| {
            let start = clock.now();
            spin(ROUNDS);
            ROUNDS as f64 / clock.now().nanos_since(start).max(1) as f64
        })
        .fold(0.0, f64::max)
}

#[inline(never)]
fn spin(rounds: u64) {
    let mut value = rounds;
    for _ in 0..rounds {
        value = black_box(value.rotate_left(7) ^ 0x9E37_79B9);
    }
    black_box(value);
}
