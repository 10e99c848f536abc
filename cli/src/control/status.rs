//! `heijunka status`: how the service fares.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use heijunka::ops::wire::{Failover, Queues, Status, Stray};

use super::client::Service;
use super::{args, counted, print_json};
use crate::error::Error;
use crate::output;
use crate::table::Table;
use crate::units::{Count, Human};

pub(super) fn status(args: &args::Status) -> Result<ExitCode, Error> {
    let status: Status = Service::new(&args.socket).json("GET", "/status", b"")?;
    if args.json {
        print_json(&status, true)?;
    } else {
        output::print(&text(&status))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(status: &Status) -> String {
    let mut out = String::new();
    let uptime = Human(Duration::from_millis(status.uptime_ms));
    let _ =
        writeln!(out, "heijunka {}, process {}, {} for {uptime}", status.version, status.pid, status.state);
    if status.readiness.ok {
        let _ = writeln!(out, "ready      yes");
    } else {
        let _ = writeln!(out, "ready      no: {}", status.readiness.reasons.join("; "));
    }
    let admission = &status.admission;
    let (soft, hard) = (Count(admission.soft), Count(admission.hard));
    let _ = writeln!(out, "in flight  {} (soft {soft}, hard {hard})", Count(admission.in_flight));
    if let Some(kanban) = &status.kanban {
        broker(&mut out, kanban);
        if !kanban.queues.is_empty() {
            out.push('\n');
            queues(status, kanban).render(&mut out);
        }
    }
    if !status.pools.is_empty() {
        out.push('\n');
        pools(status).render(&mut out);
    }
    out
}

fn broker(out: &mut String, kanban: &Queues) {
    let durable =
        if kanban.durable { "durable" } else { "not durable: items are lost when the service ends" };
    let _ = writeln!(out, "broker     {}, {durable}", kanban.broker);
    if let Some(fault) = &kanban.fault {
        let _ = writeln!(out, "           FAILING: {fault}");
    }
    if let Some(failover) = &kanban.failover {
        self::failover(out, failover);
    }
    let _ = writeln!(out, "slots      {} of {}", Count(kanban.slots_used.into()), Count(kanban.slots.into()));
    if let Some(letters) = kanban.dead_letters {
        let oldest = kanban.oldest_dead_letter.map(|at| format!(", the oldest of {at}")).unwrap_or_default();
        let _ = writeln!(out, "dlq        {}{oldest}", counted(letters, "dead letter"));
    }
    for (nth, stray) in kanban.strays.iter().flatten().enumerate() {
        let heading = if nth == 0 { "STRAYS" } else { "" };
        let Stray { domain, priority, items } = stray;
        let items = counted(*items, "item");
        let _ = writeln!(out, "{heading:10} {domain} {priority}: {items}, and nobody seems to consume them");
    }
    if kanban.strays.is_none() && !kanban.queues.is_empty() {
        let _ =
            writeln!(out, "strays     not known: items of domains that nobody consumes would not be seen");
    }
}

fn failover(out: &mut String, failover: &Failover) {
    let Failover { state, since, reason, trips, fail_backs, brokers } = failover;
    let _ = writeln!(out, "failover   {state} since {since}: {reason}");
    let _ = writeln!(out, "           moved to the fallback {}, back {}", times(*trips), times(*fail_backs));
    for broker in brokers {
        let mark = if broker.active { '*' } else { ' ' };
        let (stored, pulled) = (Count(broker.stored), Count(broker.pulled));
        let _ = write!(
            out,
            "         {mark} {:8}  {}: {stored} stored, {} failed, {pulled} pulled",
            broker.role,
            broker.name,
            Count(broker.failed)
        );
        let _ = match &broker.fault {
            Some(fault) => writeln!(out, "; FAILING: {fault}"),
            None => writeln!(out),
        };
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{} times", Count(count)),
    }
}

fn queues(status: &Status, kanban: &Queues) -> Table {
    let head = [
        "domain", "breaker", "high", "normal", "low", "delayed", "held", "running", "stalled", "workers",
        "oldest",
    ];
    let mut table = Table::new(2, head);
    for queue in &kanban.queues {
        let [high, normal, low] =
            queue.ready.map(|ready| ready.map_or_else(|| "?".into(), |n| Count(n).to_string()));
        let oldest = queue.oldest.map_or_else(|| "-".into(), |at| Human(status.at.since(at)).to_string());
        table.row([
            queue.domain.clone(),
            queue.breaker.clone(),
            high,
            normal,
            low,
            Count(queue.delayed).to_string(),
            Count(queue.held.into()).to_string(),
            Count(queue.running.into()).to_string(),
            Count(queue.stalled.into()).to_string(),
            format!("{} of {}", queue.workers, queue.target_workers),
            oldest,
        ]);
    }
    table
}

fn pools(status: &Status) -> Table {
    let mut table =
        Table::new(3, ["pool", "of", "health", "workers", "bounds", "utilisation", "queued", "in flight"]);
    for pool in &status.pools {
        table.row([
            pool.name.clone(),
            pool.domain.clone(),
            pool.health.clone(),
            pool.workers.to_string(),
            format!("{}..{}", pool.min_workers, pool.max_workers),
            format!("{:.1} %", 100.0 * pool.utilisation),
            Count(pool.queued).to_string(),
            Count(pool.in_flight).to_string(),
        ]);
    }
    table
}
