//! W3C trace context: what a publisher says it works on, carried in an item's headers to its handler.
//!
//! Read as <https://www.w3.org/TR/trace-context/> says: `00-` trace id `-` id of the caller's span `-` flags, in lower case.

use std::fmt;
use std::str::FromStr;

/// The header that holds a [`TraceContext`].
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The header in which tracing systems keep what is theirs. It means something beside a valid `traceparent` only.
pub(crate) const TRACESTATE: &str = "tracestate";

/// Which trace something belongs to, and which span it comes from: what a header `traceparent` says.
///
/// ```
/// use heijunka::TraceContext;
///
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let context: TraceContext = text.parse()?;
/// assert!(context.is_sampled());
/// assert_eq!(context.to_string(), text);
/// let child = context.child();
/// assert_eq!(child.trace_id(), context.trace_id());
/// assert_ne!(child.span_id(), context.span_id());
/// # Ok::<(), heijunka::TraceContextError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    flags: u8,
}

/// Bytes of the first version, and of what is read of any later one.
const LENGTH: usize = 55;

/// Somebody up the line records this trace.
const SAMPLED: u8 = 1;

/// The flags whose meaning is known: sampled, and that the trace id was made at random.
const KNOWN_FLAGS: u8 = 3;

impl TraceContext {
    /// The beginning of a trace of its own, to be recorded, with ids made at random.
    #[must_use]
    pub fn begin() -> Self {
        Self { trace: fastrand::u128(1..), span: fastrand::u64(1..), flags: KNOWN_FLAGS }
    }

    /// Another span of the same trace, with an id made at random: what to tell others who are called on the way.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span: fastrand::u64(1..), flags: self.flags & KNOWN_FLAGS, ..self }
    }

    /// The id of the trace, shown as 32 hexadecimal digits in lower case; never 0.
    #[must_use]
    pub const fn trace_id(self) -> u128 {
        self.trace
    }

    /// The id of the span it comes from, shown as 16 hexadecimal digits in lower case; never 0.
    #[must_use]
    pub const fn span_id(self) -> u64 {
        self.span
    }

    /// Whether somebody up the line records this trace.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }
}

impl FromStr for TraceContext {
    type Err = TraceContextError;

    /// Reads the value of a header; a later version by what it has in common with the first one.
    fn from_str(text: &str) -> Result<Self, TraceContextError> {
        let known = text.as_bytes().first_chunk::<LENGTH>().ok_or(TraceContextError::Shape)?;
        if [2, 35, 52].iter().any(|at| known[*at] != b'-') {
            return Err(TraceContextError::Shape);
        }
        let version = number(&known[..2])?;
        match (version, text.as_bytes().get(LENGTH)) {
            (0xff, _) => return Err(TraceContextError::Version),
            (_, None) | (1.., Some(b'-')) => {}
            _ => return Err(TraceContextError::Shape),
        }
        let trace = number(&known[3..35])?;
        let [span, flags] = [number(&known[36..52])?, number(&known[53..])?];
        if trace == 0 || span == 0 {
            return Err(TraceContextError::Zero);
        }
        // Neither is cut: 16 digits and 2.
        #[allow(clippy::cast_possible_truncation, reason = "as many digits as fit")]
        Ok(Self { trace, span: span as u64, flags: flags as u8 })
    }
}

fn number(digits: &[u8]) -> Result<u128, TraceContextError> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(TraceContextError::Digit),
        };
        Ok(number << 4 | u128::from(value))
    })
}

impl fmt::Display for TraceContext {
    /// The value of a header, in the first version.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// What is wrong with the value of a header `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceContextError {
    /// Its parts are not where they should be.
    Shape,
    /// Version ff, which there will never be.
    Version,
    /// A character that is no hexadecimal digit in lower case.
    Digit,
    /// One of the two ids is 0.
    Zero,
}

impl fmt::Display for TraceContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TraceContextError::Shape => {
                "not of the shape 00-TRACE-SPAN-FLAGS with 32, 16 and 2 hexadecimal digits"
            }
            TraceContextError::Version => "version ff is none",
            TraceContextError::Digit => "a digit is none of 0-9 and a-f, in lower case",
            TraceContextError::Zero => "an id of zeros stands for none",
        })
    }
}

impl std::error::Error for TraceContextError {}

/// The spelling under which a header of trace context travels, if this is the name of one in whatever case.
pub(crate) fn spelt(name: &str) -> Option<&'static str> {
    [TRACEPARENT, TRACESTATE].into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the header is to go over the wire as it is, where other clients look for it: nothing in it needs encoding.
#[cfg(all(not(heijunka_loom), any(test, feature = "nats", feature = "amqp")))]
pub(crate) fn is_plain(name: &str, value: &str) -> bool {
    let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    spelt(name) == Some(name) && value.bytes().all(visible) && value.trim() == value
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests;
