//! One request of an access log, and why a line is none.

use std::fmt;

/// A request, as far as an importer wants to know it. It borrows from its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// When, in nanoseconds since 1970 in UTC.
    pub(super) at_ns: i64,
    /// Whether its stamp tells less than a second.
    pub(super) has_fraction: bool,
    /// `GET`, `POST` and so on; empty if the client sent nonsense.
    pub(super) method: Text<'a>,
    /// What was asked for, with its query.
    pub(super) target: Text<'a>,
    /// The status of the response.
    pub(super) status: u16,
    /// The client's address.
    pub(super) client: Text<'a>,
    /// The client's user agent; empty if the log does not say.
    pub(super) agent: Text<'a>,
}

/// Bytes of a line, or of a text in it after its escapes were resolved.
pub(super) type Text<'a> = std::borrow::Cow<'a, [u8]>;

/// Why a line is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It is longer than the bound.
    TooLong,
    /// It is empty.
    Empty,
    /// No time in brackets.
    NoTime,
    /// A time that is none.
    BadTime,
    /// No request in quotes.
    NoRequest,
    /// No status of three digits.
    NoStatus,
    /// Not an object in JSON.
    NotJson,
    /// An object in JSON without one of the fields: the time.
    NoJsonTime,
    /// The same, the request.
    NoJsonRequest,
    /// The same, the status.
    NoJsonStatus,
}

impl Why {
    /// All of them.
    pub const ALL: [Why; 10] = [
        Why::TooLong,
        Why::Empty,
        Why::NoTime,
        Why::BadTime,
        Why::NoRequest,
        Why::NoStatus,
        Why::NotJson,
        Why::NoJsonTime,
        Why::NoJsonRequest,
        Why::NoJsonStatus,
    ];

    /// In a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Why::TooLong => "longer than 64 KiB",
            Why::Empty => "empty",
            Why::NoTime => "no time in brackets",
            Why::BadTime => "a time that is none",
            Why::NoRequest => "no request in quotes",
            Why::NoStatus => "no status of three digits",
            Why::NotJson => "no object in JSON",
            Why::NoJsonTime => "no field that is the time",
            Why::NoJsonRequest => "no field that is the request",
            Why::NoJsonStatus => "no field that is the status",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A status of three digits.
pub(super) fn status(text: &[u8]) -> Option<u16> {
    match *text {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        _ => None,
    }
}

/// The method and the target of a request line, both empty if it is none.
pub(super) fn request_line(line: Text<'_>) -> (Text<'_>, Text<'_>) {
    let parts = {
        let mut parts = line.split(|&byte| byte == b' ').filter(|part| !part.is_empty());
        let (method, target, version, more) = (parts.next(), parts.next(), parts.next(), parts.next());
        match (method, target, version, more) {
            // HTTP/0.9 has no version.
            (Some(method), Some(target), None, _) => Some((method.to_vec(), target.to_vec())),
            (Some(method), Some(target), Some(version), None) if version.starts_with(b"HTTP/") => {
                Some((method.to_vec(), target.to_vec()))
            }
            _ => None,
        }
    };
    let is_method = |method: &[u8]| method.len() <= 32 && method.iter().all(u8::is_ascii_uppercase);
    match parts.filter(|(method, _)| is_method(method)) {
        Some((method, target)) => (method.into(), target.into()),
        None => (Text::default(), Text::default()),
    }
}
