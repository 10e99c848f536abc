//! Waiting for the moment an arrival is due.

use std::thread;
use std::time::Duration;

use heijunka::{Clock, Moment};

use crate::interrupt::Interrupt;

/// How long before the moment sleeping ends and spinning begins: about what a sleep oversleeps.
const LEAD: Duration = Duration::from_micros(if cfg!(target_os = "linux") { 20 } else { 100 });
/// Sleeps are cut into pieces of this length, to notice a signal.
const PIECE: Duration = Duration::from_millis(50);

/// Reader and submitter stand for the world outside, which does not compete with the workers for processors. Asks the
/// kernel to wake the calling thread when it said (not up to 50 µs later, to save power) and, where this is allowed,
/// before the workers.
pub(super) fn step_outside() {
    #[cfg(target_os = "linux")]
    {
        // If either is refused, arrivals are offered later, and the report says how late.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        // On Linux, priorities are those of threads.
        let _ = rustix::process::setpriority_process(None, -10);
    }
}

/// Waits until `due`, gives the time it is then; `None` if a signal came first. Does not wait at all when late.
pub(super) fn wait(due: Moment, clock: &Clock, interrupt: &Interrupt) -> Option<Moment> {
    loop {
        let now = clock.now();
        let left = due.since(now);
        if left.is_zero() {
            return Some(now);
        }
        if interrupt.signal().is_some() {
            return None;
        }
        match left.checked_sub(LEAD) {
            Some(nap) if !nap.is_zero() => thread::sleep(nap.min(PIECE)),
            _ => std::hint::spin_loop(),
        }
    }
}
