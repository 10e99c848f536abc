//! An exposition, read as a scraper reads it.

use std::collections::BTreeMap;

/// The samples by everything before the value, and the type of each family.
pub(crate) struct Exposition {
    pub(crate) samples: BTreeMap<String, f64>,
    pub(crate) types: BTreeMap<String, String>,
}

impl Exposition {
    /// Panics on anything that the format does not allow.
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines: Vec<&str> = text.lines().collect();
        assert!(text.ends_with('\n'));
        assert_eq!(lines.pop(), Some("# EOF"), "the end of the exposition");
        let (mut samples, mut types) = (BTreeMap::new(), BTreeMap::new());
        let mut family = String::new();
        for line in lines {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (kind, name, rest) =
                    (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
                assert!(name.starts_with("heijunka_"), "{line}");
                match kind {
                    "HELP" => assert!(rest.ends_with('.'), "{line}"),
                    "TYPE" => {
                        name.clone_into(&mut family);
                        let before = types.insert(name.to_owned(), rest.to_owned());
                        assert_eq!(before, None, "{name} is declared twice");
                    }
                    "UNIT" => assert!(name.ends_with(rest), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect(line);
            let name = series.split('{').next().unwrap();
            let suffixes: &[&str] = match types[&family].as_str() {
                "gauge" => &[""],
                "counter" => &["_total"],
                "histogram" => &["_sum", "_count", "_bucket"],
                other => panic!("{family} is a {other}"),
            };
            assert!(suffixes.iter().any(|suffix| *name == format!("{family}{suffix}")), "{line} in {family}");
            let before = samples.insert(series.to_owned(), value.parse().expect(line));
            assert_eq!(before, None, "{series} is there twice");
        }
        Self { samples, types }
    }

    pub(crate) fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series} in {:#?}", self.samples.keys()))
    }

    pub(crate) fn is(&self, series: &str, expected: u64) {
        let value = self.value(series);
        assert!((value - expected as f64).abs() < 1e-9, "{series} is {value}, not {expected}");
    }

    /// The cumulative counts of a histogram's buckets in the order of their bounds, the one of `+Inf` last.
    pub(crate) fn buckets(&self, family: &str, labels: &str) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (series, count) in &self.samples {
            let Some(rest) = series.strip_prefix(&format!("{family}_bucket{{le=\"")) else { continue };
            let (bound, rest) = rest.split_once('"').unwrap();
            if rest == format!(",{labels}}}") {
                buckets.push((bound.parse().unwrap(), *count));
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }
}
