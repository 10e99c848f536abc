//! Lines in, items or messages out.

use super::*;

fn read(input: &str) -> Vec<Result<ItemLine, String>> {
    Items::new(input.as_bytes(), None).map(|read| read.map_err(|trouble| trouble.to_string())).collect()
}

fn one(input: &str) -> ItemLine {
    let [item] = read(input).try_into().unwrap();
    item.unwrap()
}

fn message(input: &str) -> String {
    let [wrong] = read(input).try_into().unwrap();
    wrong.unwrap_err()
}

fn payload(input: &str) -> Vec<u8> {
    one(&format!(r#"{{"domain":"mail",{input}}}"#)).payload
}

#[test]
fn everything_that_can_be_told() {
    let item =
        one(r#" {"domain":"mail","priority":"high","id":"order-17","key":"customer 42","payload":"hé\n",
            "headers":{"lang":"en","b":""},"deadline":"2026-01-01T01:00:00+01:00"}"#
            .replace('\n', "")
            .as_str());
    assert_eq!(item.line, 1);
    assert_eq!((item.domain.as_str(), item.priority), ("mail", Priority::High));
    assert_eq!((item.id.as_deref(), item.key.as_deref()), (Some("order-17"), Some("customer 42")));
    assert_eq!(item.payload, "hé\n".as_bytes());
    assert_eq!(item.headers, [("lang", "en"), ("b", "")].map(|(n, v)| (n.to_owned(), v.to_owned())).into());
    assert_eq!(item.deadline, Some(Until::At(Timestamp::from_millis(1_767_225_600_000))));
    let spec = format!("{:?}", ItemSpec::from(item));
    assert!(spec.contains("mail") && spec.contains("order-17") && spec.contains("4 bytes"), "{spec}");
}

#[test]
fn what_is_not_told_is_as_usual() {
    let item =
        one(r#"{"domain":"mail","id":null,"key":null,"headers":null,"deadline":null,"priority":null}"#);
    assert_eq!((item.priority, item.id, item.key, item.deadline), (Priority::Normal, None, None, None));
    assert!(item.payload.is_empty() && item.headers.is_empty());
    assert_eq!(
        one(r#"{"domain":"mail","deadline":"10m"}"#).deadline,
        Some(Until::In(Duration::from_secs(600)))
    );
}

#[test]
fn payloads_of_all_kinds() {
    assert_eq!(payload(r#""payload":"text \u00e9 \ud83d\ude00""#), "text é 😀".as_bytes());
    // As it is written: no digit and no order is lost.
    let json = r#"{"b": 1.000000000000000000001, "a": [18446744073709551616, null]}"#;
    assert_eq!(payload(&format!(r#""payload": {json} "#)), json.as_bytes());
    for json in ["null", "true", "17", "[]"] {
        assert_eq!(payload(&format!(r#""payload":{json}"#)), json.as_bytes());
    }
    assert_eq!(payload(r#""payload_base64":"AAH/""#), [0, 1, 255]);
    assert_eq!(payload(r#""payload_base64":"AA==""#), [0]);
    assert_eq!(payload(r#""payload_base64":"AA""#), [0]);
    assert!(payload(r#""payload_base64":null"#).is_empty());
}

#[test]
fn a_domain_for_all_lines() {
    let input = "{}\n{\"domain\":\"other\"}\n{\"domain\":null}";
    let items = Items::new(input.as_bytes(), Some("mail".into()));
    let domains: Vec<String> = items.map(|item| item.unwrap().domain).collect();
    assert_eq!(domains, ["mail", "other", "mail"]);
}

#[test]
fn blank_lines_line_ends_and_marks() {
    let input = "\u{feff}{\"domain\":\"a\"}\r\n\n  \t\r\n{\"domain\":\"b\"}\n{\"domain\":\"c\"}";
    let lines: Vec<(u64, String)> =
        read(input).into_iter().map(|item| item.unwrap()).map(|i| (i.line, i.domain)).collect();
    assert_eq!(lines, [(1, "a".into()), (4, "b".into()), (5, "c".into())]);
    assert!(read("").is_empty() && read("\n \n").is_empty());
}

#[test]
fn every_message_has_its_place_and_a_cure() {
    let cases = [
        ("{\"payload\":\"x\"}", "line 1, column 1: no domain: name one on the line"),
        ("\n\n17", "line 3, column 2: invalid type: integer `17`, expected an object such as"),
        (r#"{"domain":"a b"}"#, r#"line 1, column 11: domain: "a b" is no name: use 1 to 64 of"#),
        (r#"{"domain":17}"#, "line 1, column 12: domain: invalid type: integer `17`, expected a string"),
        (r#"{"domain":"a","id":""}"#, r#"line 1, column 20: id: "" is no id: use 1 to 96"#),
        (
            r#"{"domain":"a","priority":"urgent"}"#,
            r#"line 1, column 26: priority "urgent" is none; expected high, normal or low"#,
        ),
        (
            r#"{"domain":"a","deadline":"soon"}"#,
            r#"line 1, column 26: deadline "soon" is none; expected a time such as 2026"#,
        ),
        (r#"{"domain":"a","deadline":"1950-01-01T00:00:00Z"}"#, "line 1, column 26: deadline"),
        (
            r#"{"domain":"a","payload_base64":"A!=="}"#,
            "line 1, column 32: payload_base64 is not base64 (A-Z a-z 0-9 + /",
        ),
        (
            r#"{"domain":"a","payload":"","payload_base64":""}"#,
            "line 1, column 45: payload_base64 and payload are both there",
        ),
        (
            r#"{"domain":"a","headers":["x"]}"#,
            "headers: invalid type: sequence, expected an object of strings",
        ),
        (r#"{"domain":"a","headers":{"x":1}}"#, "headers: invalid type: integer `1`, expected a string"),
        (r#"{"domain":"a","headers":{"x":"1","x":"2"}}"#, r#"headers: the header "x" is there twice"#),
        (r#"{"domain":"a","domain":"b"}"#, "duplicate field `domain`"),
        (
            r#"{"domain":"a","pay":"x"}"#,
            "unknown field `pay`, expected one of `domain`, `priority`, `id`, `key`, `payload`",
        ),
        (r#"{"domain":"a""#, "line 1, column 13: EOF while parsing an object"),
        (r#"{"domain":"a"} x"#, "line 1, column 16: trailing characters"),
        ("{\"domain\":\"a\",\"payload\":\"\u{e9}\\ud800\"}", "payload: "),
        ("{\"\u{1b}[31m\":1}", "control character"),
    ];
    for (input, expected) in cases {
        let message = message(input);
        assert!(message.contains(expected), "{input}\n{message}\n{expected}");
        assert!(message.starts_with("line ") && !message.contains(char::is_control), "{message}");
    }
    assert!(message(r#"{"\u001b[31m":1}"#).contains("unknown field `\\u{1b}[31m`"));
}

#[test]
fn columns_count_characters() {
    assert!(message("{\"key\":\"\u{e9}\u{e9}\",\"domain\":\"\"}").starts_with("line 1, column 22: domain"));
}

#[test]
fn no_text() {
    let mut input = b"{\"domain\":\"\xc3\xa9".to_vec();
    input.extend(b"\xff\"}\n{\"domain\":\"b\"}");
    let mut items = Items::new(&input[..], None);
    let message = items.next().unwrap().unwrap_err().to_string();
    assert!(message.starts_with("line 1, column 13: not UTF-8 text"), "{message}");
    assert_eq!(items.next().unwrap().unwrap().domain, "b");
}

#[test]
fn a_line_that_is_too_long_is_skipped() {
    let long = format!("{{\"domain\":\"a\",\"payload\":\"{}\"}}\n", "x".repeat(1 << 20));
    let input = format!("{long}{{\"domain\":\"b\"}}\n{long}");
    let read: Vec<_> = Items::up_to(100, input.as_bytes(), None).collect();
    assert_eq!(read.len(), 3);
    let message = read[0].as_ref().unwrap_err().to_string();
    assert_eq!(message, "line 1, column 101: longer than 100 bytes, the limit for a line");
    assert_eq!(read[1].as_ref().unwrap().line, 2);
    assert!(read[2].is_err());
}

#[test]
fn after_bad_lines_come_good_ones() {
    let read = read("nonsense\n{\"domain\":\"a\"}\n{}\n{\"domain\":\"b\"}\n");
    assert_eq!(read.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false, true]);
}

#[test]
fn an_input_that_fails_ends() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let mut items = Items::new(io::BufReader::new(Broken), None);
    assert_eq!(items.next().unwrap().unwrap_err().to_string(), "cannot read the items: gone");
    assert!(items.next().is_none());
}
