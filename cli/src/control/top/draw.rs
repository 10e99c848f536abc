//! All that is known, on a screen of any size.

use heijunka::Moment;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::panels::{admission, brief, cut, head, journal, load};
use super::tables::{pools, queues};
use super::theme::{Level, Theme};
use super::troubles::{Trouble, troubles};
use super::view::View;

/// What the keys have changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub(super) theme: Theme,
    pub(super) paused: bool,
    pub(super) help: bool,
    /// How many of the newest entries of the journal are scrolled away.
    pub(super) scroll: usize,
    /// How many are shown at a time.
    pub(super) page: usize,
}

/// Columns and rows below which nothing sensible can be shown.
const LEAST: (u16, u16) = (40, 12);

/// Rows of the journal that are kept free for it, with its heading.
const JOURNAL: usize = 4;

const HELP: &str = "\
q, Esc, Ctrl-C   quit
p, Space         pause, and go on
Up, Down         scroll the journal
PgUp, PgDn       a page of it
Home, End        its newest, its oldest entry
?                this

! is wrong, ~ is worth a look.
In the gauge, S is the soft limit, E the
limit of all but priority domains.";

pub(super) fn draw(frame: &mut Frame<'_>, view: &View, keys: &mut Keys, now: Moment) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let (width, height) = LEAST;
        let text = format!("top needs {width} by {height}; this is {} by {}", area.width, area.height);
        return frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
    }
    let theme = Theme { dim: view.age(now).is_some(), ..keys.theme };
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let wrong = trouble_lines(&told(view, now), keys.theme, width, (height / 6).max(2));
    let mut lines = vec![head(view, keys, theme, width)];
    lines.extend(wrong);
    if let Some(look) = &view.last {
        lines.extend(admission(look, theme, width));
        lines.extend(load(&look.status, theme, width));
        let left = height.saturating_sub(lines.len() + 1);
        let (pools, queues) = (pools(look, theme, width), queues(look, theme, width));
        let (of_pools, of_queues) = shares(left.saturating_sub(JOURNAL), pools.len(), queues.len());
        lines.extend(cut_off(pools, of_pools, theme));
        lines.extend(cut_off(queues, of_queues, theme));
        let rows = height.saturating_sub(lines.len() + 1);
        lines.extend(journal(look, keys, theme, width, rows));
    }
    frame.render_widget(Paragraph::new(lines), area);
    let footer = Rect { y: area.bottom() - 1, height: 1, ..area };
    let keys_told = "q quit  p pause  arrows PgUp PgDn journal  ? help";
    frame.render_widget(Paragraph::new(Line::styled(keys_told, keys.theme.faint())), footer);
    if keys.help {
        help(frame, keys.theme);
    }
}

/// What is wrong with the service, and before that with knowing it.
fn told(view: &View, now: Moment) -> Vec<Trouble> {
    let mut found = view.last.as_ref().map(troubles).unwrap_or_default();
    if let Some(fault) = &view.fault {
        let text = match view.age(now) {
            Some(age) => format!("no answer, the figures are {} old: {fault}", brief(age)),
            None => format!("no answer yet: {fault}"),
        };
        found.insert(0, Trouble { level: Level::Bad, text });
    }
    found
}

/// One line for each, as far as they fit.
fn trouble_lines(troubles: &[Trouble], theme: Theme, width: usize, most: usize) -> Vec<Line<'static>> {
    if troubles.is_empty() {
        let style = theme.bar(Level::Well).add_modifier(Modifier::BOLD);
        return vec![Line::styled("all is well", style)];
    }
    let shown = if troubles.len() > most { most - 1 } else { troubles.len() };
    let mark = |level| if level == Level::Bad { '!' } else { '~' };
    let line = |trouble: &Trouble| {
        let text = cut(&format!("{} {}", mark(trouble.level), trouble.text), width);
        Line::styled(text, theme.of(trouble.level))
    };
    let mut lines: Vec<_> = troubles[..shown].iter().map(line).collect();
    let rest = &troubles[shown..];
    if let Some(worst) = rest.iter().map(|trouble| trouble.level).max() {
        lines.push(Line::styled(format!("{} and {} more", mark(worst), rest.len()), theme.of(worst)));
    }
    lines
}

/// How many rows of `left` two parts get that want so many.
fn shares(left: usize, first: usize, second: usize) -> (usize, usize) {
    if first + second <= left {
        return (first, second);
    }
    let of_first = first.min((left / 2).max(left.saturating_sub(second)));
    (of_first, second.min(left - of_first))
}

/// The first of them, and how many are not shown.
fn cut_off(mut lines: Vec<Line<'static>>, rows: usize, theme: Theme) -> Vec<Line<'static>> {
    if lines.len() > rows {
        let missing = lines.len() - rows.saturating_sub(1);
        lines.truncate(rows.saturating_sub(1));
        if rows > 0 {
            lines.push(Line::styled(format!("... and {missing} more rows"), theme.faint()));
        }
    }
    lines
}

fn help(frame: &mut Frame<'_>, theme: Theme) {
    let area = frame.area();
    let lines: Vec<Line<'_>> =
        HELP.lines().map(|line| Line::from(Span::styled(line, Style::new()))).collect();
    let longest = HELP.lines().map(str::len).max().unwrap_or(0);
    let width = u16::try_from(longest + 4).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let place = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    let block = Block::bordered().title(" keys ").border_style(theme.heading());
    frame.render_widget(Paragraph::new(lines).block(block), place);
}
