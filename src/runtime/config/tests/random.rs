//! Whatever the text, the loader answers, with one line if it refuses.

use proptest::prelude::*;

use super::super::Loader;

/// Pieces of configurations, put together in ways nobody would: they get further than random characters.
fn nearly_toml() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "[",
            "]",
            "[[",
            "]]",
            "{",
            "}",
            "=",
            ".",
            ",",
            "\n",
            "\r\n",
            "\"",
            "'",
            "\"\"\"",
            "#",
            " ",
            "-",
            "_",
            "%",
            "admission",
            "sub_limits",
            "soft",
            "hard",
            "reserve",
            "domains",
            "group",
            "priority",
            "pools",
            "groups",
            "min_workers",
            "max_workers",
            "spin",
            "idle",
            "backoff",
            "[pools.a]\n",
            "[admission]\n",
            "true",
            "nan",
            "-inf",
            "1e999",
            "0x",
            "99999999999999999999",
            "18446744073709551615s",
            "1000ms",
            "2026-01-01",
            "\u{feff}",
            "\\u0000",
            "\0",
            "é",
            "50us",
            "20%",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        any::<i64>().prop_map(|number| number.to_string()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// One key of a pool with a random value: past the parser, into reading and checking.
fn one_setting() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "domain",
        "min_workers",
        "max_workers",
        "weight",
        "lane",
        "kind",
        "idle",
        "spin",
        "pin",
        "other",
    ]);
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        "[0-9a-zA-Zµ. ]{0,30}".prop_map(|text| format!("'{text}'")),
        "[0-9]{1,20}(y|w|s|ms) [0-9]{1,6}(s|ms|ns)".prop_map(|text| format!("'{text}'")),
        prop::sample::select(vec!["true", "[]", "{}", "[[1]]", "{a=1}"]).prop_map(str::to_owned),
    ];
    (key, value).prop_map(|(key, value)| format!("[pools.a]\n{key} = {value}\n"))
}

fn answers(loader: &Loader, text: &str) {
    if let Err(error) = loader.parse("heijunka.toml", text) {
        let line = error.to_string();
        assert!(!line.contains('\n'), "not one line: {line:?}");
        assert!(!error.fault().is_empty() && !error.cure().is_empty(), "{line}");
        assert!(error.place().is_some(), "no place: {line}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![".*", "(?s).{0,80}", nearly_toml(), one_setting()]) {
        answers(&Loader::new(), &text);
    }

    #[test]
    fn any_override_is_read_or_refused(set in nearly_toml(), name in nearly_toml(), value in nearly_toml()) {
        let name = format!("HEIJUNKA_{name}__{value}");
        answers(&Loader::new().set(set).variables([(name, value)]), "[admission]\n[pools.a]\n");
    }

    /// A place is the line and column of what is wrong, wherever it stands.
    #[test]
    fn places_are_exact(lines in 0_usize..20, spaces in 0_usize..20) {
        let text = format!("{}[pools.a]\n{}weight = 0", "\n".repeat(lines), " ".repeat(spaces));
        let error = Loader::new().parse("f", &text).unwrap_err();
        let place = format!("f:{}:{}", lines + 2, spaces + 10);
        prop_assert_eq!(error.place(), Some(place.as_str()));
    }
}
