//! Did you mean: the known word nearest to a mistyped one.

use super::path::spelt;

/// The question, if there is a word that may have been meant.
pub(super) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    nearest(word, known).map(|near| format!("did you mean {}?", spelt(near)))
}

/// The nearest of `known`, if it is near enough to be what was meant: at most a third of its letters differ, and
/// never all of them.
fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // Longer than any name that is allowed: nothing is near, and the comparison stays cheap.
    if word.len() > 100 {
        return None;
    }
    let ranked = known.into_iter().map(|candidate| (distance(word, candidate), candidate));
    let (distance, candidate) = ranked.min_by_key(|(distance, _)| *distance)?;
    (distance <= candidate.len().div_ceil(3) && distance < candidate.len()).then_some(candidate)
}

/// Edits that turn `a` into `b`: letters inserted, dropped or replaced, and neighbours swapped.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let (mut before, mut above): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    let mut last = None;
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut cost = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if j > 0 && last == Some(y) && b[j - 1] == x {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        (before, above, last) = (above, row, Some(x));
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, edits) in
            [("", "", 0), ("", "abc", 3), ("hard", "hard", 0), ("hrad", "hard", 1), ("sofft", "soft", 1)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["soft", "hard", "reserve", "sub_limits"];
        assert_eq!(nearest("sublimits", known), Some("sub_limits"));
        assert_eq!(nearest("reverse", known), Some("reserve"));
        assert_eq!(nearest("burst", known), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(nearest(&"soft".repeat(1000), known), None);
    }
}
