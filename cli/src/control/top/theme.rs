//! How things look: never by colour alone.

use ratatui::style::{Color, Modifier, Style};

/// How bad something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    Well,
    /// Worth a look.
    Warning,
    /// Somebody is hurt by it.
    Bad,
}

/// With colours or without.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Theme {
    pub(super) colours: bool,
    /// All of it is old.
    pub(super) dim: bool,
}

impl Theme {
    /// Without colours if the environment asks for none: <https://no-color.org>.
    pub(super) fn of_environment() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: !plain, dim: false }
    }

    pub(super) fn of(self, level: Level) -> Style {
        let (colour, modifier) = match level {
            Level::Well => (Color::Reset, Modifier::empty()),
            Level::Warning => (Color::Yellow, Modifier::empty()),
            Level::Bad => (Color::Red, Modifier::BOLD),
        };
        self.paint(colour, modifier)
    }

    /// What is there in any case: headings, borders, marks.
    pub(super) fn faint(self) -> Style {
        self.paint(Color::DarkGray, Modifier::empty())
    }

    pub(super) fn heading(self) -> Style {
        self.paint(Color::Cyan, Modifier::BOLD)
    }

    /// The filled part of a bar.
    pub(super) fn bar(self, level: Level) -> Style {
        match level {
            Level::Well => self.paint(Color::Green, Modifier::empty()),
            level => self.of(level),
        }
    }

    fn paint(self, colour: Color, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        let style = if self.colours { style.fg(colour) } else { style };
        if self.dim { style.add_modifier(Modifier::DIM) } else { style }
    }
}
