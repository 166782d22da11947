//! JSON, an object per line, as nginx, Caddy, Traefik and others write it if they are asked to.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde_json::Value;

use super::request::{Request, Text, Why, request_line};
use super::text;

/// What an importer asks an object for, each by one of several names; a point leads into an object within.
const NAMES: [(Field, &[&str]); 7] = [
    // Of several the one that tells the most: Traefik's `time` is the end of a request in whole seconds.
    (
        Field::Time,
        &["StartUTC", "StartLocal", "time", "ts", "timestamp", "@timestamp", "time_iso8601", "time_local", "msec"],
    ),
    (Field::Request, &["request"]),
    (Field::Method, &["method", "request_method", "request.method", "RequestMethod"]),
    (Field::Target, &["request_uri", "uri", "url", "path", "request.uri", "RequestPath"]),
    (Field::Status, &["status", "status_code", "response.status", "DownstreamStatus"]),
    (
        Field::Client,
        &[
            "remote_addr",
            "remote_ip",
            "client_ip",
            "ip",
            "request.client_ip",
            "request.remote_ip",
            "request.remote_addr",
            "ClientHost",
        ],
    ),
    (Field::Agent, &["http_user_agent", "user_agent", "agent", "request.headers.User-Agent", "request_User-Agent"]),
];

/// Something that an importer asks an object for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// When.
    Time,
    /// Method, target and version in one text.
    Request,
    /// The method.
    Method,
    /// The path with its query.
    Target,
    /// The response's status.
    Status,
    /// The client's address.
    Client,
    /// The client's user agent.
    Agent,
}

impl Field {
    /// All of them, by their names on the command line.
    pub const ALL: [(&'static str, Field); 7] = [
        ("time", Field::Time),
        ("request", Field::Request),
        ("method", Field::Method),
        ("uri", Field::Target),
        ("status", Field::Status),
        ("client", Field::Client),
        ("agent", Field::Agent),
    ];
}

/// The query, where the target has none of its own.
const QUERY: [&str; 2] = ["args", "query_string"];

/// Names of one's own, in the place of the others.
pub type FieldNames = Vec<(Field, String)>;

/// Reads a line.
pub(super) fn parse<'a>(line: &[u8], own: &FieldNames) -> Result<Request<'a>, Why> {
    let object: Value = serde_json::from_slice(line).map_err(|_| Why::NotJson)?;
    if !object.is_object() {
        return Err(Why::NotJson);
    }
    let find = |field: Field| find(&object, field, own);
    let (at_ns, has_fraction) = time(find(Field::Time).ok_or(Why::NoJsonTime)?).ok_or(Why::BadTime)?;
    let text = |field: Field| find(field).and_then(text_of).map(|text| Text::from(text.into_bytes()));
    let is_own = |field: Field| own.iter().any(|(of, _)| *of == field);
    let apart = text(Field::Method).zip(text(Field::Target));
    let line = text(Field::Request).map(request_line);
    // The whole line has what the others may lack: nginx's `uri` comes without the query, and after what was rewritten.
    let is_line_better = line.as_ref().is_some_and(|(method, _)| !method.is_empty())
        && (is_own(Field::Request) || !is_own(Field::Method) && !is_own(Field::Target));
    let (method, target) = match (line, apart) {
        (Some(line), _) if is_line_better => line,
        (_, Some((method, target))) => (method, with_query(target, &object)),
        (Some(line), None) => line,
        (None, None) => return Err(Why::NoJsonRequest),
    };
    let status = find(Field::Status).and_then(|status| match status {
        Value::Number(number) => number.as_u64().and_then(|status| u16::try_from(status).ok()),
        Value::String(text) => super::request::status(text.as_bytes()),
        _ => None,
    });
    // Some servers write 0 where the client went away before there was a response.
    let status = status.filter(|status| *status < 1000).ok_or(Why::NoJsonStatus)?;
    let client = text(Field::Client).map(without_port).unwrap_or_default();
    let agent = text(Field::Agent).unwrap_or_default();
    Ok(Request { at_ns, has_fraction, method, target, status, client, agent })
}

fn find<'a>(object: &'a Value, field: Field, own: &FieldNames) -> Option<&'a Value> {
    let mut own = own.iter().filter(|(of, _)| *of == field).map(|(_, name)| name.as_str()).peekable();
    let is_own = own.peek().is_some();
    let known = NAMES.iter().filter(|(of, _)| *of == field && !is_own).flat_map(|(_, names)| names.iter().copied());
    own.chain(known).find_map(|name| {
        let whole = object.get(name);
        whole
            .or_else(|| name.split('.').try_fold(object, |object, part| object.get(part)))
            .filter(|value| !value.is_null())
    })
}

/// A text, or the first of a list of texts, as Caddy has headers.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.first().and_then(Value::as_str).map(str::to_owned),
        _ => None,
    }
}

/// A target with the query that an object has apart from it, if it has none of its own.
fn with_query<'a>(mut target: Text<'a>, object: &Value) -> Text<'a> {
    let mut queries = QUERY.into_iter().filter_map(|name| object.get(name)?.as_str());
    // nginx writes `-` where there is none.
    if !target.contains(&b'?')
        && let Some(query) = queries.find(|query| !matches!(*query, "" | "-"))
    {
        target.to_mut().extend([b"?", query.trim_start_matches('?').as_bytes()].concat());
    }
    target
}

/// An address without the port behind it, of which each connection has another.
fn without_port(client: Text<'_>) -> Text<'_> {
    let text = String::from_utf8_lossy(&client);
    match text.parse::<SocketAddr>() {
        Ok(address) => address.ip().to_string().into_bytes().into(),
        Err(_) => client,
    }
}

/// A moment: RFC 3339, a number of seconds (or, if it is too large for that, of milli-, micro- or nanoseconds) since 1970, or a stamp
/// as Apache has it.
fn time(value: &Value) -> Option<(i64, bool)> {
    let text = match value {
        // Without an exponent, which large ones have as they are written.
        Value::Number(number) if number.is_f64() && number.to_string().contains('e') => number.as_f64()?.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    if text.len() > 64 {
        return None;
    }
    if let Some(ns) = since_1970(&text) {
        return Some((ns, ns % 1_000_000_000 != 0));
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        let ns = i64::try_from(stamp.as_nanosecond()).ok()?;
        return Some((ns, text.contains(['.', ','])));
    }
    text::time(text.as_bytes())
}

/// Nanoseconds since 1970 of a decimal number, without losing any digit of it.
fn since_1970(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    // 10^11 s are in the year 5138, 10^11 ms in 1973.
    let unit_ns = match whole {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let part_ns = i128::from(digits.parse::<u32>().ok()?) * unit_ns / 1_000_000_000;
    i64::try_from(i128::from(whole) * unit_ns + part_ns).ok()
}
