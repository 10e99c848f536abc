//! The life of the control thread: a tick, a sleep, and a new beginning from the last committed state if a tick panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::super::Core;
use super::journal::Draft;
use crate::thread::{Managed, panic_message};
use crate::time::Moment;

/// How long a control thread that died stays down: doubled each time, up to the second figure, in real time.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// After so many good ticks, earlier deaths are forgotten.
const FORGIVEN: u64 = 100;

/// Starts the control thread.
pub(in crate::runtime) fn start(core: &Arc<Core>) -> std::io::Result<()> {
    let own = core.clone();
    let thread = Managed::spawn("hj-control".to_owned(), move || supervise(&own))?;
    *core.control.thread.lock() = Some(thread);
    Ok(())
}

/// Runs the ticks until the end, whatever happens in them.
fn supervise(core: &Core) {
    let mut backoff = BACKOFF.0;
    loop {
        let before = core.control.life.lock().ticks;
        let Err(payload) = catch_unwind(AssertUnwindSafe(|| tick_until_the_end(core))) else { return };
        if core.control.life.lock().ticks - before >= FORGIVEN {
            backoff = BACKOFF.0;
        }
        let why = panic_message(&*payload).unwrap_or_else(|| "without a message".to_owned());
        // Its drop may panic as well.
        std::mem::forget(payload);
        core.control.life.lock().died(&why);
        let told =
            format!("the control thread died and starts again in {backoff:?} from its last committed state");
        core.control.journal.write(core.clock.now(), Draft::remark(None, &format!("panic: {why}"), told));
        // Whoever listens to the log may be what panicked.
        let _ = catch_unwind(AssertUnwindSafe(|| tracing::error!(%why, ?backoff, "the control thread died")));
        core.control.pause(backoff);
        backoff = (backoff * 2).min(BACKOFF.1);
    }
}

fn tick_until_the_end(core: &Core) {
    let mut due = core.clock.now();
    while !core.control.is_ending() {
        let now = core.clock.now();
        if now >= due {
            due = next(due, core.tick(), now);
            core.run_tick();
        } else {
            // Rung: a worker died, or somebody wants something started.
            core.tend_pools();
        }
        core.bell.listen(core.clock.real_time_until(due));
    }
}

/// On the beat, unless a beat was missed.
fn next(due: Moment, tick: Duration, now: Moment) -> Moment {
    let next = due.after(tick);
    if next > now { next } else { now.after(tick) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_their_beat_and_do_not_catch_up() {
        let at = Moment::from_nanos;
        let tick = Duration::from_nanos(100);
        assert_eq!(next(at(100), tick, at(103)), at(200));
        assert_eq!(next(at(100), tick, at(950)), at(1050));
    }
}
