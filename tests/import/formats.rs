//! Formats, time zones, packing, order, patterns.

use std::io::Write as _;

use stillready::import::json::Field;
use stillready::import::{Options, Pattern, Reader, Why};

use crate::{STATUS, UPLOAD, import, import_as, line, poll, rows, upload};

/// One poll as every format has it.
fn one(log: &str) -> Vec<String> {
    rows(&import_as("", STATUS, log.as_bytes()).unwrap_or_else(|error| panic!("{error}: {log}")))
}

const ONE: [&str; 2] = ["1,0,upload,0,0,,", "1,0,poll,0,,0,"];

#[test]
fn every_format_is_read() {
    let target = "/api/upload-status?filename=a.pdf";
    for log in [
        // Common, Combined, nginx with its own fields at the end, a user with spaces, an absolute target, HTTP/0.9, a fraction.
        format!("h - - [17/May/2015:10:05:03 +0000] \"GET {target} HTTP/1.1\" 200 -"),
        format!("h - - [17/May/2015:10:05:03 +0000] \"GET {target} HTTP/1.1\" 200 12 \"-\" \"a \\\"b\\\" c\""),
        format!(
            "::1 - - [17/May/2015:10:05:03 +0000] \"GET {target} HTTP/2.0\" 200 12 \"-\" \"a\" \"-\" rt=0.003 \"x\""
        ),
        format!("h - John Q. Public [17/May/2015:10:05:03 +0000] \"GET {target} HTTP/1.1\" 304 0\r"),
        format!("h - - [17/May/2015:10:05:03 +0000] \"GET http://example.org{target}&x=1#top HTTP/1.1\" 200 12"),
        format!("h - - [17/May/2015:10:05:03 +0000] \"GET {target}\" 200 12"),
        format!("h - - [17/May/2015:10:05:03.125 +0000] \"GET {target} HTTP/1.1\" 200 12"),
        // JSON as nginx, Caddy and Traefik write it, and with a whole request line.
        format!(
            r#"{{"time_iso8601":"2015-05-17T10:05:03+00:00","request_method":"GET","request_uri":"{target}","status":"200","remote_addr":"h"}}"#
        ),
        format!(
            r#"{{"level":"info","ts":1431857103.25,"request":{{"remote_ip":"h","method":"GET","uri":"{target}","headers":{{"User-Agent":["a"]}}}},"status":200}}"#
        ),
        format!(
            r#"{{"ClientHost":"h","RequestMethod":"GET","RequestPath":"{target}","DownstreamStatus":200,"StartUTC":"2015-05-17T10:05:03.1Z"}}"#
        ),
        // As Traefik does it: also with the end of a request that took a minute.
        format!(
            r#"{{"ClientHost":"h","Duration":60000000000,"RequestMethod":"GET","RequestPath":"{target}","DownstreamStatus":200,"StartUTC":"2015-05-17T10:05:03.1Z","time":"2015-05-17T10:06:03Z"}}"#
        ),
        // nginx's `$uri` has no query, and is what a request was rewritten to.
        format!(
            r#"{{"time":1431857103,"request":"GET {target} HTTP/1.1","method":"GET","uri":"/index.php","status":200}}"#
        ),
        r#"{"time":1431857103,"method":"GET","uri":"/api/upload-status","args":"filename=a.pdf","status":200}"#
            .to_owned(),
        r#"{"time":1.431857103123e18,"request":"GET /api/upload-status?filename=a.pdf HTTP/1.1","status":200}"#
            .to_owned(),
        // Behind a byte order mark.
        format!("\u{feff}h - - [17/May/2015:10:05:03 +0000] \"GET {target} HTTP/1.1\" 200 12"),
        format!(r#" {{"time":1431857103123,"request":"GET {target} HTTP/1.1","status":200}}"#),
        format!(r#"{{"msec":"1431857103.123","request":"GET {target} HTTP/1.1","status":200}}"#),
        format!(r#"{{"time_local":"17/May/2015:10:05:03 +0000","request":"GET {target} HTTP/1.1","status":200}}"#),
    ] {
        assert_eq!(one(&log), ONE, "{log}");
        let found = import_as("", STATUS, log.as_bytes()).unwrap().imported;
        assert_eq!(found.first, "2015-05-17 10:05:03 UTC", "{log}");
    }
}

#[test]
fn fields_of_ones_own_are_found() {
    let mut options = Options::new(None, Pattern::parse("GET /s/{key}").ok());
    options.fields = vec![(Field::Target, "http.target".to_owned()), (Field::Time, "when".to_owned())];
    let log = r#"{"when":1,"ts":"no","method":"GET","http":{"target":"/s/7"},"status":200}"#;
    let mut reader = Reader::new(&options);
    reader.read("log", log.as_bytes()).unwrap();
    assert_eq!(reader.finish().unwrap().imported.first, "1970-01-01 00:00:01 UTC");
    // In the place of the usual ones, and not before them.
    options.fields = vec![(Field::Time, "when".to_owned())];
    let mut reader = Reader::new(&options);
    reader.read("log", r#"{"ts":1,"method":"GET","uri":"/s/7","status":200}"#.as_bytes()).unwrap();
    let error = reader.finish().err().unwrap().to_string();
    assert_eq!(error, "none of 0 requests is an upload or a status request");
}

/// Clients that a log names in ways of its own, and one that names none.
#[test]
fn clients_are_told_from_each_other_or_said_to_be_one() {
    let clients = |log: &str| {
        let import = import_as("", "GET /status", log.as_bytes()).unwrap();
        let warned = import.imported.assumptions.iter().any(|assumption| assumption.contains("name no client"));
        (import.imported.keys, warned)
    };
    let json = |field: &str, client: &str| {
        format!(r#"{{"time":1431857103,"request":"GET /status HTTP/1.1","status":200,"{field}":"{client}"}}"#) + "\n"
    };
    let behind = "[17/May/2015:10:05:03 +0000] \"GET /status HTTP/1.1\" 200 12\n";
    for (log, told) in [
        (json("ip", "192.0.2.1") + &json("ip", "192.0.2.2"), (2, false)),
        // Of each connection another port.
        (json("remote_addr", "192.0.2.1:81") + &json("remote_addr", "192.0.2.1:82"), (1, false)),
        (json("remote_addr", "[2001:db8::1]:81") + &json("remote_addr", "2001:db8::1"), (1, false)),
        (json("whom", "192.0.2.1") + &json("whom", "192.0.2.2"), (1, true)),
        (format!("a.org:443 192.0.2.1 - - {behind}a.org:443 192.0.2.2 - - {behind}"), (2, false)),
        (format!("a.org:443 - - {behind}"), (1, false)),
        (format!("- - - {behind}"), (1, true)),
    ] {
        assert_eq!(clients(&log), told, "{log}");
    }
    // Where both patterns have a key, nobody asks who it was.
    let log = [upload(0, "a"), poll(3, "a").replace("192.0.2.1", "-")].concat();
    assert!(!import(&log).imported.assumptions.iter().any(|assumption| assumption.contains("name no client")));
}

#[test]
fn time_zones_are_honoured_and_stamps_may_be_in_any_order() {
    let zone = |time: &str, name: &str| {
        format!("h - - [17/May/2015:{time}] \"GET /api/upload-status?filename={name} HTTP/1.1\" 200 1\n")
    };
    // 12:00:10, 12:00:05 and 12:00:00 in UTC.
    let log = zone("14:00:10 +0200", "a") + &zone("04:30:05 -0730", "a") + &zone("12:00:00 +0000", "b");
    let import = import_as("", STATUS, log.as_bytes()).unwrap();
    let expected = [
        "1,0,upload,0,0,,",
        "1,0,poll,0,,0,",
        "1,5000000000,upload,1,1,,",
        "1,5000000000,poll,1,,0,",
        "1,10000000000,poll,1,,0,",
    ];
    assert_eq!(rows(&import), expected);
    assert_eq!(import.imported.out_of_order, 2);
}

#[test]
fn digits_below_a_second_are_kept() {
    let json = |time: &str| {
        format!(r#"{{"time":{time},"request":"GET /api/upload-status?filename=a HTTP/1.1","status":200}}"#)
    };
    let log = [
        json("\"2015-05-17T10:05:03.000000001Z\""),
        json("\"2015-05-17T12:05:03.123456789+02:00\""),
        json("\"1431857103.5\""),
    ]
    .join("\n");
    assert_eq!(
        rows(&import_as("", STATUS, log.as_bytes()).unwrap())[2..],
        ["1,123456788,poll,0,,0,", "1,499999999,poll,0,,0,"]
    );
}

/// Rotated logs are often given with the latest first.
#[test]
fn logs_may_come_in_any_order_and_are_told_by_their_numbers() {
    let options = Options::new(crate::pattern(UPLOAD), crate::pattern(STATUS));
    let mut reader = Reader::new(&options);
    for (name, log) in [("access.log", poll(6, "a")), ("access.log.1", upload(0, "a") + &poll(3, "a") + "nonsense\n")] {
        reader.read(name, log.as_bytes()).unwrap();
    }
    let import = reader.finish().unwrap();
    assert_eq!(rows(&import).len(), 3);
    assert_eq!(import.imported.out_of_order, 0);
    let told = &import.imported.first_lines[0];
    assert_eq!((told.log, told.line), (2, 3));
}

#[test]
fn packed_logs_are_read_member_by_member() {
    let mut packed = Vec::new();
    for part in [upload(0, "a"), poll(3, "a"), String::new()] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(part.as_bytes()).unwrap();
        packed.extend(gzip.finish().unwrap());
    }
    assert_eq!(rows(&import_as(UPLOAD, STATUS, &packed).unwrap()), ["1,0,upload,0,0,,", "1,3000000000,poll,0,,0,"]);
    // One that is cut off is told, not taken for whole.
    packed.truncate(packed.len() - 30);
    let error = import_as(UPLOAD, STATUS, &packed).err().unwrap().to_string();
    assert!(error.starts_with("cannot read log, behind line"), "{error}");
}

#[test]
fn patterns_find_their_keys() {
    for (pattern, request, is_found) in [
        ("GET /jobs/{key}/status", "GET /jobs/17/status", true),
        ("GET /jobs/{key}/status", "GET /jobs/a%20b/status?x=1", true),
        ("GET /jobs/{key}/status", "GET /jobs//status", false),
        ("GET /jobs/{key}/status", "GET /jobs/17/status/more", false),
        ("GET /jobs/{key}/status", "GET /jobs/17", false),
        ("GET /jobs/{key}/status", "POST /jobs/17/status", false),
        ("GET /jobs/job-{key}.json", "GET /jobs/job-17.json", true),
        ("GET /jobs/job-{key}.json", "GET /jobs/17.json", false),
        ("/jobs/{key}", "DELETE /jobs/17", true),
        ("GET /*/{key}", "GET /anything/17", true),
        ("GET /s?f={key}&v=2", "GET /s?x&v=2&f=a+b%2B", true),
        ("GET /s?f={key}&v=2", "GET /s?f=a&v=3", false),
        ("GET /s?f={key}", "GET /s?f=", false),
        ("GET /s?f={key}", "GET /s", false),
        ("GET /a%62c", "GET /abc", true),
        ("GET /s", "GET /s?any=thing", true),
    ] {
        let log = line(0, "h", request, 200);
        assert_eq!(import_as("", pattern, log.as_bytes()).is_ok(), is_found, "{pattern} and {request}");
    }
    // However it is spelled, it is the same key.
    let log = line(0, "h", "GET /s?f=a+b", 200)
        + &line(1, "h", "GET /s?f=%61%20b", 200)
        + &line(2, "h", "GET /s?f=a%2Bb", 200);
    assert_eq!(import_as("", "GET /s?f={key}", log.as_bytes()).unwrap().imported.keys, 2);
}

#[test]
fn what_is_no_pattern_is_told() {
    let told = ["", "GET", "GET /a /b", "GET /{key}/{key}", "GET /a?{key}=1"]
        .map(|text| Pattern::parse(text).unwrap_err().to_string());
    insta::assert_snapshot!("patterns", told.join("\n"));
}

#[test]
fn what_is_not_understood_is_counted_and_its_first_lines_are_told() {
    let bad = [
        "",
        "nonsense",
        "h - - [yesterday] \"GET / HTTP/1.1\" 200 1",
        "h - - [31/Feb/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1",
        "h - - [17/May/2015:10:05:03 +0000] GET / 200",
        "h - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" OK 1",
        "{\"time\": 1",
        "{\"request\":\"GET / HTTP/1.1\"}",
        "{\"time\":1,\"status\":200}",
        "{\"time\":1,\"request\":\"GET / HTTP/1.1\"}",
    ];
    let long = "x".repeat(200_000);
    let log = format!("{}{}\n{long}\n\u{1b}[31m 203.0.113.9 secret\n{}", upload(0, "a"), bad.join("\n"), poll(3, "a"));
    let import = import(&log);
    let found = &import.imported;
    assert_eq!((found.lines, found.requests, found.not_understood()), (14, 2, 12));
    let expected = [
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
    assert_eq!(found.reasons.keys().copied().collect::<Vec<_>>(), expected);
    let first: Vec<_> = found
        .first_lines
        .iter()
        .map(|line| format!("{} {} {} | {}", line.line, line.why, line.shape, line.text))
        .collect();
    insta::assert_snapshot!("first_lines", first.join("\n"));
    // A scanner's greeting is a request, though none that means anything.
    let scanner =
        "h - - [17/May/2015:10:05:03 +0000] \"\\x16\\x03\\x01\" 400 150 \"-\" \"-\"\n".to_owned() + &poll(3, "a");
    assert_eq!(import_as("", STATUS, scanner.as_bytes()).unwrap().imported.no_request, 1);
}
