//! `heijunka publish`.

use crate::world::World;

#[test]
fn an_item_goes_with_all_that_is_told_of_it() {
    let world = World::new();
    let told =
        ["--priority", "high", "--id", "a&b=c", "--key", "ö", "--deadline", "10m", "--header", "Trace= a=b%"];
    let ran = world.run(&[["publish", "mail", "hello"].as_slice(), &told].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for part in
        ["stored ", "priority: High", "5 bytes", "a&b=c", "\"ö\"", "10m", "(\"header-Trace\", \" a=b%\")"]
    {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
}

#[test]
fn the_payload_comes_from_a_file_or_standard_input() {
    let world = World::new();
    let file = world.file("payload", b"\xff\x00\n");
    assert!(world.run(&["publish", "mail", "--file", &file]).out.contains("3 bytes"));
    let large = vec![b'x'; 3 << 20];
    assert!(world.pipe(&["publish", "mail", "--file", "-"], &large).out.contains("3145728 bytes"));
    assert!(world.run(&["publish", "mail", ""]).out.contains(" 0 bytes"));
    let missing = world.run(&["publish", "mail", "--file", "/nonexistent/payload"]);
    assert!(missing.refusal().contains("/nonexistent/payload"));
}

#[test]
fn what_is_too_long_for_a_line_travels_all_the_same() {
    let world = World::new();
    let headers: Vec<String> = (0..3).map(|n| format!("--header=h{n}={}", "ö".repeat(2000))).collect();
    let args: Vec<&str> =
        ["publish", "mail", "x"].into_iter().chain(headers.iter().map(String::as_str)).collect();
    let ran = world.run(&args);
    assert!(ran.code == Some(0) && ran.out.starts_with("stored "), "{}", ran.err);
}

#[test]
fn what_is_not_stored_is_an_error() {
    let world = World::new();
    assert_eq!(world.run(&["publish", "full", "x"]).refusal(), "not stored: the broker is full: of it");
    assert!(world.run(&["publish", "mail", "x", "--deadline", "soon"]).refusal().contains("soon"));
    let json = world.run(&["publish", "mail", "x", "--json"]).json();
    assert_eq!(json["outcome"], "stored");
}

#[test]
fn a_batch_is_summed_up_and_says_what_failed() {
    let world = World::new();
    let good = "{\"domain\": \"mail\"}\n".repeat(4999) + "{\"domain\": \"again\"}";
    let ran = world.run(&["publish", "--batch", &world.file("good", good.as_bytes())]);
    let all = "4 999 stored, 1 stored already, 0 invalid, 0 not stored, 0 unknown\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), all, ""));
    let mixed = good + "\n\n{\"domain\": \"bad\"}\nnonsense\n";
    let ran = world.pipe(&["publish", "--batch", "-"], mixed.as_bytes());
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("2 invalid"), "{}", ran.out);
    assert!(ran.err.contains("line 5002: ") && ran.err.contains("line 5003, column 2: "), "{}", ran.err);
    let ran =
        world.pipe(&["publish", "--batch", "-", "--json"], b"{\"domain\": \"bad\"}\n{\"domain\": \"mail\"}");
    let lines: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines[0]["line"].as_u64(), lines[1]["outcome"].as_str()), (Some(1), Some("stored")));
    assert_eq!(world.pipe(&["publish", "--batch", "-"], b"nonsense\n").code, Some(2));
    assert_eq!(world.pipe(&["publish", "--batch", "-"], b"").code, Some(0));
}
