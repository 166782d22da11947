//! No bytes make the importer panic, or take more memory than it may; and what it writes can always be read.

use proptest::prelude::*;
use stillready::import::{LINE_MAX, Options, Pattern, Reader, source};
use stillready::lines::Lines;
use stillready::scenario::{Recording, Scenario};

use crate::pattern;

const VALID: &[&str] = &[
    "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"POST /upload?filename=a.pdf HTTP/1.1\" 200 12 \"-\" \"agent\"",
    "192.0.2.1 - - [17/May/2015:10:05:06 +0200] \"GET /api/upload-status?filename=a.pdf HTTP/1.1\" 404 12",
    "192.0.2.2 - - [19/May/2015:10:05:06 -1130] \"GET /api/upload-status?filename=%61+b HTTP/1.1\" 503 12 \"-\" \"x \\\" y\"",
    r#"{"time":"2015-05-17T10:05:03.5Z","request":"GET /api/upload-status?filename=c HTTP/1.1","status":200}"#,
    r#"{"ts":1431857103.25,"request":{"remote_ip":"h","method":"POST","uri":"/upload?filename=d"},"status":502}"#,
    r#"{"ts":1431857104,"method":"\u001b[31mGET\u0007","uri":"/x","status":200}"#,
];

/// Reads bytes; if there is anything in them, the trace and the scenario are valid.
fn survives(log: &[u8], upload: &str, status: &str) -> Result<(), TestCaseError> {
    let mut options = Options::new(pattern(upload), pattern(status));
    options.events_in_memory = 3;
    let mut reader = Reader::new(&options);
    let Ok(unpacked) = source::unpacked(log) else { return Ok(()) };
    if reader.read("log", unpacked).is_err() {
        return Ok(());
    }
    let import = match reader.finish() {
        Ok(import) => import,
        Err(error) => {
            let told = format!("{error} {error:?}");
            let (has_escape, is_short) = (told.contains('\u{1b}'), told.len() < 10_000);
            prop_assert!(!has_escape && is_short, "{}", told.len());
            return Ok(());
        }
    };
    let found = &import.imported;
    prop_assert_eq!(found.lines, found.requests + found.not_understood());
    let mut trace = Vec::new();
    import.write_trace(&mut trace).unwrap();
    let recording = Recording::read(&trace[..]);
    prop_assert!(recording.is_ok(), "{:?}", recording.err());
    let recording = recording.unwrap();
    prop_assert_eq!(u64::from(recording.uploads()), found.uploads);
    prop_assert_eq!(recording.polls(), found.polls);
    let written = serde_json::to_string(found).unwrap()
        + &found.scenario("t.csv", "t")
        + &stillready::report::html::import_page(found, "t", "run");
    let has_escape = written.contains('\u{1b}');
    prop_assert!(!has_escape);
    found.write_fits(&mut Vec::new()).unwrap();
    // But for the trace, which is no file here, the scenario has no problem.
    let invalid = Scenario::parse("t", "t.toml", &found.scenario("t.csv", "t")).unwrap_err();
    prop_assert_eq!(invalid.problems().len(), 1, "{:?}", invalid.problems());
    Ok(())
}

/// Lines of a log, some of them with a byte changed, cut, or doubled.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let line = (0..VALID.len(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 0..3));
    prop::collection::vec(line, 0..30).prop_map(|lines| {
        let mut log = Vec::new();
        for (number, edits) in lines {
            let mut bytes = VALID[number].as_bytes().to_vec();
            for (place, byte, edit) in edits.into_iter() {
                if bytes.is_empty() {
                    break;
                }
                let place = place.index(bytes.len());
                match edit {
                    0 => bytes[place] = byte,
                    1 => bytes.truncate(place),
                    2 => bytes.insert(place, byte),
                    // Digits lead furthest.
                    _ => bytes[place] = b'0' + byte % 10,
                }
            }
            log.extend(bytes);
            log.push(b'\n');
        }
        log
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_survived(log in prop::collection::vec(any::<u8>(), 0..600)) {
        survives(&log, crate::UPLOAD, crate::STATUS)?;
        let packed = [&[0x1f, 0x8b][..], &log].concat();
        survives(&packed, crate::UPLOAD, crate::STATUS)?;
    }

    #[test]
    fn any_mangled_log_is_survived(log in mangled(), keyless in any::<bool>()) {
        let upload = if keyless { "POST /upload" } else { crate::UPLOAD };
        survives(&log, upload, crate::STATUS)?;
        survives(&log, "/upload", "/api/upload-status")?;
        survives(&log, "/*", "")?;
    }

    #[test]
    fn any_pattern_is_read_or_told(text in "(GET |POST |\\* )?/?[a-z/?&={}%+*]{0,20}(\\{key\\})?.{0,5}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            let mut reader_options = Options::new(None, Some(pattern));
            reader_options.events_in_memory = 1;
            let mut reader = Reader::new(&reader_options);
            reader.read("log", VALID.join("\n").as_bytes()).unwrap();
            let _ = reader.finish();
        }
    }

    #[test]
    fn any_bytes_are_a_trace_or_told(text in "(1,[0-9]{0,3},(upload|poll),[0-9]?,[0-9]?,[0-9]?,[0-9]?\n){0,20}.{0,20}") {
        let trace = format!("{}\n{text}", stillready::scenario::TRACE_HEADER);
        let _ = Recording::read(trace.as_bytes());
        let _ = Recording::read(text.as_bytes());
    }

    #[test]
    fn no_line_is_kept_beyond_its_bound(lengths in prop::collection::vec(0usize..5000, 1..10), longest in 1usize..3000) {
        let text = lengths.iter().map(|length| "x".repeat(*length) + "\n").collect::<String>();
        let mut lines = Lines::new(text.as_bytes(), longest);
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            prop_assert!(line.bytes.len() <= longest);
            found.push(if line.is_cut { longest + 1 } else { line.bytes.len() });
        }
        prop_assert_eq!(found, lengths.iter().map(|length| (*length).min(longest + 1)).collect::<Vec<_>>());
    }
}

/// A line without end, packed so that it is small: 300 MB of it take the memory of one line.
#[test]
fn a_line_without_end_takes_the_memory_of_one() {
    struct Endless(u64);
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = buffer.len().min(usize::try_from(self.0).unwrap());
            buffer[..length].fill(b'x');
            self.0 -= length as u64;
            Ok(length)
        }
    }
    let mut lines = Lines::new(source::unpacked(Endless(300_000_000)).unwrap(), LINE_MAX);
    let line = lines.next_line().unwrap().unwrap();
    assert!(line.is_cut && line.bytes.len() == LINE_MAX);
    assert!(lines.next_line().unwrap().is_none());
}
