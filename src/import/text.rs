//! Common and Combined Log Format, and what looks like them: nginx's default is Combined, and fields that somebody added at the end
//! do no harm.
//!
//! `host ident user [17/May/2015:10:05:03 +0200] "GET /path HTTP/1.1" 200 512 "referer" "user agent" …`; quotes in a text are
//! escaped with a backslash (<https://httpd.apache.org/docs/2.4/logs.html>).

use std::net::IpAddr;

use jiff::fmt::strtime::BrokenDownTime;

use super::request::{Request, Text, Why, request_line, status};

/// The longest stamp that is looked at.
const STAMP_MAX: usize = 64;

/// Reads a line.
pub(super) fn parse(line: &[u8]) -> Result<Request<'_>, Why> {
    let (first, rest) = cut(line, b' ').ok_or(Why::NoTime)?;
    // Apache's `vhost_combined` has the server and its port before the client.
    let host = match cut(rest, b' ') {
        Some((second, _)) if is_with_port(first) && is_address(second) => second,
        _ => first,
    };
    // Who is logged in may be called anything; the request comes first of what is quoted.
    let open = rest.iter().position(|&byte| byte == b'[').ok_or(Why::NoTime)?;
    let (stamp, rest) = cut(&rest[open + 1..], b']').ok_or(Why::NoTime)?;
    let (at_ns, has_fraction) = time(stamp).ok_or(Why::BadTime)?;
    let (line, rest) = quoted(rest).ok_or(Why::NoRequest)?;
    let mut words = rest.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let status = words.next().and_then(status).ok_or(Why::NoStatus)?;
    // The size may be missing; then come the referer and the user agent, if it is Combined.
    let agent = quoted(rest).and_then(|(_referer, rest)| quoted(rest)).map_or_else(Text::default, |(agent, _)| agent);
    let (method, target) = request_line(line);
    Ok(Request { at_ns, has_fraction, method, target, status, client: host.into(), agent })
}

fn is_with_port(word: &[u8]) -> bool {
    let digits = word.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && digits < word.len() - 1 && word[word.len() - digits - 1] == b':'
}

fn is_address(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| word.parse::<IpAddr>().is_ok())
}

/// What is before a byte and what is behind it.
fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|&byte| byte == at)?;
    Some((&text[..place], &text[place + 1..]))
}

/// The next text in quotes, without its escapes, and what is behind it.
fn quoted(text: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let begin = text.iter().position(|&byte| byte == b'"')? + 1;
    let mut is_escaped = false;
    let mut has_escapes = false;
    let length = text[begin..].iter().position(|&byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        has_escapes |= is_escaped;
        ends
    })?;
    let (inside, behind) = (&text[begin..begin + length], &text[begin + length + 1..]);
    Some((if has_escapes { unescaped(inside).into() } else { inside.into() }, behind))
}

/// Resolves `\"`, `\\` and `\xhh`; other escapes stay as they are.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let (resolved, after) = match (byte, after) {
            (b'\\', [quote @ (b'"' | b'\\'), after @ ..]) => (*quote, after),
            (b'\\', [b'x', high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex_digit(*high) * 16 + hex_digit(*low), after)
            }
            _ => (byte, after),
        };
        plain.push(resolved);
        rest = after;
    }
    plain
}

/// The value of a hexadecimal digit.
pub(super) fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10) & 15,
    }
}

/// The moment of a stamp such as `17/May/2015:10:05:03 +0200`, or of one that JSON has, and whether it tells less than a second.
pub(super) fn time(stamp: &[u8]) -> Option<(i64, bool)> {
    if stamp.len() > STAMP_MAX {
        return None;
    }
    let stamp = std::str::from_utf8(stamp).ok()?.trim();
    let has_fraction = stamp.contains(['.', ',']);
    let form = if has_fraction { "%d/%b/%Y:%H:%M:%S%.f %z" } else { "%d/%b/%Y:%H:%M:%S %z" };
    let parsed = BrokenDownTime::parse(form, stamp).ok()?.to_timestamp().ok()?;
    Some((i64::try_from(parsed.as_nanosecond()).ok()?, has_fraction))
}
