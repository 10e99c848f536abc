//! How often an item failed, and how often it was given back: the server counts deliveries alone, so that is kept beside the items.

use serde_json::json;

use super::exchange::{Entry, Reply, Say};
use super::settings::NatsSettings;
use super::{kept, names};

/// What is known of a message that was delivered before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) failures: u32,
    /// Deliveries that do not count.
    pub(super) releases: u32,
}

/// Which message, and as of which of its deliveries: a stream that was removed and made anew has the same sequences again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lent {
    pub(super) sequence: u64,
    pub(super) delivered: u32,
    /// When it was stored, in milliseconds since 1970.
    pub(super) stored: u64,
}

impl Tally {
    pub(super) const fn failed(self) -> Self {
        Self { failures: self.failures.saturating_add(1), ..self }
    }

    pub(super) const fn given_back(self) -> Self {
        Self { releases: self.releases.saturating_add(1), ..self }
    }

    /// Kept under the message's number; the latest alone.
    pub(super) fn write(self, of: Lent) -> Say {
        let Self { failures, releases } = self;
        let payload = format!("{failures} {releases} {}", of.stored);
        Say { subject: names::tally(of.sequence).into(), headers: None, payload: payload.into() }
    }

    fn parse(text: &str, of: Lent) -> Self {
        let mut words = text.split(' ').map(str::parse::<u64>);
        let mut next = || words.next().and_then(Result::ok);
        let (failures, releases, stored) = (next(), next(), next());
        match (failures.map(u32::try_from), releases.map(u32::try_from), stored) {
            (Some(Ok(failures)), Some(Ok(releases)), Some(stored)) if stored == of.stored => {
                Self { failures, releases }
            }
            // Nobody's, or that of another message.
            _ => Self::default(),
        }
    }
}

/// Asks for what is kept of a message.
pub(super) fn read(settings: &NatsSettings, of: Lent) -> Entry {
    let subject = format!("$JS.API.STREAM.MSG.GET.{}", settings.counts_stream);
    let payload = json!({ "last_by_subj": names::tally(of.sequence) }).to_string();
    Say { subject: subject.into(), headers: None, payload: payload.into() }.into()
}

/// What came of it; `None` if it is not known.
pub(super) fn answered(reply: Reply, of: Lent) -> Option<Tally> {
    let Reply::Answered(message) = reply else { return None };
    let text = kept::read(&message).ok()?;
    // Nothing is kept of a message that nobody ever gave back.
    let Some(text) = text else { return Some(Tally::default()) };
    Some(Tally::parse(std::str::from_utf8(&text.payload).unwrap_or_default(), of))
}

/// Forgets what is kept of a message.
pub(super) fn forget(settings: &NatsSettings, sequence: u64) -> Entry {
    let subject = format!("$JS.API.STREAM.PURGE.{}", settings.counts_stream);
    let payload = json!({ "filter": names::tally(sequence) }).to_string();
    Say { subject: subject.into(), headers: None, payload: payload.into() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_of_the_same_message_is_read() {
        let of = Lent { sequence: 7, delivered: 3, stored: 1000 };
        let tally = Tally::default().failed().given_back().failed();
        let text = String::from_utf8(tally.write(of).payload.to_vec()).expect("it is text");
        assert_eq!(Tally::parse(&text, of), tally);
        assert_eq!(Tally::parse(&text, Lent { stored: 1001, ..of }), Tally::default());
        for nonsense in ["", "1", "a b c", "1 1", "99999999999 1 1000"] {
            assert_eq!(Tally::parse(nonsense, of), Tally::default(), "{nonsense}");
        }
    }
}
