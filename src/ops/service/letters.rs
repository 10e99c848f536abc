//! Dead letters are looked at, replayed and dropped.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{ASKING, LONG, Method, Problem, Response, Routes, broken, done, kanban};
use crate::kanban::{DeadLetterFilter, DeadLetters, Name, Replay as Replayed, ReplayOptions, ReplayOutcome};
use crate::ops::lines::Lines;
use crate::ops::request::Request;
use crate::ops::wire::{Counted, Drop, Fate, Filter, Letter, LetterLine, Letters, Replay};
use crate::runtime::Runtime;

/// Letters on a page, unless told, and at most.
const PAGE: (usize, usize) = (100, 1000);

pub(super) fn routes(routes: Routes, runtime: &Arc<Runtime>) -> Routes {
    let of = |runtime: &Arc<Runtime>| runtime.clone();
    let (list, show, remove) = (of(runtime), of(runtime), of(runtime));
    let (replay_one, replay_all, drop_all) = (of(runtime), of(runtime), of(runtime));
    routes
        .slow(Method::Get, "/dlq", ASKING, move |request| {
            let letters = kanban(&list)?.dead_letters().clone();
            page(&letters, request)
        })
        .slow(Method::Get, "/dlq/{serial}", ASKING, move |request| {
            let letter =
                kanban(&show)?.dead_letters().show(serial(request)?).map_err(|error| broken(&error))?;
            Ok(Response::json(&Letter::shown(&letter.ok_or_else(|| unknown(request))?)))
        })
        .slow(Method::Delete, "/dlq/{serial}", ASKING, move |request| {
            let serial = serial(request)?;
            let was = kanban(&remove)?.dead_letters().drop(serial).map_err(|error| broken(&error))?;
            if was { Ok(done(format!("dropped {serial}"))) } else { Err(unknown(request)) }
        })
        .lines(Method::Post, "/dlq/{serial}/replay", LONG, move |request, lines| {
            let wanted: Replay =
                if request.body().is_empty() { Replay::default() } else { request.json()? };
            let letters = kanban(&replay_one)?.dead_letters().clone();
            let one = letters.replay(serial(request)?, &options(&wanted)?).map_err(|error| broken(&error))?;
            let mut sum = Counted::default();
            tell(lines, &mut sum, one.as_ref().ok_or_else(|| unknown(request))?)?;
            lines.line(&LetterLine::Done(sum))
        })
        .lines(Method::Post, "/dlq/replay", LONG, move |request, lines| {
            let wanted: Replay = request.json()?;
            let letters = kanban(&replay_all)?.dead_letters().clone();
            replay(&letters, &wanted, lines)
        })
        .lines(Method::Post, "/dlq/drop", LONG, move |request, lines| {
            let wanted: Drop = request.json()?;
            let letters = kanban(&drop_all)?.dead_letters().clone();
            drop_some(&letters, &wanted, lines)
        })
}

fn page(letters: &DeadLetters, request: &Request) -> Result<Response, Problem> {
    request.only(&["domain", "reason", "after", "most"])?;
    let wanted = Filter {
        domain: request.query("domain").map(str::to_owned),
        reason: request.query("reason").map(str::to_owned),
        after: request.query_as("after")?,
        most: None,
    };
    let most = request.query_as("most")?.unwrap_or(PAGE.0).min(PAGE.1);
    let found = letters.list(&filter(&wanted)?, most).map_err(|error| broken(&error))?;
    let count = letters.count().map_err(|error| broken(&error))?.count;
    let listed = found.letters.iter().map(Letter::listed).collect();
    Ok(Response::json(&Letters { letters: listed, count, next: found.next }))
}

fn filter(wanted: &Filter) -> Result<DeadLetterFilter, Problem> {
    let domain = wanted.domain.as_deref().map(Name::new).transpose();
    Ok(DeadLetterFilter {
        domain: domain.map_err(|error| Problem::bad(error.to_string()))?,
        reason: wanted.reason.clone(),
        after: wanted.after.unwrap_or(0),
        ..DeadLetterFilter::default()
    })
}

fn options(wanted: &Replay) -> Result<ReplayOptions, Problem> {
    if wanted.per_second.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
        return Err(Problem::bad("per_second must be above 0"));
    }
    let most = wanted.filter.most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    Ok(ReplayOptions {
        dry_run: wanted.dry_run,
        per_second: wanted.per_second,
        most,
        longest: LONG,
        force: wanted.force,
        ..ReplayOptions::default()
    })
}

/// Goes on until all were looked at, or the client is gone.
fn replay(letters: &DeadLetters, wanted: &Replay, lines: &mut Lines) -> Result<(), Problem> {
    let mut filter = filter(&wanted.filter)?;
    let mut options = options(wanted)?;
    // What dies of being replayed is not for this request.
    filter.up_to = Some(letters.last().map_err(|error| broken(&error))?);
    let mut sum = Counted::default();
    loop {
        let (mut told, mut count) = (Ok(()), 0);
        let ended = letters.replay_each(&filter, &options, |letter| {
            count += 1;
            told = tell(lines, &mut sum, &letter);
            if told.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        // Whoever asked is gone: nothing further is replayed.
        told?;
        options.most = options.most.saturating_sub(count);
        match ended {
            Err((_, error)) => return Err(broken(&error)),
            Ok(Some(next)) if options.most > 0 => filter.after = next,
            Ok(_) => return lines.line(&LetterLine::Done(sum)),
        }
    }
}

/// Says what became of one.
fn tell(lines: &mut Lines, sum: &mut Counted, letter: &Replayed) -> Result<(), Problem> {
    let is_done = letter.outcome.is_replayed() || matches!(letter.outcome, ReplayOutcome::WouldReplay(_));
    match &letter.outcome {
        _ if is_done => sum.done += 1,
        ReplayOutcome::Refused(_) => sum.skipped += 1,
        _ => sum.failed += 1,
    }
    lines.line(&LetterLine::Letter(Fate {
        serial: letter.serial,
        domain: letter.domain.as_str().to_owned(),
        id: letter.id.as_str().to_owned(),
        done: is_done,
        told: letter.outcome.to_string(),
    }))
}

fn drop_some(letters: &DeadLetters, wanted: &Drop, lines: &mut Lines) -> Result<(), Problem> {
    let mut filter = filter(&wanted.filter)?;
    let mut left = wanted.filter.most.unwrap_or(u64::MAX);
    let mut sum = Counted::default();
    loop {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(PAGE.1);
        let page = letters.list(&filter, most).map_err(|error| broken(&error))?;
        for letter in page.letters {
            let dropped = wanted.dry_run || letters.drop(letter.serial).map_err(|error| broken(&error))?;
            sum.done += u64::from(dropped);
            sum.skipped += u64::from(!dropped);
            left -= 1;
            lines.line(&LetterLine::Letter(Fate {
                serial: letter.serial,
                domain: letter.item.lane.domain.as_str().to_owned(),
                id: letter.item.id.as_str().to_owned(),
                done: dropped,
                told: if wanted.dry_run { "would be dropped" } else { "dropped" }.to_owned(),
            }))?;
        }
        match page.next {
            Some(next) if left > 0 => filter.after = next,
            _ => return lines.line(&LetterLine::Done(sum)),
        }
    }
}

fn serial(request: &Request) -> Result<u64, Problem> {
    request.parameter_as("serial")
}

fn unknown(request: &Request) -> Problem {
    Problem::new(404, format!("there is no dead letter {}", request.parameter("serial")))
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests;
