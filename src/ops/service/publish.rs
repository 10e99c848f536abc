//! Items come in.

use std::sync::Arc;

use super::{ASKING, LONG, Method, Response, Routes, kanban};
use crate::kanban::Receipt as Stored;
use crate::ops::publish_lines;
use crate::ops::wire::{NewItem, Receipt};
use crate::runtime::Runtime;

pub(super) fn routes(routes: Routes, runtime: &Arc<Runtime>) -> Routes {
    let (one, many) = (runtime.clone(), runtime.clone());
    let parts = |Stored { id, stored }| (id, stored);
    routes
        .slow(Method::Post, "/publish/{priority}/{domain}", ASKING, move |request| {
            let spec = NewItem::from_request(request)?;
            let answer = kanban(&one)?.publisher().publish(spec);
            let receipt = Receipt::new(1, answer.map(parts));
            let status = receipt.status();
            Ok(Response::json(&receipt).status(status))
        })
        .lines(Method::Post, "/publish", LONG, move |request, lines| {
            request.only(&[])?;
            let kanban = kanban(&many)?;
            publish_lines(request.body(), lines, |specs| {
                let answers = kanban.publisher().publish_batch(specs);
                answers.into_iter().map(|answer| answer.map(parts)).collect()
            })
        })
}
