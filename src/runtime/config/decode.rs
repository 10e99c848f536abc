//! Reads the settings out of a TOML tree with serde, so that every fault carries its path.
//!
//! The `toml` crate's own deserialiser reports a message and a span of one text; here a tree has grown from
//! several texts, and a fault must say which setting it is about.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use super::fault::Fault;
use super::path::{Path, Step};

/// The value of type `T` that the tree holds.
pub(super) fn decode<T: DeserializeOwned>(tree: &DeTable<'_>) -> Result<T, Fault> {
    T::deserialize(Table(tree))
}

struct Table<'a>(&'a DeTable<'a>);

impl<'de> Deserializer<'de> for Table<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(Entries { rest: self.0.iter(), entry: None })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Node<'a>(&'a DeValue<'a>);

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Boolean(value) => visitor.visit_bool(*value),
            DeValue::Integer(digits) => match integer(digits) {
                Some(value) => visitor.visit_i64(value),
                None => Err(Fault::invalid_value(Unexpected::Other(&digits.to_string()), &visitor)),
            },
            DeValue::Float(digits) => match digits.as_str().parse() {
                Ok(value) => visitor.visit_f64(value),
                Err(_) => Err(Fault::invalid_value(Unexpected::Other(digits.as_str()), &visitor)),
            },
            DeValue::Datetime(_) => Err(Fault::invalid_type(Unexpected::Other("a date or time"), &visitor)),
            DeValue::Array(values) => visitor.visit_seq(Elements { rest: values.iter(), index: 0 }),
            DeValue::Table(table) => Table(table).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    /// An array is no table, though serde would take it for one whose keys have been left out.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            DeValue::Array(_) => Err(Fault::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            DeValue::String(word) => visitor.visit_enum(text(word)),
            other => {
                let found = format!("of type {}", other.type_str());
                Err(Fault::unknown_word(Unexpected::Other(&found), variants))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

fn integer(digits: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(digits.as_str(), digits.radix()).ok()
}

fn text<'a>(text: &'a DeString<'_>) -> StrDeserializer<'a, Fault> {
    text.as_ref().into_deserializer()
}

type Key<'a> = Spanned<DeString<'a>>;
type Value<'a> = Spanned<DeValue<'a>>;

struct Entries<'a, I> {
    rest: I,
    entry: Option<(&'a Key<'a>, &'a Value<'a>)>,
}

impl<'de, 'a, I> MapAccess<'de> for Entries<'a, I>
where
    I: Iterator<Item = (&'a Key<'a>, &'a Value<'a>)>,
{
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.entry = self.rest.next();
        self.entry.map(|(key, _)| seed.deserialize(text(key.get_ref()))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, value)) = self.entry else {
            return Err(Fault::new(Path::default(), "a value was read before its key", "please report this"));
        };
        let within = |fault: Fault| fault.within(Step::Key(key.get_ref().to_string()));
        seed.deserialize(Node(value.get_ref())).map_err(within)
    }
}

struct Elements<I> {
    rest: I,
    index: usize,
}

impl<'de, 'a, I: Iterator<Item = &'a Value<'a>>> SeqAccess<'de> for Elements<I> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        let within = |fault: Fault| fault.within(Step::Index(index));
        seed.deserialize(Node(value.get_ref())).map(Some).map_err(within)
    }
}
