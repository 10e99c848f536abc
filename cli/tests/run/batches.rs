//! `publish --batch`.

use serde_json::Value;

use crate::service::Home;

#[test]
fn bad_lines_are_told_and_keep_no_other_from_being_published() {
    let home = Home::new("cat >> out; echo >> out");
    let _service = home.start(&home.config(""));
    let lines = "{\"domain\": \"mail\", \"payload\": \"a\"}\n\n{\"domain\": \"mail\" 1}\n\
                 {\"domain\": \"mail\", \"payload_base64\": \"Yg==\"}\n{\"domain\": \"a b\"}\n{\"domian\": \"mail\"}\n";
    let ran = home.pipe(&["publish", "--batch", "-"], lines.as_bytes());
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert_eq!(ran.out, "2 stored, 0 stored already, 3 invalid, 0 not stored, 0 unknown\n");
    for part in ["line 3, column 19: ", "line 5: ", "\"a b\"", "line 6, column ", "domian"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    home.counted("done", 2);
    assert_eq!(home.lines("out"), 2);

    let ran = home.pipe(&["publish", "--batch", "-", "--json"], lines.as_bytes());
    let receipts: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        receipts.iter().map(|receipt| (receipt["line"].as_u64().unwrap(), &receipt["outcome"])).collect();
    let [stored, invalid] = [Value::from("stored"), Value::from("invalid")];
    assert_eq!(told, [(1, &stored), (3, &invalid), (4, &stored), (5, &invalid), (6, &invalid)]);
    assert_eq!(home.pipe(&["publish", "--batch", "-"], b"nonsense\n").code, Some(2));
}

#[test]
fn all_of_a_good_batch_is_done() {
    let home = Home::new("exit 0");
    let _service = home.start(&home.config(""));
    let lines = "{\"domain\": \"mail\", \"payload\": \"x\"}\n".repeat(100);
    let file = home.write("batch", lines.as_bytes());
    let all = "100 stored, 0 stored already, 0 invalid, 0 not stored, 0 unknown\n";
    assert_eq!(home.done(&["publish", "--batch", &file]), all);
    home.counted("done", 100);
}
