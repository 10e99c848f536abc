//! What traces of all kinds give, and every message for a bad line in full.

use super::reader::Reader;
use super::{Columns, Domains, TraceError, Trouble};
use crate::args::{Cli, Command, Format};

/// Columns as a command line with these options would have them.
fn columns(options: &[&str]) -> Columns {
    use clap::Parser as _;
    let line = ["heijunka", "replay", "trace"].iter().chain(options);
    let Command::Replay(replay) = Cli::try_parse_from(line).unwrap().command else { unreachable!() };
    Columns::from_args(&replay.columns)
}

/// Each arrival as one text, each bad line as its message.
fn read_with(
    format: Format,
    input: &[u8],
    options: &[&str],
    domains: Domains,
) -> Result<Vec<String>, TraceError> {
    let mut reader = Reader::open(input, format, columns(options), domains)?;
    let mut found = Vec::new();
    for item in reader.by_ref() {
        found.push(match item {
            Ok(a) => format!("{:?} domain {} {} {:?}", a.at, a.domain, a.priority, a.work),
            Err(Trouble::Line(bad)) => bad.to_string(),
            Err(Trouble::Trace(error)) => return Err(error),
        });
    }
    Ok(found)
}

fn csv(input: &str, options: &[&str]) -> Vec<String> {
    read_with(Format::Csv, input.as_bytes(), options, Domains::default()).unwrap()
}

fn ndjson(input: &str, options: &[&str]) -> Vec<String> {
    read_with(Format::Ndjson, input.as_bytes(), options, Domains::default()).unwrap()
}

fn refused(format: Format, input: &[u8], options: &[&str]) -> String {
    read_with(format, input, options, Domains::default()).unwrap_err().to_string()
}

#[test]
fn only_the_time_is_needed() {
    assert_eq!(csv("time\n1\n2.5\n", &[]), ["0ns domain 0 normal 100µs", "1.5s domain 0 normal 100µs"]);
    assert_eq!(
        ndjson("{\"time\":1}\n\n{\"time\":\"2.5\"}", &["--work", "1ms"]),
        ["0ns domain 0 normal 1ms", "1.5s domain 0 normal 1ms"]
    );
}

#[test]
fn the_default_columns_are_used_where_they_are() {
    let trace = "work,priority,domain,time,key\n\
                 30,high,a,0,k\n\
                 2ms, LOW ,b,0,k\n\
                 ,,a,0,\n";
    let expected = ["0ns domain 0 high 30µs", "0ns domain 1 low 2ms", "0ns domain 0 normal 100µs"];
    assert_eq!(csv(trace, &[]), expected);
    let trace = r#"{"time":0,"domain":"a","priority":"high","work":30,"key":17}
{"time":0,"domain":"b","priority":"low","work":"2ms","key":null}
{"time":0,"domain":"a"}"#;
    assert_eq!(ndjson(trace, &[]), expected);
}

#[test]
fn foreign_columns_are_mapped() {
    let trace = "TIMESTAMP;Context;Generated\n2023-11-16 18:17:03.9799600;4808;10\n2023-11-16 18:17:04.0319600;3180;8\n";
    let options =
        ["--time-column=TIMESTAMP", "--work-column=Context", "--work-column=Generated", "--work-unit=20us"];
    let options = [&options[..], &["--domain=inference", "--delimiter=;"]].concat();
    assert_eq!(csv(trace, &options), ["0ns domain 0 normal 96.36ms", "52ms domain 0 normal 63.76ms"]);
    let trace = r#"{"meta":{"ts":1700158623979},"a.b":3}"#;
    let options = ["--time-column=meta.ts", "--time-unit=1ms", "--work-column=a.b"];
    assert_eq!(ndjson(trace, &options), ["0ns domain 0 normal 3µs"]);
}

#[test]
fn quoted_cells_may_hold_anything() {
    let trace = "\u{feff}time,\"domain\"\r\n0,\"a,\"\"b\"\"\nc\"\r\n1,d\r\n";
    assert_eq!(csv(trace, &[]), ["0ns domain 0 normal 100µs", "1s domain 1 normal 100µs"]);
}

#[test]
fn keys_route_alike_wherever_they_stand() {
    let keys = |format, input: &str| -> Vec<_> {
        let reader = Reader::open(input.as_bytes(), format, columns(&[]), Domains::default()).unwrap();
        reader.map(|item| item.unwrap().key).collect()
    };
    let from_csv = keys(Format::Csv, "time,key\n0,alice\n0,bob\n0,\n0,\n");
    let from_json = keys(Format::Ndjson, "{\"key\":\"alice\",\"time\":0}\n{\"key\":\"bob\",\"time\":0}\n");
    assert_eq!(from_csv[..2], from_json[..]);
    assert_ne!(from_csv[0], from_csv[1]);
    assert_ne!(from_csv[2], from_csv[3], "lines without a key spread");
}

const TIMES: &str = "RFC 3339 (2024-05-01T12:00:00.5Z), YYYY-MM-DD hh:mm:ss.fffffff, or a number of seconds";

#[test]
fn bad_csv_lines_say_what_was_expected_and_the_rest_goes_on() {
    let long = "x".repeat(1 << 20);
    let trace = format!(
        "time,domain,priority,work\n\
         0,a,,1\n\
         noon,a,,1\n\
         ,a,,1\n\
         0,a\n\
         {long}\n\
         0,a\0,,1\n\
         0,,,1\n\
         0,a,urgent,1\n\
         0,a,,much\n\
         0,a,,1e18\n\
         5,a,,1\n\
         2,a,,1\n\
         100000000000,a,,1\n\
         6,\"a,,1\n\
         6,a,,1\n"
    );
    assert_eq!(
        csv(&trace, &[]),
        [
            "0ns domain 0 normal 1µs",
            &format!("line 3: \"noon\" in \"time\" is not a time; expected {TIMES}"),
            &format!("line 4: no time in \"time\"; expected {TIMES}"),
            "line 5: 2 columns, where the header has 4",
            "line 6: longer than 64 KiB, the limit for a line",
            "line 7: holds a NUL byte; expected text (UTF-8, not UTF-16 and not compressed)",
            "line 8: no domain in \"domain\"; expected the name of one",
            "line 9: \"urgent\" in \"priority\" is not a priority; expected high, normal or low",
            "line 10: \"much\" in \"work\" is not work; expected a number or a duration such as 350us",
            "line 11: more work than 1h, the limit for a job; is --work-unit right?",
            "5s domain 0 normal 1µs",
            "line 13: time runs backwards by 3.00 s from line 12; sort the trace by its column \"time\"",
            "line 14: the time in \"time\" is more than 500 years after the first; expected times of one form",
            "line 15: a quoted cell is opened and not closed",
            "6s domain 0 normal 1µs",
        ]
    );
}

#[test]
fn bad_objects_say_what_was_expected_and_the_rest_goes_on() {
    let trace =
        "{\"time\":0}\n{\"time\":\n[1]\n{\"time\":[1]}\n{\"domain\":\"a\"}\n{\"time\":true}\n{\"time\":1}\n";
    assert_eq!(
        ndjson(trace, &[]),
        [
            "0ns domain 0 normal 100µs",
            "line 2: not JSON at column 8: EOF while parsing a value; expected one object per line",
            "line 3: not a JSON object; expected one object per line",
            "line 4: \"time\" is an array or an object; expected text or a number",
            &format!("line 5: no time in \"time\"; expected {TIMES}"),
            &format!("line 6: \"true\" in \"time\" is not a time; expected {TIMES}"),
            "1s domain 0 normal 100µs",
        ]
    );
}

#[test]
fn a_named_work_column_must_say_something() {
    assert_eq!(
        csv("time,w\n0,\n", &["--work-column", "w"]),
        ["line 2: no work in \"w\"; expected a number or a duration such as 350us"]
    );
}

#[test]
fn a_cell_that_is_not_utf_8_matters_only_where_it_is_read() {
    let read = |input: &[u8]| read_with(Format::Csv, input, &[], Domains::default()).unwrap();
    assert_eq!(read(b"time,name\n0,M\xFCller\n"), ["0ns domain 0 normal 100\u{b5}s"]);
    assert_eq!(read(b"time,domain\n0,M\xFCller\n"), ["line 2: column \"domain\" is not UTF-8 text"]);
}

#[test]
fn an_unknown_domain_is_a_bad_line_and_the_only_one_is_the_default() {
    let known = |names: &[&str]| Domains::known(names.iter().map(|&name| name.to_owned()));
    let read = |input: &str, domains| read_with(Format::Csv, input.as_bytes(), &[], domains).unwrap();
    assert_eq!(
        read("time,domain\n0,c\n0,b\n", known(&["a", "b"])),
        ["line 2: unknown domain \"c\"; expected one of a, b", "0ns domain 1 normal 100µs"]
    );
    assert_eq!(read("time\n0\n", known(&["a"])), ["0ns domain 0 normal 100µs"]);
    assert_eq!(
        read("time\n0\n", known(&["a", "b"])),
        ["line 2: unknown domain \"default\"; expected one of a, b"]
    );
}

#[test]
fn traces_that_cannot_be_read_are_refused_in_one_sentence() {
    assert_eq!(
        refused(Format::Csv, b"", &[]),
        "the trace is empty; expected a CSV header and lines, or NDJSON objects"
    );
    assert_eq!(refused(Format::Csv, b"time\n\n", &[]), "the trace has a header and no lines after it");
    assert_eq!(refused(Format::Ndjson, b"\n", &[]), refused(Format::Csv, b"\n", &[]));
    assert_eq!(
        refused(Format::Csv, b"TIMESTAMP,b\n", &[]),
        "the trace has no column \"time\"; it has TIMESTAMP, b; name the right one with --time-column"
    );
    assert_eq!(
        refused(Format::Ndjson, b"{\"time\":1,\"b\":2}\n", &["--key-column=user"]),
        "the trace has no column \"user\"; it has b, time; name the right one with --key-column"
    );
    assert_eq!(
        refused(Format::Csv, b"time\0\n", &[]),
        "the header cannot be read: line 1: holds a NUL byte; expected text (UTF-8, not UTF-16 and not compressed)"
    );
    assert_eq!(
        refused(Format::Csv, b"time,\xFF\n", &[]),
        "the header cannot be read: line 1: column \"number 2\" is not UTF-8 text"
    );
    let many = (0..60).fold(String::from("time,domain\n"), |text, i| text + &format!("0,d{i}\n"));
    assert_eq!(
        refused(Format::Csv, many.as_bytes(), &[]),
        "the trace names more than 50 domains; name another --domain-column, one --domain for all, or a --config"
    );
}
