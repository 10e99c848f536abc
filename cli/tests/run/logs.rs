//! What a service writes down, for people and for programs.

use serde_json::Value;

use crate::common::heijunka;
use crate::service::{Home, Service};

const ITEMS: u64 = 400;

#[test]
fn lines_for_programs_are_json_and_what_repeats_itself_is_counted() {
    // Each of them is a dead letter, and each of these is told.
    let home = Home::new("exit 65");
    let config = home.config("");
    let service = Service::spawn(heijunka(["run", &config, "--log-format", "json"]), &home);
    service.wait_for("\"message\":\"ready\"");
    let lines = "{\"domain\": \"mail\", \"payload\": \"x\"}\n".repeat(usize::try_from(ITEMS).unwrap());
    home.pipe(&["publish", "--batch", "-"], lines.as_bytes());
    home.done(&["drain"]);
    let (code, told) = service.end();
    assert_eq!(code, Some(0), "{told}");
    let lines: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let dead = lines.iter().filter(|line| line["message"] == "an item is dead").count() as u64;
    let held =
        lines.iter().filter(|line| line["message"] == "held back" && line["like"] == "an item is dead");
    let held: u64 = held.map(|line| line["lines"].as_u64().unwrap()).sum();
    assert_eq!(dead + held, ITEMS, "each is told or counted: {told}");
    assert!(dead >= 50 && held > 0, "{dead} told, {held} counted");
    let ready = lines.iter().find(|line| line["message"] == "ready").unwrap();
    assert_eq!(ready["level"], "INFO");
    assert_eq!(ready["consumed"], "mail");
    assert!(lines.last().unwrap()["message"].as_str().unwrap().starts_with("ended in "), "{told}");
}
