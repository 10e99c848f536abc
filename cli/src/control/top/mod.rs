//! `heijunka top`: how the service fares, as a dashboard in the terminal.
//!
//! ```text
//! poll.rs       a thread that asks the service;  view.rs: what is known of it, and since when
//! troubles.rs   the law: what is wrong with that, the worst first
//! draw.rs       all of it on a screen of any size;  panels.rs, tables.rs: its parts;  theme.rs: how they look
//! screen.rs     the terminal, which is given back however it ends
//! ```

mod draw;
mod panels;
mod poll;
mod screen;
mod tables;
#[cfg(test)]
mod tests;
mod theme;
mod troubles;
mod view;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use heijunka::Clock;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::args;
use super::client::Service;
use super::error::ControlError;
use crate::error::Error;
use draw::Keys;
use screen::{Ending, Screen};
use theme::Theme;
use view::View;

/// How long a key waits at most, and the age of old figures stands still.
const TURN: Duration = Duration::from_millis(100);

/// How long the service may say nothing before its figures count as old.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn top(args: &args::Top) -> Result<ExitCode, Error> {
    if !std::io::stdout().is_terminal() {
        let why = "top needs a terminal; for a file or a pipe there is: heijunka status";
        return Err(ControlError::Invalid(why.to_owned()).into());
    }
    let service = Service::new(&args.at)?.patience(PATIENCE);
    let place = service.place().to_string();
    let ending = Ending::listen().map_err(Error::Signals)?;
    let clock = Clock::monotonic();
    let mut view = View::new(place);
    let news = poll::start(service, args.every, clock.clone()).map_err(Error::Output)?;
    let mut screen = Screen::open().map_err(Error::Output)?;
    let mut keys = Keys { theme: Theme::of_environment(), ..Keys::default() };
    loop {
        while let Ok(told) = news.try_recv() {
            if !keys.paused {
                view.take(told);
            }
        }
        screen.draw(|frame| draw::draw(frame, &view, &mut keys, clock.now())).map_err(Error::Output)?;
        if let Some(signal) = ending.signal() {
            drop(screen);
            return Ok(ExitCode::from(128 + signal));
        }
        if event::poll(TURN).map_err(Error::Output)?
            && let Event::Key(key) = event::read().map_err(Error::Output)?
            && key.kind != KeyEventKind::Release
            && press(key, &mut keys)
        {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// What a key does; true if that is the end.
fn press(key: KeyEvent, keys: &mut Keys) -> bool {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if with_control => return true,
        // The help is closed first.
        KeyCode::Esc | KeyCode::Char('q') if keys.help => keys.help = false,
        KeyCode::Esc | KeyCode::Char('q') => return true,
        KeyCode::Char('?' | 'h') => keys.help = !keys.help,
        KeyCode::Char('p' | ' ') => keys.paused = !keys.paused,
        // The newest entry is at the top.
        KeyCode::Up | KeyCode::Char('k') => keys.scroll = keys.scroll.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => keys.scroll = keys.scroll.saturating_add(1),
        KeyCode::PageUp => keys.scroll = keys.scroll.saturating_sub(keys.page),
        KeyCode::PageDown => keys.scroll = keys.scroll.saturating_add(keys.page),
        KeyCode::Home => keys.scroll = 0,
        KeyCode::End => keys.scroll = usize::MAX,
        _ => {}
    }
    false
}
