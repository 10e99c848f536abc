//! The report for people: plain text, at most 100 columns.

use std::fmt::Write as _;
use std::time::Duration;

use super::{JournalLine, Quantiles, Report, Tally};
use crate::table::Table;
use crate::units::{Count, Human};
use crate::values::Speed;

/// Renders it; `title` is what was replayed.
pub(crate) fn text(report: &Report, title: &str, speed: Speed) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = summary(&mut out, report, title, speed);
    domains(report).render(&mut out);
    out.push('\n');
    latencies(report).render(&mut out);
    out.push('\n');
    pools(report).render(&mut out);
    let _ = writeln!(out, "\nbalance {:.2}", report.balance);
    let _ = decisions(&mut out, report);
    out
}

fn summary(out: &mut String, report: &Report, title: &str, speed: Speed) -> std::fmt::Result {
    let counts = &report.counts;
    let wall = Human(Duration::from_secs_f64(report.wall_seconds));
    let stopped = if report.interrupted { ", interrupted" } else { "" };
    writeln!(out, "replayed   {title}")?;
    writeln!(out, "           {} arrivals in {wall} at {speed}{stopped}", Count(counts.offered))?;
    if let Some(behind) = &report.behind_ns {
        let (p99, max) = (Human::nanos(behind.p99), Human::nanos(behind.max));
        writeln!(out, "           fell behind schedule by {max} at most, p99 {p99}")?;
    }
    if report.bad_lines > 0 {
        writeln!(out, "bad lines  {} skipped", Count(report.bad_lines))?;
    }
    writeln!(out, "admitted   {} of {}", share(counts.admitted, counts.offered), Count(counts.offered))?;
    writeln!(out, "refused    {}{}", share(counts.refused(), counts.offered), reasons(counts))?;
    writeln!(
        out,
        "ended      {} completed, {} failed, {} expired",
        Count(counts.completed),
        Count(counts.failed),
        Count(counts.expired)
    )?;
    let verdict = match (counts.lost, report.checked) {
        (0, true) => "every job admitted was seen to end, by the runtime and by itself",
        (0, false) => "BUT the runtime's counts do not agree with those of the jobs",
        _ => "admitted and never seen to end",
    };
    writeln!(out, "lost       {}: {verdict}\n", Count(counts.lost))
}

/// Decisions shown; the whole journal is in the JSON report.
const SHOWN: usize = 15;

fn decisions(out: &mut String, report: &Report) -> std::fmt::Result {
    let journal = &report.journal;
    writeln!(out, "\nlevelling  {} decisions and denials", Count(journal.len() as u64))?;
    for line in journal.iter().take(SHOWN) {
        let pool = line.pool.as_deref().map(|pool| format!(" {pool}")).unwrap_or_default();
        let JournalLine { seconds, author, decision, rule, .. } = line;
        let text = format!("{seconds:8.2} s  {author}{pool}: {decision} ({rule})");
        writeln!(out, "{}", shortened(&text, 100))?;
    }
    match journal.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "            … and {more} more: --json has them all, with rules and figures"),
    }
}

fn shortened(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns - 1).chain(['…']).collect()
}

/// `1 234 (5.6 %)`
fn share(part: u64, whole: u64) -> String {
    let percent = if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 };
    format!("{} ({percent:.1} %)", Count(part))
}

/// `: hard_limit 12, lane_full 3`
fn reasons(counts: &Tally) -> String {
    let mut text = String::new();
    for (reason, &count) in &counts.refused {
        if count > 0 && *reason != "total" {
            let sign = if text.is_empty() { ':' } else { ',' };
            let _ = write!(text, "{sign} {reason} {}", Count(count));
        }
    }
    text
}

fn domains(report: &Report) -> Table {
    let mut table =
        Table::new(1, ["domain", "offered", "admitted", "refused", "completed", "failed", "expired", "lost"]);
    for (name, domain) in &report.domains {
        let c = &domain.counts;
        let figures = [c.offered, c.admitted, c.refused(), c.completed, c.failed, c.expired, c.lost];
        let [offered, admitted, refused, completed, failed, expired, lost] =
            figures.map(|f| Count(f).to_string());
        table.row([name.clone(), offered, admitted, refused, completed, failed, expired, lost]);
    }
    table
}

fn latencies(report: &Report) -> Table {
    let mut table = Table::new(2, ["latency", "", "p50", "p90", "p99", "p99.9", "max"]);
    for (name, domain) in &report.domains {
        let kinds = [
            (name.as_str(), "admission", domain.admission_ns),
            ("", "queue", domain.queue_ns),
            ("", "service", domain.service_ns),
            ("", "total", domain.total_ns),
        ];
        for (name, kind, Quantiles { p50, p90, p99, p99_9, max }) in kinds {
            let [p50, p90, p99, p99_9, max] =
                [p50, p90, p99, p99_9, max].map(|q| Human::nanos(q).to_string());
            table.row([name.into(), kind.into(), p50, p90, p99, p99_9, max]);
        }
    }
    table
}

fn pools(report: &Report) -> Table {
    let mut table =
        Table::new(2, ["pool", "of", "workers", "bounds", "utilisation", "share", "jobs", "abandoned"]);
    for (name, pool) in &report.pools {
        table.row([
            name.clone(),
            pool.domain.clone(),
            pool.workers.to_string(),
            format!("{}..{}", pool.min_workers, pool.max_workers),
            format!("{:.1} %", 100.0 * pool.utilisation),
            format!("{:.1} %", 100.0 * pool.share),
            Count(pool.completed + pool.failed).to_string(),
            Count(pool.abandoned).to_string(),
        ]);
    }
    table
}
