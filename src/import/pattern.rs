//! Patterns of requests: `GET /api/upload-status?filename={key}`, `GET /jobs/{key}/status`.

use thiserror::Error;

use super::request::Request;
use super::text::hex_digit;

/// Stands for the name or the id of an upload.
const KEY: &str = "{key}";

/// A method, a path and what the query must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// `None`: any.
    method: Option<String>,
    segments: Vec<Piece>,
    query: Vec<(Vec<u8>, Piece)>,
}

/// A segment of a path, or the value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// As it is.
    Literal(Vec<u8>),
    /// Anything.
    Any,
    /// The key, between what is before it and what is behind it.
    Key(Vec<u8>, Vec<u8>),
}

/// Why a text is no pattern.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{}` {why}; write a method, a path and perhaps a query, as in 'GET /status?filename={{key}}' or 'GET /jobs/{{key}}/status'", text.escape_debug())]
pub struct InvalidPattern {
    text: String,
    why: &'static str,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`InvalidPattern`] with the reason.
    pub fn parse(text: &str) -> Result<Pattern, InvalidPattern> {
        let invalid = |why| InvalidPattern { text: text.to_owned(), why };
        let mut words = text.split_whitespace();
        let (method, target) = match (words.next(), words.next(), words.next()) {
            (Some(target), None, _) => (None, target),
            (Some(method), Some(target), None) => (Some(method).filter(|method| *method != "*"), target),
            (None, ..) => return Err(invalid("is empty")),
            _ => return Err(invalid("has more than a method and a path")),
        };
        if !target.starts_with('/') {
            return Err(invalid("has a path that does not begin with /"));
        }
        if target.matches(KEY).count() > 1 {
            return Err(invalid("has {key} more than once"));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parameters = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if name.contains(KEY) {
                return Err(invalid("has {key} in the name of a parameter"));
            }
            parameters.push((decoded(name.as_bytes(), true), piece(value, true)));
        }
        Ok(Pattern {
            text: text.to_owned(),
            method: method.map(str::to_ascii_uppercase),
            segments: path[1..].split('/').map(|segment| piece(segment, false)).collect(),
            query: parameters,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it says which upload a request is about.
    #[must_use]
    pub fn has_key(&self) -> bool {
        let is_key = |piece: &Piece| matches!(piece, Piece::Key(..));
        self.segments.iter().any(is_key) || self.query.iter().any(|(_, piece)| is_key(piece))
    }

    /// Whether a request is of this kind, and the key that it names: empty if the pattern has none.
    pub(super) fn matches(&self, request: &Request<'_>) -> Option<Vec<u8>> {
        let method = self.method.as_ref().is_none_or(|method| method.as_bytes() == &*request.method);
        if !method || request.target.is_empty() {
            return None;
        }
        let target = without_host(&request.target);
        let target = target.split(|&byte| byte == b'#').next().unwrap_or_default();
        let (path, query) = match target.iter().position(|&byte| byte == b'?') {
            Some(place) => (&target[..place], &target[place + 1..]),
            None => (target, &target[..0]),
        };
        let mut key = Vec::new();
        let mut segments = path.strip_prefix(b"/")?.split(|&byte| byte == b'/');
        for piece in &self.segments {
            piece.fits(&decoded(segments.next()?, false), &mut key)?;
        }
        if segments.next().is_some() {
            return None;
        }
        for (name, piece) in &self.query {
            let mut parameters = query.split(|&byte| byte == b'&').map(|parameter| {
                let place = parameter.iter().position(|&byte| byte == b'=').unwrap_or(parameter.len());
                (&parameter[..place], parameter.get(place + 1..).unwrap_or_default())
            });
            let (_, value) = parameters.find(|(known, _)| decoded(known, true) == *name)?;
            piece.fits(&decoded(value, true), &mut key)?;
        }
        Some(key)
    }
}

impl Piece {
    /// Whether a text fits; the key in it goes to `key`. A key is never empty.
    fn fits(&self, text: &[u8], key: &mut Vec<u8>) -> Option<()> {
        match self {
            Piece::Literal(literal) => (literal == text).then_some(()),
            Piece::Any => Some(()),
            Piece::Key(before, behind) => {
                let found = text.strip_prefix(&before[..])?.strip_suffix(&behind[..])?;
                key.extend_from_slice(found);
                (!found.is_empty()).then_some(())
            }
        }
    }
}

fn piece(text: &str, is_query: bool) -> Piece {
    match text.split_once(KEY) {
        Some((before, behind)) => {
            Piece::Key(decoded(before.as_bytes(), is_query), decoded(behind.as_bytes(), is_query))
        }
        None if text == "*" => Piece::Any,
        None => Piece::Literal(decoded(text.as_bytes(), is_query)),
    }
}

/// A target as a proxy gets it has a scheme and a host.
fn without_host(target: &[u8]) -> &[u8] {
    let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"));
    let Some(rest) = rest else { return target };
    rest.iter().position(|&byte| byte == b'/').map_or(b"/", |place| &rest[place..])
}

/// Resolves `%hh`, and in a query `+`.
fn decoded(text: &[u8], is_query: bool) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let (resolved, after) = match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex_digit(*high) * 16 + hex_digit(*low), after)
            }
            (b'+', _) if is_query => (b' ', after),
            _ => (byte, after),
        };
        plain.push(resolved);
        rest = after;
    }
    plain
}
