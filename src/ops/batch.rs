//! Many items in one request: a line each, and a line for each.

use super::lines::Lines;
use super::problem::Problem;
use super::wire::{NewItem, Receipt};
use crate::kanban::{ItemId, ItemSpec, PublishError, Stored};

/// Lines, and bytes of them, that are published at once: more would make the first wait for the last.
const AT_ONCE: (usize, usize) = (500, 4 << 20);

/// Publishes the items in `body`, one [`NewItem`] per line, and writes a [`Receipt`] for each, in their order. A line that is no
/// item is told so, and keeps no other from being published; empty lines are passed over.
///
/// # Errors
/// The client is gone: what was not published by then is not.
pub fn publish_lines(
    body: &[u8],
    lines: &mut Lines,
    mut publish: impl FnMut(Vec<ItemSpec>) -> Vec<Result<(ItemId, Stored), PublishError>>,
) -> Result<(), Problem> {
    let mut batch = Batch::default();
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        batch.add(number, line);
        if batch.lines.len() >= AT_ONCE.0 || batch.bytes >= AT_ONCE.1 {
            std::mem::take(&mut batch).publish(lines, &mut publish)?;
        }
    }
    batch.publish(lines, &mut publish)
}

/// What is wrong, and in which column: the line is told apart from it.
fn placed(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(what) => format!("column {}: {what}", error.column().max(1)),
        None => text,
    }
}

#[derive(Default)]
struct Batch {
    /// The number of each, and what is wrong with it.
    lines: Vec<(u64, Option<String>)>,
    specs: Vec<ItemSpec>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, number: u64, line: &[u8]) {
        self.bytes += line.len();
        let item = serde_json::from_slice::<NewItem>(line).map_err(|error| placed(&error));
        match item.and_then(|item| item.into_spec().map_err(|error| error.to_string())) {
            Ok(spec) => {
                self.specs.push(spec);
                self.lines.push((number, None));
            }
            Err(error) => self.lines.push((number, Some(error))),
        }
    }

    fn publish(
        self,
        lines: &mut Lines,
        publish: &mut impl FnMut(Vec<ItemSpec>) -> Vec<Result<(ItemId, Stored), PublishError>>,
    ) -> Result<(), Problem> {
        if lines.is_gone() {
            return Err(Problem::new(500, "the client is gone"));
        }
        let mut results = if self.specs.is_empty() { Vec::new() } else { publish(self.specs) }.into_iter();
        for (number, wrong) in self.lines {
            let receipt = match wrong {
                Some(error) => Receipt::invalid(number, error),
                None => match results.next() {
                    Some(result) => Receipt::new(number, result),
                    None => return Err(Problem::new(500, "there are fewer answers than items")),
                },
            };
            lines.line(&receipt)?;
        }
        Ok(())
    }
}
