//! The terminal: taken over, and given back on every way out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ratatui::{DefaultTerminal, Frame};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long whoever draws has to end by itself.
const PATIENCE: Duration = Duration::from_millis(500);

/// The terminal while it is ours. A panic gives it back as well, before its message is printed.
#[derive(Debug)]
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        let opened = ratatui::try_init();
        if opened.is_err() {
            ratatui::restore();
        }
        opened.map(Self)
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.0.draw(draw).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.0.show_cursor();
        ratatui::restore();
    }
}

/// Signals that end it, each in time for the terminal to be given back.
#[derive(Debug, Default)]
pub(super) struct Ending(Arc<AtomicUsize>);

impl Ending {
    /// Listens on a thread of its own. Whoever does not end in time is ended by it: where the terminal itself is gone, crossterm reads the end
    /// of its input again and again, and never comes back.
    pub(super) fn listen() -> io::Result<Self> {
        let ending = Self::default();
        let (told, mut signals) = (ending.0.clone(), Signals::new([SIGTERM, SIGINT, SIGHUP])?);
        let wait = move || {
            if let Some(signal) = signals.forever().next() {
                // Relaxed: the number stands for itself.
                told.store(signal.unsigned_abs() as usize, Ordering::Relaxed);
                thread::sleep(PATIENCE);
                ratatui::restore();
                std::process::exit(128 + signal);
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
        Ok(ending)
    }

    /// The number of the signal that came.
    pub(super) fn signal(&self) -> Option<u8> {
        // Relaxed: the number stands for itself.
        u8::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }
}
