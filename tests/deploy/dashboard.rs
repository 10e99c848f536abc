//! `deploy/grafana/heijunka.json`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::{content, text};

fn dashboard() -> Value {
    serde_json::from_str(&text("deploy/grafana/heijunka.json")).unwrap()
}

fn panels(dashboard: &Value) -> &Vec<Value> {
    dashboard["panels"].as_array().unwrap()
}

/// Every expression, with the variables of Grafana as they might be.
fn expressions(dashboard: &Value) -> Vec<String> {
    let targets = panels(dashboard).iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let asked = targets.map(|target| target["expr"].as_str().unwrap());
    let filled = |text: &str| {
        let text = text.replace("$__rate_interval", "1m");
        let text = text.replace("$job", "heijunka").replace("$instance", ".*").replace("$domain", ".*");
        assert!(!text.contains('$'), "an unknown variable: {text}");
        text
    };
    asked.map(filled).collect()
}

#[test]
fn every_expression_parses() {
    let expressions = expressions(&dashboard());
    assert!(expressions.len() >= 30, "{}", expressions.len());
    let rules = expressions.iter().enumerate();
    let rules: Vec<Value> =
        rules.map(|(number, expr)| json!({"record": format!("panel:{number}"), "expr": expr})).collect();
    let file = std::env::temp_dir().join(format!("heijunka-panels-{}.yml", std::process::id()));
    fs::write(&file, json!({"groups": [{"name": "panels", "rules": rules}]}).to_string()).unwrap();
    let told = std::panic::catch_unwind(|| content("promtool", &["check", "rules", file.to_str().unwrap()]));
    let _ = fs::remove_file(&file);
    let told = told.unwrap();
    assert!(told.contains(&format!("{} rules found", expressions.len())), "{told}");
}

#[test]
fn it_can_be_imported_anywhere() {
    let dashboard = dashboard();
    assert!(dashboard["id"].is_null(), "the number is for Grafana to give");
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 38);
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(variables.iter().any(|variable| variable["type"] == "datasource"));
    let mut ids = BTreeSet::new();
    let mut places = Vec::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is there twice");
        let place = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        let [x, y, w, h] = place;
        assert!(x + w <= 24, "{title} is beyond the edge");
        let over = |[a, b, c, d]: &[u64; 4]| x < a + c && *a < x + w && y < b + d && *b < y + h;
        assert!(!places.iter().any(over), "{title} lies over another");
        places.push(place);
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "$datasource", "{title}");
        assert!(panel["description"].as_str().is_some_and(|told| !told.is_empty()), "{title}: what is it?");
    }
    let rows = panels(&dashboard).iter().filter(|panel| panel["type"] == "row");
    let rows: Vec<&str> = rows.map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(rows, ["Admission", "Pools", "Latency", "Bursts", "Queue", "Brokers", "Control"]);
}
