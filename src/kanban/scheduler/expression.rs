//! Cron expressions: which are one, and what is wrong with the others.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::error::ScheduleError;

/// A field: its name, what may stand there, and the letters that may.
struct Field {
    name: &'static str,
    right: &'static str,
    words: &'static [&'static str],
}

const FIELDS: [Field; 6] = [
    Field { name: "second", right: "0 to 59, * or */5, lists 1,2 and ranges 1-5", words: &[] },
    Field { name: "minute", right: "0 to 59, * or */5, lists 1,2 and ranges 1-5", words: &[] },
    Field { name: "hour", right: "0 to 23, * or */5, lists 1,2 and ranges 1-5", words: &[] },
    Field {
        name: "day of the month",
        right: "1 to 31, * or */5, lists, ranges, L for the last and 15W for the weekday next to the 15th",
        words: &["L", "W"],
    },
    Field {
        name: "month",
        right: "1 to 12, JAN to DEC, * or */5, lists 1,2 and ranges 1-5",
        words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    },
    Field {
        name: "day of the week",
        right: "0 to 7 (0 and 7 are Sunday), SUN to SAT, *, lists, ranges, 5#2 for the second Friday and 5#L for the last",
        words: &["L", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    },
];

/// Characters of an expression.
const LONGEST: usize = 256;

const NICKNAMES: [&str; 6] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"];

/// Reads it, or says which field is wrong.
pub(super) fn parse(text: &str) -> Result<Cron, ScheduleError> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    let wrong = |why: String| Err(ScheduleError::Expression { text: text.chars().take(100).collect(), why });
    if text.len() > LONGEST {
        return wrong(format!("it is longer than {LONGEST} characters"));
    }
    if text.trim_start().starts_with('@') {
        if !NICKNAMES.iter().any(|name| name.eq_ignore_ascii_case(text.trim())) {
            return wrong(format!("use one of {}", NICKNAMES.join(" ")));
        }
        return parser.parse(text).or_else(|error| wrong(error.to_string()));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !(5..=6).contains(&fields.len()) {
        let has = fields.len();
        return wrong(format!(
            "it has {has} fields, not 5 (minute, hour, day of the month, month, day of the week) or 6 (the second first)"
        ));
    }
    for (text, field) in fields.iter().rev().zip(FIELDS.iter().rev()) {
        if !is_fine(text, field, parser) {
            let text = text.chars().take(100).collect();
            return Err(ScheduleError::Field { field: field.name, text, right: field.right });
        }
    }
    parser.parse(text).or_else(|error| wrong(error.to_string()))
}

/// Whether a field is right by itself.
fn is_fine(text: &str, field: &Field, parser: CronParser) -> bool {
    // Names are replaced wherever they stand by the parser, which would take MON for a minute.
    let words =
        text.split(|character: char| !character.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let known = |word: &str| field.words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if !text.is_ascii() || !words.into_iter().all(known) {
        return false;
    }
    let alone = FIELDS.iter().map(|other| if other.name == field.name { text } else { "*" });
    parser.parse(&alone.collect::<Vec<_>>().join(" ")).is_ok()
}
