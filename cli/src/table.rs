//! Tables of plain text.

use std::fmt::Write as _;

/// Rows of cells; the first `left` columns are aligned to the left, the others to the right.
#[derive(Debug)]
pub(crate) struct Table {
    left: usize,
    widest: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(left: usize, head: [&str; N]) -> Self {
        Self { left, widest: Self::NAME, rows: vec![head.map(str::to_owned).into()] }
    }

    /// Shows up to so many characters of a cell.
    pub(crate) fn widest(self, widest: usize) -> Self {
        Self { widest, ..self }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The widest name a column shows in full: long foreign names must not push the figures off the screen.
    const NAME: usize = 24;

    pub(crate) fn render(&self, into: &mut String) {
        let shown = |cell: &str| match cell.char_indices().nth(self.widest) {
            Some((end, _)) => format!("{}…", &cell[..end]),
            None => cell.to_owned(),
        };
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|i| self.rows.iter().map(|row| shown(&row[i]).chars().count()).max().unwrap_or(0))
            .collect();
        for row in &self.rows {
            let mut line = String::new();
            for (i, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let gap = if i == 0 { "" } else { "  " };
                let cell = shown(cell);
                let _ = if i < self.left {
                    write!(line, "{gap}{cell:<width$}")
                } else {
                    write!(line, "{gap}{cell:>width$}")
                };
            }
            let _ = writeln!(into, "{}", line.trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_long_names_cut() {
        let mut table = Table::new(1, ["pool", "jobs"]);
        table.row(["a".into(), "1 234".into()]);
        table.row(["é".repeat(30), "5".into()]);
        let mut text = String::new();
        table.render(&mut text);
        let long = format!("{}…", "é".repeat(24));
        assert_eq!(text, format!("pool{}jobs\na{}1 234\n{long}      5\n", " ".repeat(24), " ".repeat(26)));
    }
}
