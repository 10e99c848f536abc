//! How the parts of a schedule are written down: names as text, times as `30s`, payloads as text where they are text.

use std::fmt::Display;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

fn text<'de, D: Deserializer<'de>, T, E: Display>(
    from: D,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    read(&String::deserialize(from)?).map_err(D::Error::custom)
}

pub(super) mod name {
    use super::{Deserializer, Serializer, text};
    use crate::kanban::name::Name;

    pub(in super::super) fn serialize<S: Serializer>(name: &Name, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name.as_str())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Name, D::Error> {
        text(from, Name::new)
    }
}

pub(super) mod priority {
    use super::{Deserializer, Serializer, text};
    use crate::priority::Priority;

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(in super::super) fn serialize<S: Serializer>(priority: &Priority, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(priority.name())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Priority, D::Error> {
        text(from, str::parse)
    }
}

pub(super) mod duration {
    use super::{Deserializer, Duration, Serializer, text};

    pub(in super::super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_duration(*time))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        text(from, humantime::parse_duration)
    }
}

pub(super) mod optional_duration {
    use super::{Deserialize, Deserializer, Duration, Error, Serializer};

    #[allow(clippy::ref_option, reason = "serde passes references")]
    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::duration::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| humantime::parse_duration(&text).map_err(D::Error::custom)).transpose()
    }
}

pub(super) mod payload {
    use bytes::Bytes;
    use serde::Serialize;

    use super::{Deserialize, Deserializer, Serializer};

    /// Text where it is text, else its bytes.
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Payload<'a> {
        Text(std::borrow::Cow<'a, str>),
        Bytes(Vec<u8>),
    }

    pub(in super::super) fn serialize<S: Serializer>(payload: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(payload) {
            Ok(text) => Payload::Text(text.into()).serialize(to),
            Err(_) => Payload::Bytes(payload.to_vec()).serialize(to),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        Ok(match Payload::deserialize(from)? {
            Payload::Text(text) => text.into_owned().into(),
            Payload::Bytes(bytes) => bytes.into(),
        })
    }
}
