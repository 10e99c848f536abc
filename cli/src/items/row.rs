//! What one line says.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use heijunka::{ItemId, Name, Priority, Timestamp};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{ItemLine, Until};

/// The standard alphabet, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is wrong, after the first `at` bytes of the line.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: String,
}

/// The fields as they are written, so that each can be told its place, and a payload stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"domain\": \"mail\", \"payload\": \"hello\"}")]
struct Row<'a> {
    #[serde(borrow, default, deserialize_with = "written")]
    domain: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "written")]
    priority: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "written")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "written")]
    key: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "written")]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "written")]
    payload_base64: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "written")]
    headers: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "written")]
    deadline: Option<&'a RawValue>,
}

/// Also where it is `null`, which a payload may be.
fn written<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

/// Makes an item of the line of this number; of `domain` if it names none.
pub(super) fn parse<'a>(number: u64, line: &'a str, domain: Option<&str>) -> Result<ItemLine, Fault> {
    let row: Row<'a> = serde_json::from_str(line).map_err(|error| Fault::json(0, &error))?;
    let field = |name, written: Option<&'a RawValue>| Field::of(line, name, written);
    let text = |field: Field<'_>| field.read::<String>();
    Ok(ItemLine {
        line: number,
        domain: match field("domain", row.domain) {
            Some(field) => field.text_that(Name::new)?,
            None => domain.map(str::to_owned).ok_or_else(no_domain)?,
        },
        priority: field("priority", row.priority).map_or(Ok(Priority::Normal), |field| priority(&field))?,
        id: field("id", row.id).map(|field| field.text_that(ItemId::new)).transpose()?,
        key: field("key", row.key).map(text).transpose()?,
        payload: payload(
            row.payload.map(|written| Field::at(line, "payload", written)),
            field("payload_base64", row.payload_base64),
        )?,
        headers: field("headers", row.headers)
            .map_or(Ok(BTreeMap::new()), |field| field.read::<Headers>().map(|Headers(headers)| headers))?,
        deadline: field("deadline", row.deadline).map(|field| deadline(&field)).transpose()?,
    })
}

fn no_domain() -> Fault {
    let what = "no domain: name one on the line, such as \"domain\": \"mail\", or one for all lines";
    Fault { at: 0, what: what.into() }
}

fn priority(field: &Field<'_>) -> Result<Priority, Fault> {
    let text = field.read::<String>()?;
    text.parse()
        .map_err(|_| field.wrong(format_args!("{} is none; expected high, normal or low", Excerpt(&text))))
}

fn deadline(field: &Field<'_>) -> Result<Until, Fault> {
    let text = field.read::<String>()?;
    if let Ok(after) = humantime::parse_duration(&text) {
        return Ok(Until::In(after));
    }
    let at = text.parse::<jiff::Timestamp>().ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    at.map(|at| Until::At(Timestamp::from_millis(at))).ok_or_else(|| {
        field.wrong(format_args!(
            "{} is none; expected a time such as 2026-11-22T12:00:00Z, or a duration from now such as 10m",
            Excerpt(&text)
        ))
    })
}

/// A text as it is, bytes out of base64, or any other value as it is written.
fn payload(written: Option<Field<'_>>, base64: Option<Field<'_>>) -> Result<Vec<u8>, Fault> {
    match (written, base64) {
        (Some(_), Some(base64)) => Err(base64.wrong("and payload are both there; expected one of them")),
        (Some(written), None) if written.text.starts_with('"') => {
            written.read::<String>().map(String::into_bytes)
        }
        (Some(written), None) => Ok(written.text.as_bytes().to_vec()),
        (None, Some(base64)) => BASE64.decode(base64.read::<String>()?).map_err(|error| {
            base64.wrong(format_args!("is not base64 (A-Z a-z 0-9 + /, with or without =): {error}"))
        }),
        (None, None) => Ok(Vec::new()),
    }
}

/// A field as it is written.
struct Field<'a> {
    name: &'static str,
    text: &'a str,
    /// Bytes of the line before it.
    at: usize,
}

impl<'a> Field<'a> {
    /// A field that is `null` is not there.
    fn of(line: &str, name: &'static str, written: Option<&'a RawValue>) -> Option<Self> {
        let field = Self::at(line, name, written?);
        (field.text != "null").then_some(field)
    }

    fn at(line: &str, name: &'static str, written: &'a RawValue) -> Self {
        let text = written.get();
        // It is a part of the line.
        Self { name, text, at: text.as_ptr().addr().saturating_sub(line.as_ptr().addr()) }
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_str(self.text).map_err(|error| {
            let Fault { at, what } = Fault::json(self.at, &error);
            Fault { at, what: format!("{}: {what}", self.name) }
        })
    }

    /// The text, if it can be made into what it must be.
    fn text_that<T, E: fmt::Display>(&self, check: impl Fn(&str) -> Result<T, E>) -> Result<String, Fault> {
        let text = self.read::<String>()?;
        match check(&text) {
            Ok(_) => Ok(text),
            Err(error) => Err(Fault { at: self.at, what: format!("{}: {error}", self.name) }),
        }
    }

    fn wrong(&self, what: impl fmt::Display) -> Fault {
        Fault { at: self.at, what: format!("{} {what}", self.name) }
    }
}

impl Fault {
    /// What the reader of JSON says, of a text that begins after the first `start` bytes.
    fn json(start: usize, error: &serde_json::Error) -> Self {
        let what = error.to_string();
        // Its place is that in the text it was given, not in the input.
        let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
        Self { at: start + error.column().saturating_sub(1), what: printable(what) }
    }
}

/// Foreign text as a message may show it: its beginning, with control characters escaped.
fn printable(text: &str) -> String {
    const SHOWN: usize = 300;
    let shown = text.chars().take(SHOWN).flat_map(|letter| {
        let escaped = letter.is_control().then(|| letter.escape_default());
        let plain = escaped.is_none().then_some(letter);
        escaped.into_iter().flatten().chain(plain)
    });
    shown.collect()
}

/// The beginning of a foreign text, quoted.
struct Excerpt<'a>(&'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 40;
        match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{:?}…", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// Headers; each name once.
struct Headers(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings, such as {\"lang\": \"en\"}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if headers.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("the header {name:?} is there twice")));
                    }
                    headers.insert(name, value);
                }
                Ok(Headers(headers))
            }
        }

        value.deserialize_map(Pairs)
    }
}
