//! Items come in.

use std::sync::Arc;

use super::{ASKING, LONG, Method, Response, Routes, kanban};
use crate::kanban::{BrokerError, ItemId, ItemSpec, Kanban, Name, PublishError, Stored};
use crate::ops::publish_lines;
use crate::ops::wire::{NewItem, Receipt};
use crate::runtime::Runtime;

pub(super) fn routes(routes: Routes, runtime: &Arc<Runtime>) -> Routes {
    let (one, many) = (runtime.clone(), runtime.clone());
    routes
        .slow(Method::Post, "/publish/{priority}/{domain}", ASKING, move |request| {
            let spec = NewItem::from_request(request)?;
            let mut answers = publish(&kanban(&one)?, vec![spec]);
            let nothing = PublishError::Unknown(BrokerError::Unavailable("it gave no answer".to_owned()));
            let receipt = Receipt::new(1, answers.pop().unwrap_or(Err(nothing)));
            let status = receipt.status();
            Ok(Response::json(&receipt).status(status))
        })
        .lines(Method::Post, "/publish", LONG, move |request, lines| {
            request.only(&[])?;
            let kanban = kanban(&many)?;
            let trace = request.trace();
            // Lines without a trace of their own belong to that of the request.
            let traced = |spec: ItemSpec| match &trace {
                Some((parent, state)) => spec.or_trace(parent, state),
                None => spec,
            };
            publish_lines(request.body(), lines, |specs| {
                publish(&kanban, specs.into_iter().map(traced).collect())
            })
        })
}

/// Publishes what can ever be worked on, and answers for each.
fn publish(kanban: &Kanban, specs: Vec<ItemSpec>) -> Vec<Result<(ItemId, Stored), PublishError>> {
    let refused: Vec<Option<PublishError>> = specs.iter().map(|spec| nobodys(kanban, spec)).collect();
    let wanted = specs.into_iter().zip(&refused).filter(|(_, refused)| refused.is_none());
    let mut answers = kanban.publisher().publish_batch(wanted.map(|(spec, _)| spec)).into_iter();
    let answers = refused.into_iter().filter_map(|refused| match refused {
        Some(error) => Some(Err(error)),
        None => answers.next().map(|answer| answer.map(|receipt| (receipt.id, receipt.stored))),
    });
    answers.collect()
}

/// A broker in the memory of this process has no other consumers than those here: what they do not pull is lost with it.
fn nobodys(kanban: &Kanban, spec: &ItemSpec) -> Option<PublishError> {
    let is_consumed = || kanban.consumed().iter().any(|name| name.as_str() == spec.domain());
    // A wrong name is told by the publisher.
    if kanban.broker().traits().durable || is_consumed() || Name::new(spec.domain()).is_err() {
        return None;
    }
    let names: Vec<&str> = kanban.consumed().iter().map(Name::as_str).collect();
    let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let why =
        format!("nobody consumes {:?} here, and the broker is in memory (consumed: {there})", spec.domain());
    Some(PublishError::NotStored(BrokerError::Refused(why)))
}
