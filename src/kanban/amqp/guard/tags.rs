//! Deliveries that come after their subscription was ended, as RabbitMQ sends them: the client would end the connection over them. They are
//! led to the first subscription of their channel, which exists for that.

use std::collections::{HashMap, VecDeque};

use super::walk::{Cursor, Wrong};

/// So many subscriptions that were ended are remembered.
const MOST: usize = 1024;

type Tag = Vec<u8>;

#[derive(Debug, Default)]
pub(super) struct Tags {
    first: HashMap<u16, Tag>,
    ended: VecDeque<(u16, Tag)>,
}

impl Tags {
    /// Looks at a method; gives the one that is to take its place, if any.
    pub(super) fn lead(&mut self, channel: u16, method: &[u8]) -> Result<Option<Vec<u8>>, Wrong> {
        let mut cursor = Cursor { bytes: method, at: 0 };
        let kind = (cursor.u16()?, cursor.u16()?);
        if !matches!(kind, (60, 21 | 31 | 60)) {
            return Ok(None);
        }
        let length = usize::from(cursor.u8()?);
        let tag = cursor.take(length)?;
        match kind.1 {
            // basic.consume-ok.
            21 => {
                self.first.entry(channel).or_insert_with(|| tag.to_owned());
            }
            // basic.cancel-ok.
            31 => {
                self.ended.push_back((channel, tag.to_owned()));
                if self.ended.len() > MOST {
                    self.ended.pop_front();
                }
            }
            // basic.deliver.
            _ => {
                let is_it = |(of, ended): &(u16, Tag)| *of == channel && ended == tag;
                if let Some(first) = self.first.get(&channel).filter(|_| self.ended.iter().any(is_it)) {
                    let length = u8::try_from(first.len()).unwrap_or(0);
                    let rest = &method[cursor.at..];
                    return Ok(Some([&method[..4], &[length], &first[..usize::from(length)], rest].concat()));
                }
            }
        }
        Ok(None)
    }
}
