//! The terminal: taken over, and given back on every way out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ratatui::{DefaultTerminal, Frame};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

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
    pub(super) fn listen() -> io::Result<Self> {
        let ending = Self::default();
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            flag::register_usize(signal, ending.0.clone(), signal.unsigned_abs() as usize)?;
        }
        Ok(ending)
    }

    /// The number of the signal that came.
    pub(super) fn signal(&self) -> Option<u8> {
        // Relaxed: the number stands for itself.
        u8::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }
}
