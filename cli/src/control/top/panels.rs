//! The parts of the dashboard that are lines.

use std::fmt::Write as _;
use std::time::Duration;

use heijunka::ops::wire::{Entry, Status};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::draw::Keys;
use super::theme::{Level, Theme};
use super::troubles::{per_second, rounded};
use super::view::{Look, View};
use crate::units::{Count, Human, counted};

/// What begins a line.
const LABEL: usize = 10;

/// Text from elsewhere, which must not command the terminal, in so many columns.
pub(super) fn cut(text: &str, width: usize) -> String {
    let clean = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut cut: String = clean.take(width).collect();
    if text.chars().nth(width).is_some() {
        cut.pop();
        cut.push('…');
    }
    cut
}

/// Who it is, and how it is as a whole.
pub(super) fn head(view: &View, keys: &Keys, theme: Theme, width: usize) -> Line<'static> {
    let mut parts = vec![Span::styled("heijunka top", theme.heading())];
    let mut say = |text: String, style: Style| {
        parts.push(Span::styled("  ", Style::new()));
        parts.push(Span::styled(cut(&text, width), style));
    };
    if keys.paused {
        say("PAUSED".to_owned(), Style::new().add_modifier(Modifier::REVERSED));
    }
    let Some(Look { status, .. }) = &view.last else {
        say(format!("asking {}", view.place), theme.of(Level::Well));
        return Line::from(parts);
    };
    let well = theme.of(Level::Well);
    let (ready, level) = if status.readiness.ok { ("ready", Level::Well) } else { ("NOT READY", Level::Bad) };
    say(status.state.clone(), well);
    say(ready.to_owned(), theme.of(level));
    say(format!("up {}", brief(Duration::from_millis(status.uptime_ms))), well);
    let broker =
        status.kanban.as_ref().map_or("no queue".to_owned(), |queues| format!("broker {}", queues.broker));
    say(broker, well);
    say(format!("{} pid {}", status.version, status.pid), theme.faint());
    say(view.place.clone(), theme.faint());
    Line::from(parts)
}

/// The gauge with its limits, and who was refused.
pub(super) fn admission(look: &Look, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let admission = &look.status.admission;
    let figures = format!(" {} of {}", Count(admission.in_flight), Count(admission.hard));
    let room = width.saturating_sub(LABEL + 2 + figures.chars().count()).max(10);
    let at = |count: u64| scaled(count, admission.hard, room);
    let level = match admission.in_flight {
        used if used >= admission.effective => Level::Bad,
        used if used >= admission.soft.min(admission.effective) => Level::Warning,
        _ => Level::Well,
    };
    let (soft, effective) = (at(admission.soft), at(admission.effective));
    let filled = at(admission.in_flight);
    let mut gauge = vec![label("in flight", theme), Span::styled("[", theme.faint())];
    for cell in 0..room {
        let mark = (cell + 1 == soft, cell + 1 == effective);
        let (text, style) = match mark {
            (true, _) if soft < room => ("S", theme.heading()),
            (_, true) if effective < room => ("E", theme.heading()),
            _ if cell < filled => ("█", theme.bar(level)),
            _ => ("·", theme.faint()),
        };
        gauge.push(Span::styled(text, style));
    }
    gauge.extend([Span::styled("]", theme.faint()), Span::styled(figures, theme.of(level))]);
    let (soft, effective, hard) = (Count(admission.soft), Count(admission.effective), Count(admission.hard));
    let mut limits = format!("S soft {soft}  E but priority {effective}  hard {hard}");
    for sub in &admission.sub_limits {
        let _ = write!(limits, "  {} {} of {}", sub.name, Count(sub.in_flight), Count(sub.limit));
    }
    let limits =
        vec![label("", theme), Span::styled(cut(&limits, width.saturating_sub(LABEL)), theme.faint())];
    vec![Line::from(gauge), Line::from(limits), refusals(look, theme, width)]
}

fn refusals(look: &Look, theme: Theme, width: usize) -> Line<'static> {
    let total: u64 = look.status.admission.refused.values().sum();
    let since = if total > 0 { format!(", {} since the start", Count(total)) } else { String::new() };
    let (text, level) = if look.refusals.is_empty() {
        (format!("nothing now{since}"), Level::Well)
    } else {
        let each = look.refusals.iter().map(|(reason, rate)| format!("{} {reason}", per_second(*rate)));
        (each.collect::<Vec<_>>().join(", ") + &since, Level::Bad)
    };
    let text = cut(&text, width.saturating_sub(LABEL));
    Line::from(vec![label("refused", theme), Span::styled(text, theme.of(level))])
}

/// How even the load is, how bursts are handled, and what they cost.
pub(super) fn load(status: &Status, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let burst = &status.burst;
    let level = if burst.phase == "surging" { Level::Warning } else { Level::Well };
    let mut text = format!("balance {:.2}  burst {}", status.balance, burst.phase);
    if burst.baseline > 0.0 {
        let (now, usual) = (per_second(burst.current), per_second(burst.baseline));
        let _ = write!(text, "  {now}, usually {usual}: {:.1} of {:.1}", burst.ratio, burst.threshold);
    }
    if let Some(left) = burst.lease_left_ms {
        let _ = write!(text, "  +{} workers for {}", burst.extra_workers, brief(Duration::from_millis(left)));
    }
    if let Some(left) = burst.cooldown_left_ms {
        let _ = write!(text, "  next in {}", brief(Duration::from_millis(left)));
    }
    let room = width.saturating_sub(LABEL);
    let told = Span::styled(cut(&text, room), theme.of(level));
    let mut lines = vec![Line::from(vec![label("load", theme), told])];
    if burst.surges > 0 {
        let [granted, busy, cost] = [burst.granted_seconds, burst.busy_seconds, burst.cost_seconds]
            .map(|seconds| format!("{seconds:.0} s"));
        let surges = counted(burst.surges, "surge");
        let ledger = format!("{surges} so far: granted {granted}, busy {busy}, cost {cost}");
        let told = Span::styled(cut(&ledger, room), theme.of(Level::Well));
        lines.push(Line::from(vec![label("", theme), told]));
    }
    lines
}

/// The newest entries first, in so many rows with the heading.
pub(super) fn journal(
    look: &Look,
    keys: &mut Keys,
    theme: Theme,
    width: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    let page = rows.saturating_sub(1);
    let entries = &look.journal.entries;
    keys.page = page.max(1);
    keys.scroll = keys.scroll.min(entries.len().saturating_sub(page));
    let place = match keys.scroll {
        0 => String::new(),
        away => format!(", {away} newer above"),
    };
    let heading = format!("journal, the newest first{place}");
    let line = |entry: &Entry| {
        let ago = brief(Duration::from_millis(entry.ago_ms));
        let subject = entry.subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default();
        let text = format!("{subject}{} ({})", entry.decision, entry.inputs);
        let who = format!("{ago:>4} {:<9} ", cut(&entry.author, 9));
        let room = width.saturating_sub(who.chars().count());
        Line::from(vec![
            Span::styled(who, theme.faint()),
            Span::styled(cut(&text, room), theme.of(Level::Well)),
        ])
    };
    let shown = entries.iter().rev().skip(keys.scroll).take(page).map(line);
    std::iter::once(Line::styled(cut(&heading, width), theme.heading())).chain(shown).take(rows).collect()
}

pub(super) fn label(text: &str, theme: Theme) -> Span<'static> {
    Span::styled(format!("{text:<LABEL$}"), theme.heading())
}

/// So much of so much, in so many cells; nothing but 0 is 0.
pub(super) fn scaled(part: u64, whole: u64, cells: usize) -> usize {
    if whole == 0 || part == 0 {
        return 0;
    }
    let cells = cells as u128;
    let filled = (u128::from(part.min(whole)) * cells).div_ceil(u128::from(whole));
    usize::try_from(filled).unwrap_or(0)
}

/// In at most four characters, up to 999 days.
pub(super) fn brief(time: Duration) -> String {
    let seconds = rounded(time).as_secs();
    match seconds {
        0..100 => format!("{seconds}s"),
        100..6_000 => format!("{}m", seconds / 60),
        6_000..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Microseconds as they are told.
pub(super) fn micros(micros: f64) -> String {
    if micros <= 0.0 { "-".to_owned() } else { Human(Duration::from_secs_f64(micros / 1e6)).to_string() }
}
