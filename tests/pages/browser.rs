//! A page in a browser, wide and narrow, light and dark: nothing overflows, nothing is asked for, and it can be read by all.
//!
//! The page is shown in a frame of another page, whose script looks at it from outside. Both come from a server of this test, to
//! which the browser takes every name: what any page asks for is seen there.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Looks at the page in the frame and writes what is wrong with it.
const INSPECTOR: &str = include_str!("inspector.html");

/// The browser, if there is one here. Under CI there must be.
fn chromium() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()));
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no Chromium, in CI");
        tell("SKIPPED: there is no Chromium to look at pages with");
    }
    found
}

/// Tells in spite of the test's output being kept.
fn tell(line: &str) {
    let _ = std::io::stderr().write_all(format!("\n{line}\n").as_bytes());
}

/// Serves the inspector and the pages, and notes what was asked for.
fn serve(pages: PathBuf) -> (u16, Arc<Mutex<BTreeSet<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let notes = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let (notes, pages) = (Arc::clone(&notes), pages.clone());
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let Some(request) = lines.next() else { return };
                let host = lines.find_map(|line| line.to_lowercase().strip_prefix("host: ").map(str::to_owned));
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let file = path.split('?').next().unwrap_or_default().trim_start_matches('/').to_owned();
                let is_ours = host.as_deref() == Some(&format!("127.0.0.1:{port}"));
                notes.lock().unwrap().insert(if is_ours { file.clone() } else { format!("{host:?}{path}") });
                let body = match file.as_str() {
                    "inspector.html" => Some(INSPECTOR.as_bytes().to_vec()),
                    _ => fs::read(pages.join(&file)).ok(),
                };
                let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
                let body = body.unwrap_or_default();
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), &body].concat());
            });
        }
    });
    (port, asked)
}

/// What the browser shows in the end, as HTML, or the picture of it in a file.
fn browse(chromium: &str, url: &str, scheme: u8, width: u32, picture: Option<&Path>) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--no-first-run",
        "--mute-audio",
    ]);
    command.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
    ]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("--blink-settings=preferredColorScheme={scheme}"));
    command.arg(format!("--window-size={},2400", width.max(600)));
    command.arg("--virtual-time-budget=20000");
    match picture {
        Some(picture) => command.arg(format!("--screenshot={}", picture.display())),
        None => command.arg("--dump-dom"),
    };
    let output = command.arg(url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn pages_fit_ask_for_nothing_and_can_be_read_wide_and_narrow_light_and_dark() {
    let Some(chromium) = chromium() else { return };
    let folder = crate::reports();
    let (port, asked) = serve(folder.path().join("reports"));
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&pictures).unwrap();
    let mut looked = 0;
    for page in ["report.html", "nasty/report.html"] {
        for (scheme, name) in [(1, "light"), (0, "dark")] {
            for width in [1280, 400] {
                let url = format!("http://127.0.0.1:{port}/inspector.html?page={page}&width={width}&scheme={name}");
                let shown = browse(chromium, &url, scheme, width, None);
                let (_, found) = shown.split_once("<pre id=\"found\">").unwrap_or_else(|| panic!("{shown}"));
                let (found, _) = found.split_once("</pre>").unwrap();
                assert_eq!(found, "looked at the page: nothing is wrong", "{page}, {name}, {width} px");
                let picture = pictures.join(format!("{}-{name}-{width}.png", page.replace('/', "-")));
                browse(chromium, &url, scheme, width, Some(&picture));
                assert!(fs::metadata(&picture).unwrap().len() > 20_000, "an empty picture: {}", picture.display());
                looked += 1;
            }
        }
    }
    assert_eq!(looked, 8);
    let asked = asked.lock().unwrap().clone();
    let expected = ["favicon.ico", "inspector.html", "nasty/report.html", "report.html"];
    let others: Vec<_> = asked.iter().filter(|path| !expected.contains(&path.as_str())).collect();
    assert!(others.is_empty() && asked.contains("report.html"), "asked for: {asked:?}");
    tell(&format!("pages looked at: {looked}, pictures in {}", pictures.display()));
}

/// That the inspector sees what it is there to see: a page with everything wrong.
#[test]
fn the_inspector_finds_fault_with_a_bad_page() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bad = r##"<!DOCTYPE html><html><head><style>p{color:#777;background:#888}</style></head><body><h1>a</h1><h3 id="x">b</h3>
        <p id="x" style="width:3000px">wide</p><table><tr><th>a</th></tr></table><svg role="img" viewBox="0 0 10 10"><text x="50">c</text></svg>
        <a href="#nowhere">d</a><img src="http://example.invalid/picture.png"><script>document.title = "e"</script></body></html>"##;
    fs::write(folder.path().join("bad.html"), bad).unwrap();
    let (port, asked) = serve(folder.path().to_owned());
    let url = format!("http://127.0.0.1:{port}/inspector.html?page=bad.html&width=400&scheme=light");
    let mut shown = browse(chromium, &url, 1, 400, None);
    shown = shown.split_once("<pre id=\"found\">").unwrap().1.split_once("</pre>").unwrap().0.to_owned();
    for fault in [
        "no language",
        "wider than",
        "a heading",
        "twice",
        "scope",
        "caption",
        "title",
        "cut off",
        "nowhere",
        "script",
        "contrast",
        "scheme",
    ] {
        assert!(shown.contains(fault), "{fault}: {shown}");
    }
    let asked = asked.lock().unwrap().clone();
    assert!(asked.contains("bad.html"), "{asked:?}");
}
