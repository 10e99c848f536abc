//! What is a `traceparent`, and what is none.

use proptest::prelude::*;

use super::{TraceContext, TraceContextError, is_plain, spelt};

const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn read(text: &str) -> Result<TraceContext, TraceContextError> {
    text.parse()
}

#[test]
fn the_parts_are_read_and_written_again() {
    let context = read(GOOD).unwrap();
    assert_eq!(context.trace_id(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
    assert_eq!(context.span_id(), 0x00f0_67aa_0ba9_02b7);
    assert!(context.is_sampled());
    assert_eq!(context.to_string(), GOOD);
    assert!(!read(&GOOD.replace("-01", "-00")).unwrap().is_sampled());
}

#[test]
fn what_breaks_the_rules_is_refused() {
    let zeros = |from: usize, to: usize| format!("{}{}{}", &GOOD[..from], "0".repeat(to - from), &GOOD[to..]);
    let cases = [
        (String::new(), TraceContextError::Shape),
        (GOOD[..54].to_owned(), TraceContextError::Shape),
        (format!("{GOOD}0"), TraceContextError::Shape),
        (format!("{GOOD}-extra"), TraceContextError::Shape),
        (format!(" {GOOD}"), TraceContextError::Shape),
        (GOOD.replace('-', "_"), TraceContextError::Shape),
        (GOOD.replacen("00", "ff", 1), TraceContextError::Version),
        (GOOD.to_uppercase(), TraceContextError::Digit),
        (GOOD.replacen("00", "0g", 1), TraceContextError::Digit),
        (zeros(3, 35), TraceContextError::Zero),
        (zeros(36, 52), TraceContextError::Zero),
        (format!("{}ä-01", &GOOD[..50]), TraceContextError::Digit),
    ];
    for (text, error) in cases {
        assert_eq!(read(&text), Err(error), "{text:?}");
    }
}

#[test]
fn a_later_version_is_read_by_what_is_known_of_it() {
    let known = read(GOOD).unwrap();
    for later in ["cc-", "01-", "fe-"] {
        let later = GOOD.replacen("00-", later, 1);
        assert_eq!(read(&later), Ok(known));
        assert_eq!(read(&format!("{later}-what-comes")), Ok(known));
        assert_eq!(read(&format!("{later}.what-comes")), Err(TraceContextError::Shape));
    }
}

#[test]
fn a_child_stays_in_its_trace_and_tells_known_flags_only() {
    let context = read(&GOOD.replace("-01", "-ff")).unwrap();
    let child = context.child();
    assert_eq!(child.trace_id(), context.trace_id());
    assert_ne!(child.span_id(), context.span_id());
    assert!(child.to_string().ends_with("-03"), "{child}");
    let (one, two) = (TraceContext::begin(), TraceContext::begin());
    assert!(one.trace_id() != two.trace_id() && one.is_sampled());
}

#[test]
fn names_are_known_in_any_case_and_values_that_need_no_encoding_are_plain() {
    assert_eq!(
        (spelt("TraceParent"), spelt("tracestate"), spelt("trace")),
        (Some("traceparent"), Some("tracestate"), None)
    );
    assert!(
        is_plain("traceparent", GOOD) && is_plain("tracestate", "a=1:2%3, b=c") && is_plain("tracestate", "")
    );
    for (name, value) in [
        ("trace", "a"),
        ("Traceparent", "a"),
        ("tracestate", "ä"),
        ("tracestate", " a"),
        ("tracestate", "a\n"),
    ] {
        assert!(!is_plain(name, value), "{name}: {value:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(trace in 1_u128.., span in 1_u64.., flags: u8) {
        let context = TraceContext { trace, span, flags };
        let text = context.to_string();
        prop_assert_eq!(text.len(), 55);
        prop_assert_eq!(read(&text), Ok(context));
        let child = read(&context.child().to_string()).unwrap();
        prop_assert_eq!((child.trace, child.is_sampled()), (trace, context.is_sampled()));
    }

    #[test]
    fn one_changed_byte_is_another_context_or_none(at in 0..55_usize, byte: u8) {
        let mut bytes = GOOD.as_bytes().to_vec();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        // The version is not kept, everything else is.
        if let Some(Ok(changed)) = std::str::from_utf8(&bytes).ok().map(read) {
            prop_assert_eq!(&changed.to_string()[2..], std::str::from_utf8(&bytes[2..]).unwrap());
        }
    }

    #[test]
    fn nothing_panics(text in any::<String>()) {
        let _ = read(&text);
    }
}
