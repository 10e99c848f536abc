//! The parts of the dashboard that are tables: columns go as it gets narrow, the least important first.

use heijunka::ops::wire::{Failover, Pool, Queue, Queues};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::panels::{brief, cut, label, micros, scaled};
use super::theme::{Level, Theme};
use super::troubles::{breaker, health, is_long, waited};
use super::view::Look;
use crate::units::Count;

/// A column of fixed width. The first of a table takes what is left.
struct Column {
    head: &'static str,
    width: usize,
    /// The highest goes first.
    rank: u8,
}

const fn column(head: &'static str, width: usize, rank: u8) -> Column {
    Column { head, width, rank }
}

/// What a name gets at least, and at most.
const NAME: (usize, usize) = (10, 28);

/// Cells of a bar.
const BAR: usize = 8;

const POOLS: [Column; 9] = [
    column("health", 8, 0),
    column("workers", 10, 1),
    column("busy", BAR + 5, 2),
    column("queued", 7, 0),
    column("wait p50", 8, 7),
    column("wait p99", 8, 5),
    column("all p50", 8, 6),
    column("all p99", 8, 3),
    column("failed", 8, 8),
];

const QUEUES: [Column; 9] = [
    column("breaker", 9, 0),
    column("high", 6, 2),
    column("normal", 7, 1),
    column("low", 6, 3),
    column("oldest", 6, 1),
    column("held", 5, 6),
    column("running", 7, 0),
    column("delayed", 8, 7),
    column("wants", 8, 8),
];

type Cell = (String, Style);

/// The pools, the unwell ones first.
pub(super) fn pools(look: &Look, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let status = &look.status;
    let mut sorted: Vec<&Pool> = status.pools.iter().collect();
    sorted.sort_by_key(|pool| std::cmp::Reverse(health(pool)));
    let rows = sorted.into_iter().map(|pool| (pool.name.clone(), health(pool), pool_cells(pool, theme)));
    table("pools", &POOLS, rows.collect(), theme, width)
}

fn pool_cells(pool: &Pool, theme: Theme) -> Vec<Cell> {
    let plain = theme.of(Level::Well);
    let share = pool.utilisation.clamp(0.0, 1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
    let percent = (share * 100.0).round() as u64;
    let filled = scaled(percent, 100, BAR);
    let bar = format!("{}{} {percent:>3}%", "█".repeat(filled), "·".repeat(BAR - filled));
    let busy = if share >= 0.95 { Level::Warning } else { Level::Well };
    let by_hand = if pool.by_hand { "!" } else { "" };
    let workers = format!("{}{by_hand} {}..{}", pool.workers, pool.min_workers, pool.max_workers);
    let ended_badly = ["failed", "panicked"].iter().filter_map(|how| pool.jobs.get(*how)).sum();
    let (queue, total) = (pool.latency.queue, pool.latency.total);
    vec![
        (pool.health.clone(), theme.of(health(pool))),
        (workers, plain),
        (bar, theme.bar(busy)),
        (Count(pool.queued).to_string(), plain),
        (micros(queue.p50_us), plain),
        (micros(queue.p99_us), plain),
        (micros(total.p50_us), plain),
        (micros(total.p99_us), plain),
        (Count(ended_badly).to_string(), plain),
    ]
}

/// The pull queue: its broker, then what is consumed.
pub(super) fn queues(look: &Look, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let Some(queues) = &look.status.kanban else { return Vec::new() };
    let mut sorted: Vec<&Queue> = queues.queues.iter().collect();
    sorted.sort_by_key(|queue| std::cmp::Reverse(breaker(queue)));
    let rows = sorted
        .into_iter()
        .map(|queue| (queue.domain.clone(), breaker(queue), queue_cells(queue, look, theme)));
    let mut lines = vec![broker(queues, theme, width)];
    lines.extend(queues.failover.iter().flat_map(|failover| both(failover, theme, width)));
    lines.extend(table("queues", &QUEUES, rows.collect(), theme, width));
    lines
}

fn queue_cells(queue: &Queue, look: &Look, theme: Theme) -> Vec<Cell> {
    let plain = theme.of(Level::Well);
    let [high, normal, low] =
        queue.ready.map(|ready| (ready.map_or_else(|| "?".to_owned(), |n| Count(n).to_string()), plain));
    let waited = waited(queue, look);
    let old = if waited.is_some_and(is_long) { Level::Warning } else { Level::Well };
    vec![
        (queue.breaker.clone(), theme.of(breaker(queue))),
        high,
        normal,
        low,
        (waited.map_or_else(|| "-".to_owned(), brief), theme.of(old)),
        (queue.held.to_string(), plain),
        (queue.running.to_string(), plain),
        (Count(queue.delayed).to_string(), plain),
        (format!("{} of {}", queue.workers, queue.target_workers), plain),
    ]
}

fn broker(queues: &Queues, theme: Theme, width: usize) -> Line<'static> {
    let Queues { broker, durable, slots_used, slots, .. } = queues;
    let kept = if *durable { "durable" } else { "in memory" };
    let letters = match queues.dead_letters {
        Some(0) => "no dead letters".to_owned(),
        Some(letters) => format!("{} dead letters", Count(letters)),
        None => "dead letters not known".to_owned(),
    };
    let draining = if queues.draining { ", DRAINING" } else { "" };
    let (text, level) = match &queues.fault {
        Some(fault) => (format!("{broker} FAILING: {fault}"), Level::Bad),
        None => {
            (format!("{broker}, {kept}, {slots_used} of {slots} slots, {letters}{draining}"), Level::Well)
        }
    };
    let text = cut(&text, width.saturating_sub(10));
    Line::from(vec![label("broker", theme), Span::styled(text, theme.of(level))])
}

/// A line for each of two brokers.
fn both(failover: &Failover, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let line = |broker: &heijunka::ops::wire::FailoverBroker| {
        let mark = if broker.active { '*' } else { ' ' };
        let fault = broker.fault.as_ref().map(|fault| format!(", FAILING: {fault}")).unwrap_or_default();
        let (stored, pulled) = (Count(broker.stored), Count(broker.pulled));
        let text = format!("{mark} {} {}: {stored} stored, {pulled} pulled{fault}", broker.role, broker.name);
        let level = if broker.fault.is_some() { Level::Bad } else { Level::Well };
        let text = cut(&text, width.saturating_sub(10));
        Line::from(vec![label("", theme), Span::styled(text, theme.of(level))])
    };
    failover.brokers.iter().map(line).collect()
}

/// A heading, and a row each: its name, how bad it is, and its cells.
fn table(
    title: &str,
    columns: &[Column],
    rows: Vec<(String, Level, Vec<Cell>)>,
    theme: Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let taken = |kept: &[usize]| kept.iter().map(|at| columns[*at].width + 1).sum::<usize>();
    while taken(&kept) + NAME.0 > width {
        let Some(least) = kept.iter().copied().max_by_key(|at| columns[*at].rank) else { break };
        kept.retain(|at| *at != least);
    }
    let longest = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let name_width = width.saturating_sub(taken(&kept)).min(longest.max(title.chars().count()).min(NAME.1));
    let heads = kept.iter().map(|at| format!(" {:>1$}", columns[*at].head, columns[*at].width));
    let heading = format!("{:<name_width$}{}", cut(title, name_width), heads.collect::<String>());
    let mut lines = vec![Line::styled(heading, theme.heading())];
    for (name, level, cells) in rows {
        let mut spans =
            vec![Span::styled(format!("{:<name_width$}", cut(&name, name_width)), theme.of(level))];
        for at in &kept {
            let Some((text, style)) = cells.get(*at) else { continue };
            let width = columns[*at].width;
            spans.push(Span::styled(format!(" {:>width$}", cut(text, width)), *style));
        }
        lines.push(Line::from(spans));
    }
    lines
}
