//! Each bad input gets one clear sentence and a proper exit code, never a panic or a backtrace.

mod common;

use common::{TempFile, heijunka, pipe, run};

const MAX: [&str; 5] = ["replay", "-", "--speed", "max", "--json"];

#[test]
fn a_missing_column() {
    let ran = pipe(MAX, b"when,what\n0,a\n");
    assert_eq!(
        ran.refusal(),
        "the trace has no column \"time\"; it has when, what; name the right one with --time-column"
    );
    let ran = pipe([&MAX[..], &["--work-column", "tokens"]].concat(), b"time,what\n0,a\n");
    assert_eq!(
        ran.refusal(),
        "the trace has no column \"tokens\"; it has time, what; name the right one with --work-column"
    );
}

#[test]
fn bad_lines_are_reported_counted_and_skipped() {
    let long = "x".repeat(1 << 20);
    let trace = format!("time,domain\n0,a\nnoon,a\n{long}\n5,a\n2,a\n6,a\0\n7,b\n");
    let ran = pipe(MAX, trace.as_bytes());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let report = ran.json();
    assert_eq!((report["offered"].as_u64(), report["bad_lines"].as_u64()), (Some(3), Some(4)));
    let lines: Vec<_> = ran.err.lines().filter(|line| line.contains(": line ")).collect();
    assert_eq!(
        lines,
        [
            "heijunka: line 3: \"noon\" in \"time\" is not a time; expected RFC 3339 (2024-05-01T12:00:00.5Z), \
         YYYY-MM-DD hh:mm:ss.fffffff, or a number of seconds",
            "heijunka: line 4: longer than 64 KiB, the limit for a line",
            "heijunka: line 6: time runs backwards by 3.00 s from line 5; sort the trace by its column \"time\"",
            "heijunka: line 7: holds a NUL byte; expected text (UTF-8, not UTF-16 and not compressed)",
        ]
    );
}

#[test]
fn only_the_first_ten_bad_lines_are_shown() {
    let trace = format!("time\n0\n{}", "x\n".repeat(1000));
    let ran = pipe(MAX, trace.as_bytes());
    assert_eq!(ran.json()["bad_lines"], 1000);
    assert_eq!(ran.err.lines().filter(|line| line.starts_with("heijunka: ")).count(), 11, "{}", ran.err);
}

#[test]
fn strict_stops_at_the_first_bad_line() {
    let expected = "line 3: \"x\" in \"time\" is not a time; expected RFC 3339 (2024-05-01T12:00:00.5Z), \
                    YYYY-MM-DD hh:mm:ss.fffffff, or a number of seconds (--strict stops at the first bad line)";
    let trace = b"time\n0\nx\n1\n";
    let file = TempFile::new("strict.csv", trace);
    assert_eq!(run(["replay", file.path(), "--speed=max", "--strict"]).refusal(), expected);
    let ran = pipe([&MAX[..], &["--strict", "--domain=a"]].concat(), trace);
    assert_eq!((ran.code, ran.json()["offered"].as_u64()), (Some(2), Some(1)), "what ran is reported");
    assert!(ran.err.ends_with(&format!("heijunka: {expected}\n")), "{}", ran.err);
}

#[test]
fn an_unknown_domain() {
    let config = TempFile::new("known.toml", b"[pools.a]\n[pools.b]\n");
    let with_config = [&MAX[..], &["--config", config.path()]].concat();
    let ran = pipe(with_config.clone(), b"time,domain\n0,a\n0,c\n");
    assert_eq!((ran.code, ran.json()["bad_lines"].as_u64()), (Some(0), Some(1)));
    assert!(
        ran.err.contains("heijunka: line 3: unknown domain \"c\"; expected one of a, b\n"),
        "{}",
        ran.err
    );
    let ran = pipe([&with_config[..], &["--domain", "c"]].concat(), b"time\n0\n");
    assert_eq!(ran.refusal(), "the configuration has no domain \"c\"; it has a, b");
    let ran = run(["replay", "--config", config.path(), "--duration=10ms"]);
    assert_eq!(ran.refusal(), "the configuration has no domain \"payment\"; it has a, b");
}

#[test]
fn nothing_to_replay() {
    let empty = "the trace is empty; expected a CSV header and lines, or NDJSON objects";
    assert_eq!(pipe(MAX, b"").refusal(), empty);
    assert_eq!(pipe(MAX, b"\n\n").refusal(), empty);
    assert_eq!(pipe(MAX, b"time,domain\n").refusal(), "the trace has a header and no lines after it");
    let ran = pipe(MAX, b"time\nx\ny\n");
    assert!(
        ran.refusal().starts_with("all 2 lines of the trace are bad, the first of them: line 2: \"x\""),
        "{}",
        ran.err
    );
    assert_eq!(
        run(["replay", "--duration=1ns"]).refusal(),
        "the built-in day has no arrivals; expected a longer --duration or a higher --rate"
    );
}

#[test]
fn nul_bytes_in_the_header_and_a_header_without_end() {
    let utf16: Vec<u8> = "time\n0\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        pipe(MAX, &utf16).refusal(),
        "the header cannot be read: line 1: holds a NUL byte; expected text (UTF-8, not UTF-16 and not compressed)"
    );
    let ran = pipe(MAX, &vec![b'x'; 1 << 20]);
    assert_eq!(ran.refusal(), "the header cannot be read: line 1: longer than 64 KiB, the limit for a line");
}

#[test]
fn a_file_that_is_not_there_or_no_file() {
    let gone = run(["replay", "/nonexistent/trace.csv"]);
    assert!(gone.refusal().starts_with("cannot open /nonexistent/trace.csv: "), "{}", gone.err);
    let directory = env!("CARGO_TARGET_TMPDIR");
    let ran = run(["replay", directory]);
    assert_eq!(ran.refusal(), format!("{directory} is a directory; expected a CSV or NDJSON file"));
}

#[test]
fn standard_input_closed() {
    let ran = run(MAX);
    assert_eq!(ran.refusal(), "the trace is empty; expected a CSV header and lines, or NDJSON objects");
}

#[test]
fn standard_output_and_error_closed() {
    use std::process::Stdio;
    for args in [&["replay", "--duration=50ms", "--speed=max"][..], &["replay", "--help"], &["--version"]] {
        let mut child =
            heijunka(args.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_report_that_cannot_be_written() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = heijunka(["replay", "--duration=50ms", "--speed=max"]).stdout(full).output().unwrap();
    let ran = common::Ran::from(output);
    assert!(ran.refusal().starts_with("cannot write the report: "), "{}", ran.err);
}

#[test]
fn wrong_usage() {
    for args in [
        &["replay", "--speed", "fast"][..],
        &["replay", "--work-unit", "1us"],
        &["replay", "x.csv", "--seed", "1"],
        &["replay", "--set", "admission.hard=1"],
        &["nonsense"],
    ] {
        let ran = run(args.iter().copied());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.err.starts_with("error: "), "{}", ran.err);
    }
}
