//! A listener to the log that breaks when it is told to.

use std::sync::OnceLock;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::common::GENEROUS;

/// What the listener says when it breaks.
pub(crate) const CAUSE: &str = "the listener broke";

/// Breaks at the next thing that the control thread says, if armed; and holds it up when it says that it died, if told so.
struct Listener;

#[derive(Default)]
struct State {
    armed: bool,
    hold: bool,
    dead: bool,
}

static STATE: Mutex<State> = Mutex::new(State { armed: false, hold: false, dead: false });
static CHANGED: Condvar = Condvar::new();
static TURN: Mutex<()> = Mutex::new(());

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if std::thread::current().name() != Some("hj-control") {
            return;
        }
        let mut state = STATE.lock();
        if *event.metadata().level() == Level::ERROR {
            state.dead = true;
            CHANGED.notify_all();
            CHANGED.wait_while_for(&mut state, |state| state.hold, GENEROUS);
        } else if std::mem::take(&mut state.armed) {
            drop(state);
            panic!("{CAUSE}");
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The right to break the listener. Whatever was set ends with it.
pub(crate) struct Faults(#[allow(dead_code, reason = "held")] MutexGuard<'static, ()>);

#[allow(clippy::unused_self, reason = "only whoever has the turn may")]
impl Faults {
    /// Waits for its turn, and sees to it that somebody listens.
    pub(crate) fn take_turn() -> Self {
        static LISTENS: OnceLock<()> = OnceLock::new();
        let turn = TURN.lock();
        LISTENS.get_or_init(|| tracing::subscriber::set_global_default(Listener).unwrap());
        *STATE.lock() = State::default();
        Self(turn)
    }

    /// The next thing that the control thread says is its last.
    pub(crate) fn arm(&self) {
        STATE.lock().armed = true;
    }

    /// Once dead, it stays so for now.
    pub(crate) fn keep_it_down(&self) {
        STATE.lock().hold = true;
    }

    pub(crate) fn wait_for_death(&self) {
        let waited = CHANGED.wait_while_for(&mut STATE.lock(), |state| !state.dead, GENEROUS);
        assert!(!waited.timed_out(), "it is still alive");
    }

    pub(crate) fn let_it_come_back(&self) {
        STATE.lock().hold = false;
        CHANGED.notify_all();
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        *STATE.lock() = State::default();
        CHANGED.notify_all();
    }
}
