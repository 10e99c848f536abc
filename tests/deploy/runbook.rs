//! `docs/operations.md`: a section for each alert, and metrics that exist.

use std::collections::BTreeSet;

use crate::{askable, prometheus, series, text};

#[test]
fn every_alert_leads_to_a_section_and_every_section_has_its_alert() {
    let runbook = text("docs/operations.md");
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("### "));
    let anchors: BTreeSet<String> = headings.map(str::to_lowercase).collect();
    let alerts = prometheus::alerts();
    for (alert, anchor) in &alerts {
        assert_eq!(*anchor, alert.to_lowercase());
        assert!(anchors.contains(anchor), "no section for {alert}");
    }
    assert_eq!(anchors, alerts.into_values().collect(), "sections without an alert");
}

#[test]
fn the_metrics_it_explains_are_there() {
    let (runbook, known) = (text("docs/operations.md"), series());
    let table = runbook.split("| metric |").nth(1).unwrap().split("\n\n").next().unwrap();
    let first = |row: &str| row.split('|').nth(1).unwrap_or_default().to_owned();
    let cells: String = table.lines().skip(2).map(first).collect();
    let names: Vec<&str> = cells.split('`').skip(1).step_by(2).collect();
    assert!(names.len() >= 30, "{names:?}");
    for name in names {
        let name = format!("heijunka_{}", name.split('{').next().unwrap());
        let is_histogram = known.contains(&format!("{name}_bucket"));
        assert!(is_histogram || known.contains(&name), "there is no {name}");
    }
    let known = askable();
    let outside = runbook.replace(table, "");
    for name in crate::named(&outside).into_iter().filter(|name| *name != "heijunka_") {
        assert!(known.contains(name), "there is no {name}");
    }
}
