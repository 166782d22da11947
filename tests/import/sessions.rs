//! Which poll belongs to which upload, sessions, absences, processing times, restarts.

use crate::{S, STATUS, import, import_as, line, measured, poll, rows, upload};

/// Other traffic, so that the log goes on after its uploads.
fn end(second: u64) -> String {
    line(second, "192.0.2.9", "GET /", 200)
}

#[test]
fn the_processing_time_is_half_way_between_the_last_two_polls() {
    let log = [upload(10, "a"), poll(11, "a"), poll(14, "a"), poll(17, "a"), end(1000)].concat();
    // Not ready at 14, ready at 17: 4 to 7 s after the upload.
    assert_eq!(rows(&import(&log))[0], "1,0,upload,0,0,,5500000000");
    // A client that may still be polling tells nothing, nor does one that polls now and then.
    let cut = [upload(10, "a"), poll(11, "a"), poll(14, "a"), poll(17, "a"), end(200)].concat();
    assert_eq!(rows(&import(&cut))[0], "1,0,upload,0,0,,");
    let now_and_then = [upload(10, "a"), poll(11, "a"), poll(14, "a"), poll(214, "a"), end(1000)].concat();
    assert_eq!(rows(&import(&now_and_then))[0], "1,0,upload,0,0,,");
    let once = [upload(10, "a"), poll(11, "a"), end(1000)].concat();
    // One poll and no more: it was ready by then.
    assert_eq!(rows(&import(&once))[0], "1,0,upload,0,0,,500000000");
}

/// What nobody was told is not known to be done.
#[test]
fn polls_that_were_answered_with_an_error_in_the_end_do_not_tell_the_processing_time() {
    let lost = |second| poll(second, "a").replace("\" 200 ", "\" 404 ");
    for (polls, told) in [
        (vec![lost(13)], ""),
        (vec![poll(13, "a"), lost(16)], ""),
        (vec![lost(13), poll(16, "a")], "4500000000"),
        (vec![poll(13, "a"), poll(16, "a")], "4500000000"),
    ] {
        let log = [upload(10, "a"), polls.concat(), end(1000)].concat();
        assert_eq!(rows(&import(&log))[0], format!("1,0,upload,0,0,,{told}"), "{log}");
    }
    // A status of 0 is that of a client that went away before there was any.
    let json = |second: u64, request: &str, status: u16| {
        format!(r#"{{"time":{second},"request":"{request} HTTP/1.1","status":{status}}}"#) + "\n"
    };
    let upload = |status| json(0, "POST /upload?filename=a", status);
    let log = |status| [upload(status), json(3, "GET /api/upload-status?filename=a", 200)].concat();
    let found = [200, 0].map(|status| import(&log(status)).imported);
    assert_eq!(found.map(|found| (found.refused, found.assumed_uploads)), [(0, 0), (1, 1)]);
}

/// Of many that are quick and few that are slow, the quick ones poll once: the slow ones alone would say nothing of them.
#[test]
fn who_polled_once_and_stopped_was_quicker_than_those_who_polled_on() {
    let mut log = String::new();
    for number in 0..40 {
        let (key, at) = (format!("k{number}"), 100 * number);
        log += &upload(at, &key);
        log += &poll(at + 3, &key);
        if number % 10 == 0 {
            log += &(2..=4).map(|times| poll(at + 3 * times, &key)).collect::<String>();
        }
    }
    // One that came late says nothing: it is as the others are.
    log += &[upload(5_000, "late"), poll(5_200, "late"), end(9_000)].concat();
    let import = import(&log);
    let told: Vec<_> = rows(&import).into_iter().filter(|row| row.contains("upload")).collect();
    let of = |ending: &str| told.iter().filter(|row| row.ends_with(ending)).count();
    assert_eq!((of(",1500000000"), of(",10500000000"), of(",,")), (36, 4, 1));
    assert!(import.imported.processing.contains("median = \"1s "), "{}", import.imported.processing);
}

#[test]
fn sessions_are_told_by_their_gaps() {
    let log = [
        upload(0, "a"),
        poll(3, "a"),
        poll(6, "a"),
        poll(306, "a"),
        poll(607, "a"),
        poll(610, "a"),
        upload(700, "b"),
        poll(3000, "b"),
        end(9000),
    ];
    let import = import(&log.concat());
    let polls: Vec<_> = rows(&import).into_iter().filter(|row| row.contains("poll")).collect();
    let expected = [(3, 0, 0), (6, 0, 0), (306, 0, 0), (607, 0, 1), (610, 0, 1), (3000, 1, 1)];
    assert_eq!(polls, expected.map(|(at, upload, session)| format!("1,{},poll,{upload},,{session},", at * S)));
    let found = &import.imported;
    assert_eq!((found.sessions, found.unpolled_uploads), (3, 0));
    // 2,300 s and 301 s, to three digits.
    let (absences, returns) = (measured(found, "absence").unwrap(), measured(found, "return").unwrap());
    assert!(absences.0 == 1 && absences.1.abs_diff(2300 * S) < 3 * S, "{absences:?}");
    assert!(returns.0 == 1 && returns.1.abs_diff(301 * S) < S, "{returns:?}");
    assert_eq!(measured(found, "pause").map(|(count, _)| count), Some(1));
}

#[test]
fn an_upload_in_the_same_second_as_its_poll_comes_first() {
    let log = [poll(5, "a"), upload(5, "a"), poll(8, "a")].concat();
    assert_eq!(rows(&import(&log)), ["1,0,upload,0,0,,", "1,0,poll,0,,0,", "1,3000000000,poll,0,,0,"]);
}

#[test]
fn polls_are_of_the_latest_upload_of_their_name() {
    let log = [upload(0, "a"), poll(1, "a"), upload(9, "a"), poll(10, "a"), upload(11, "b"), poll(12, "a")].concat();
    let found = rows(&import(&log));
    let of = |kind: &str| {
        found
            .iter()
            .filter(|row| row.contains(kind))
            .map(|row| row.split(',').nth(3).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("poll"), ["0", "1", "1"]);
    let keys: Vec<_> =
        found.iter().filter(|row| row.contains("upload")).map(|row| row.split(',').nth(4).unwrap()).collect();
    assert_eq!(keys, ["0", "0", "1"]);
}

#[test]
fn an_upload_without_a_key_is_that_for_which_its_client_asks_first() {
    let post = |second, client| line(second, client, "POST /upload", 201);
    let get = |second, client, id: u32| line(second, client, &format!("GET /jobs/{id}/status"), 200);
    let log = [
        post(0, "one"),
        post(1, "two"),
        get(2, "two", 7),
        get(3, "one", 9),
        get(5, "two", 7),
        post(6, "two"),
        get(7, "two", 7),
        get(8, "two", 8),
        post(9, "three"),
    ];
    let import = import_as("POST /upload", "GET /jobs/{key}/status", log.concat().as_bytes()).unwrap();
    let short: Vec<_> = rows(&import)
        .iter()
        .map(|row| row.split(',').skip(1).take(3).collect::<Vec<_>>().join(" ").replace("000000000", ""))
        .collect();
    let expected = [
        "0 upload 0",
        "1 upload 1",
        "2 poll 1",
        "3 poll 0",
        "5 poll 1",
        "6 upload 2",
        "7 poll 1",
        "8 poll 2",
        "9 upload 3",
    ];
    assert_eq!(short, expected);
    assert_eq!((import.imported.assumed_uploads, import.imported.unpolled_uploads, import.imported.keys), (0, 1, 4));
}

/// One upload that nobody asks about does not shift all others of its client.
#[test]
fn an_upload_that_nobody_asks_about_is_left_alone() {
    let post = |second| line(second, "one", "POST /upload", 201);
    let get = |second: u64, id: u64| line(second, "one", &format!("GET /jobs/{id}/status"), 200);
    let mut log = post(0);
    for hour in 1..=4 {
        log += &post(3600 * hour);
        log += &(1..=3).map(|poll| get(3600 * hour + 3 * poll, hour)).collect::<String>();
    }
    let import = import_as("POST /upload", "GET /jobs/{key}/status", log.as_bytes()).unwrap();
    let found = &import.imported;
    assert_eq!((found.uploads, found.assumed_uploads, found.unpolled_uploads), (5, 0, 1));
    assert_eq!((measured(found, "absence"), measured(found, "processing").map(|(count, _)| count)), (None, Some(3)));
    let first = rows(&import).into_iter().find(|row| row.contains("poll")).unwrap();
    assert_eq!(first, "1,3603000000000,poll,1,,0,");
}

/// One after the other, and polled when all are there; or while one is still polled, now and then, and the next is there already.
#[test]
fn uploads_without_a_key_are_asked_about_in_their_order() {
    let post = |second| line(second, "one", "POST /upload", 201);
    let get = |second: u64, id: u64| line(second, "one", &format!("GET /jobs/{id}/status"), 200);
    let of = |log: Vec<String>| -> Vec<String> {
        let import = import_as("POST /upload", "GET /jobs/{key}/status", log.concat().as_bytes()).unwrap();
        assert_eq!(import.imported.assumed_uploads, 0);
        let polls = rows(&import).into_iter().filter(|row| row.contains("poll"));
        polls.map(|row| row.split(',').nth(3).unwrap().to_owned()).collect()
    };
    let all: Vec<_> = (0..8).map(|minute| post(60 * minute)).chain((0..8).map(|id| get(500 + id, id))).collect();
    assert_eq!(of(all), ["0", "1", "2", "3", "4", "5", "6", "7"]);
    let hidden = [post(0), post(1), get(3, 7), get(6, 7), get(9, 7), get(60, 7), get(120, 7), get(121, 8)];
    assert_eq!(of(hidden.to_vec()), ["0", "0", "0", "0", "0", "1"]);
    // Back after hours, to what was asked about before.
    let back = [post(0), get(3, 7), get(6, 7), post(20), get(7200, 7)];
    assert_eq!(of(back.to_vec()), ["0", "0", "0"]);
}

/// The name is in the status request only, and the client uploads under it once more.
#[test]
fn a_name_that_is_uploaded_anew_is_that_of_the_new_upload() {
    let post = |second| line(second, "one", "POST /upload", 201);
    let get = |second: u64, name: &str| line(second, "one", &format!("GET /status?name={name}"), 200);
    let log = [
        post(0),
        get(1, "a"),
        get(4, "a"),
        // Still of the first one, though the next is there: it goes on as before.
        post(6),
        get(7, "a"),
        get(8, "b"),
        post(100),
        get(101, "a"),
        get(104, "a"),
        post(200),
        get(201, "c"),
    ];
    let import = import_as("POST /upload", "GET /status?name={key}", log.concat().as_bytes()).unwrap();
    let polls: Vec<_> = rows(&import).into_iter().filter(|row| row.contains("poll")).collect();
    let of: Vec<_> = polls.iter().map(|row| row.split(',').nth(3).unwrap()).collect();
    assert_eq!(of, ["0", "0", "0", "1", "2", "2", "3"]);
}

/// The site was down when the trace begins.
#[test]
fn a_restart_that_began_before_the_trace_is_in_it_from_its_start() {
    let down: String = (0..12).map(|time| line(5 * time, "h", "GET /", 502)).collect();
    let log = [down, upload(30, "a"), line(36, "h", "GET /api/upload-status?filename=a", 502), end(900)].concat();
    let found = import(&log).imported;
    assert_eq!(found.outages.len(), 1);
    assert_eq!((found.outages[0].at_ns, found.outages[0].for_ns), (Some(0), 55 * S));
    let scenario = found.scenario("t.csv", "t");
    assert!(scenario.contains("at = [\"0s\"]\nwindow = \"25s\""), "{scenario}");
}

#[test]
fn pollers_without_an_upload_get_one_before_their_first_poll() {
    let get = |second, client| line(second, client, "GET /feed", 200);
    let import =
        import_as("", "GET /feed", [get(0, "one"), get(5, "two"), get(600, "one")].concat().as_bytes()).unwrap();
    assert_eq!(rows(&import).len(), 5);
    assert_eq!((import.imported.assumed_uploads, import.imported.keys), (2, 2));
    assert!(
        import.imported.assumptions[0].contains("assumed right before the first poll"),
        "{:?}",
        import.imported.assumptions
    );
}

#[test]
fn a_log_without_status_requests_is_a_trace_of_arrivals() {
    let post = |second| line(second, "one", "POST /upload", 200);
    let import = import_as("POST /upload", "", [post(0), post(5)].concat().as_bytes()).unwrap();
    assert_eq!(rows(&import), ["1,0,upload,0,0,,", "1,5000000000,upload,1,1,,"]);
    assert!(import.imported.assumptions[0].contains("no status request"));
    assert!(import.imported.scenario("t.csv", "t").contains("interval = \"3s\""));
}

#[test]
fn refused_uploads_are_counted_and_are_none() {
    let log = [
        line(0, "h", "POST /upload?filename=a", 413),
        upload(1, "b"),
        line(2, "h", "GET /api/upload-status?filename=b", 404),
    ];
    let found = import(&log.concat()).imported;
    assert_eq!((found.uploads, found.refused, found.polls_not_found), (1, 1, 1));
}

#[test]
fn runs_of_bad_gateways_are_restarts() {
    let bad = |second, status| line(second, "h", "GET /", status);
    let log = [
        upload(0, "a"),
        // Two are none.
        bad(10, 502),
        bad(11, 503),
        poll(50, "a"),
        // Four within 12 s, with one answer in between.
        bad(100, 502),
        bad(101, 502),
        poll(104, "a"),
        bad(110, 503),
        bad(112, 504),
        poll(115, "a"),
        // As many others as that: an overload, no restart.
        bad(200, 503),
        end(201),
        end(202),
        end(202),
        bad(203, 503),
        end(204),
        end(205),
        bad(206, 503),
        end(5000),
    ];
    let import = import(&log.concat());
    let found = &import.imported;
    assert_eq!(found.down, 9);
    let outages: Vec<_> =
        found.outages.iter().map(|outage| (outage.at_ns.unwrap(), outage.for_ns, outage.answers)).collect();
    assert_eq!(outages, [(100 * S, 12 * S, 4)]);
    assert_eq!((found.silences[0].for_ns, found.silences[0].at.as_str()), (4794 * S, "2015-05-17 00:03:26 UTC"));
    assert!(found.scenario("t.csv", "t").contains("kind = \"reload\"\nat = [\"1m 40s\"]\nwindow = \"12s\""));
}

#[test]
fn a_log_whose_minutes_are_none_is_told() {
    let log: Vec<_> =
        (0..24).flat_map(|hour| (0..6).map(move |second| poll(hour * 3600 + 300 + second, "a"))).collect();
    assert!(
        import_as("", STATUS, log.concat().as_bytes()).unwrap().imported.assumptions[0]
            .contains("same minute of its hour, 05")
    );
    let real: Vec<_> = (0..200).map(|number| poll(number * 400, "a")).collect();
    assert!(!import_as("", STATUS, real.concat().as_bytes()).unwrap().imported.assumptions[0].contains("minute"));
}
