//! NDJSON: one object per line; a column is a member, or a path such as `meta.time`.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::bad::{BadLine, Fault};
use super::columns::Columns;
use super::row::Row;
use super::{MAX_LINE, TraceError, Trouble};
use crate::lines::{Line, Lines};

/// Reads objects one by one.
pub(super) struct Ndjson<R> {
    lines: Lines<R>,
    columns: Columns,
    /// Whether any line was seen that is not blank.
    begun: bool,
    /// Whether an object was seen: the first one stands for a header.
    checked: bool,
    text: Vec<u8>,
}

impl<R: BufRead> Ndjson<R> {
    pub(super) fn open(input: R, columns: &Columns) -> Self {
        Self {
            lines: Lines::new(input, MAX_LINE),
            columns: columns.clone(),
            begun: false,
            checked: false,
            text: Vec::new(),
        }
    }

    /// Fills `row` with the next object; false after the last.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        if !self.line()? {
            return if self.begun { Ok(false) } else { Err(TraceError::Empty.into()) };
        }
        let line = self.lines.number();
        let bad = |fault| Trouble::Line(BadLine { line, fault });
        let object = parse(&self.text).map_err(bad)?;
        if !self.checked {
            let names: Vec<&str> = object.keys().map(String::as_str).collect();
            self.columns.check(|wanted| find(&object, wanted).is_some(), &names)?;
            self.checked = true;
        }
        row.reset(self.columns.slots());
        row.line = line;
        row.position = self.lines.position();
        for (slot, column) in self.columns.wanted() {
            match find(&object, &column.name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => row.set(slot, text),
                Some(Value::Number(number)) => row.set(slot, &number.to_string()),
                Some(Value::Bool(truth)) => row.set(slot, &truth.to_string()),
                Some(Value::Array(_) | Value::Object(_)) => {
                    return Err(bad(Fault::NotAScalar { column: column.name.clone() }));
                }
            }
        }
        Ok(true)
    }

    /// Reads the next line that is not blank.
    fn line(&mut self) -> Result<bool, Trouble> {
        loop {
            self.text.clear();
            let line = self.lines.read(&mut self.text).map_err(TraceError::Read)?;
            let number = self.lines.number();
            self.begun |= line == Line::TooLong || !self.text.trim_ascii().is_empty();
            match line {
                Line::End => return Ok(false),
                Line::TooLong => return Err(Trouble::Line(BadLine { line: number, fault: Fault::TooLong })),
                Line::Text if self.text.contains(&0) => {
                    return Err(Trouble::Line(BadLine { line: number, fault: Fault::Nul }));
                }
                Line::Text if self.text.trim_ascii().is_empty() => {}
                Line::Text => return Ok(true),
            }
        }
    }
}

fn parse(text: &[u8]) -> Result<Map<String, Value>, Fault> {
    match serde_json::from_slice(text.trim_ascii_end()) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Fault::NotAnObject),
        Err(error) => {
            let why = error.to_string();
            // Its "line 1" is the one line it was given, not the trace's.
            let why = why.split(" at line ").next().unwrap_or(&why).to_owned();
            Err(Fault::NotJson { why, at: error.column() })
        }
    }
}

/// The member of that very name, or else what the dots in it lead to.
fn find<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        find(object.get(first)?.as_object()?, rest)
    })
}
