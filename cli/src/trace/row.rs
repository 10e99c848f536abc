//! The cells of one line that somebody asked for.

use std::ops::Range;

use super::columns::Slot;

/// The cells of a line by [`Slot`], in one buffer that is reused from line to line.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The number of its (first) line, from 1.
    pub(super) line: u64,
    /// Bytes of the input up to and with it.
    pub(super) position: u64,
    text: String,
    cells: Vec<Option<Range<usize>>>,
}

impl Row {
    /// Empties it, for `slots` cells.
    pub(super) fn reset(&mut self, slots: usize) {
        self.text.clear();
        self.cells.clear();
        self.cells.resize(slots, None);
    }

    /// Sets a cell; blanks around it do not count.
    pub(super) fn set(&mut self, slot: Slot, cell: &str) {
        let start = self.text.len();
        self.text.push_str(cell.trim());
        self.cells[slot.0] = Some(start..self.text.len());
    }

    /// The cell, `None` where it is empty or was not there.
    pub(super) fn get(&self, slot: Slot) -> Option<&str> {
        self.cells[slot.0].clone().map(|range| &self.text[range]).filter(|cell| !cell.is_empty())
    }

    /// Whether the line has the cell at all, be it empty.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.cells[slot.0].is_some()
    }
}
