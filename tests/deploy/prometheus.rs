//! `deploy/prometheus/`, as promtool and amtool read it, and what each alert must have.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode, Yaml};

use crate::{content, text};

/// What the annotations link to, before an anchor.
const RUNBOOK: &str = "https://heijunka.example/docs/operations.md#";

fn yaml(text: &str) -> Yaml<'_> {
    Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{error}")).remove(0)
}

fn rules<'a>(rules: &'a Yaml<'a>, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Yaml<'a>)> {
    let all = rules["groups"].as_vec().unwrap().iter().flat_map(|group| group["rules"].as_vec().unwrap());
    all.filter_map(move |rule| Some((rule.as_mapping_get(kind)?.as_str()?, rule)))
}

/// The names that are recorded.
pub(crate) fn records() -> Vec<String> {
    let text = text("deploy/prometheus/rules.yml");
    rules(&yaml(&text), "record").map(|(name, _)| name.to_owned()).collect()
}

/// The alerts, with the anchors of their runbooks.
pub(crate) fn alerts() -> BTreeMap<String, String> {
    let text = text("deploy/prometheus/rules.yml");
    let anchor = |rule: &Yaml<'_>| {
        let url = rule["annotations"]["runbook_url"].as_str().unwrap();
        url.strip_prefix(RUNBOOK).unwrap_or_else(|| panic!("{url}")).to_owned()
    };
    rules(&yaml(&text), "alert").map(|(name, rule)| (name.to_owned(), anchor(rule))).collect()
}

#[test]
fn the_rules_are_valid_and_alert_when_they_should() {
    content("promtool", &["check", "rules", "--lint-fatal", "prometheus/rules.yml"]);
    content("promtool", &["test", "rules", "prometheus/rules_test.yml"]);
}

#[test]
fn both_configurations_are_valid() {
    content("promtool", &["check", "config", "--lint-fatal", "prometheus/prometheus.yml"]);
    content("amtool", &["check-config", "prometheus/alertmanager.yml"]);
}

#[test]
fn every_alert_has_what_whoever_is_woken_needs() {
    let (rules_text, tests) = (text("deploy/prometheus/rules.yml"), text("deploy/prometheus/rules_test.yml"));
    let mut seen = BTreeSet::new();
    for (name, rule) in rules(&yaml(&rules_text), "alert") {
        assert!(seen.insert(name.to_owned()), "{name} is there twice");
        let severity = rule["labels"]["severity"].as_str().unwrap_or_else(|| panic!("{name}: no severity"));
        assert!(["page", "ticket"].contains(&severity), "{name}: {severity}");
        for annotation in ["summary", "description", "runbook_url"] {
            let value = rule["annotations"].as_mapping_get(annotation).and_then(Yaml::as_str);
            assert!(value.is_some_and(|value| !value.is_empty()), "{name}: {annotation}");
        }
        // What fires is told with its severity; what is well stands beside it, and the list of what fires is whole.
        let fires = format!("{{alertname=\"{name}\", severity=\"{severity}\", ");
        assert!(tests.contains(&fires), "{name} fires in no test");
    }
    assert!(seen.len() >= 20, "{seen:?}");
}
