//! Folders of results, as `report` reads them back: `run.json` and the tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::sample::Index;
use stillready::provenance::{Clock, sha256_hex};
use stillready::report::pages::{self, Form};
use stillready::report::{files, read};

use crate::edits::{Edit, apply, edits};
use crate::tables::results;
use crate::{cases, soon};

type Files = BTreeMap<String, Vec<u8>>;

/// The files of a run.
pub(crate) fn real() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        files::write_report(folder.path(), results(), "smoke.toml", 1, &Clock::start()).unwrap();
        let entries = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
    })
}

/// The files of a run with one of them edited; if `listed`, `run.json` has the edited one's hash.
fn edited(which: Index, edits: &[Edit], listed: bool) -> Files {
    let name = real().keys().nth(which.index(real().len())).unwrap();
    let bytes = apply(&real()[name], edits, &real()["told.csv"]);
    if listed && name != "run.json" {
        return forged(name, bytes);
    }
    let mut files = real().clone();
    files.insert(name.clone(), bytes);
    files
}

/// The files of a run with one of them replaced, of which `run.json` has the hash.
pub(crate) fn forged(name: &str, bytes: Vec<u8>) -> Files {
    let mut files = real().clone();
    let record = String::from_utf8(files["run.json"].clone()).unwrap();
    let record = record.replace(&sha256_hex(&files[name]), &sha256_hex(&bytes));
    files.insert("run.json".to_owned(), record.into_bytes());
    files.insert(name.to_owned(), bytes);
    files
}

/// Reads a folder with these files, and makes pages of what can be read.
pub(crate) fn read_back(files: &Files) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    match read::read(folder.path()) {
        Err(error) => assert!(names_a_file(&error.to_string(), folder.path()), "{error}"),
        Ok(report) => {
            let pages = tempfile::tempdir().unwrap();
            assert_eq!(pages::write(pages.path(), &report, &Form::ALL).unwrap().len(), 3);
        }
    }
}

fn names_a_file(message: &str, folder: &Path) -> bool {
    message.contains(&folder.display().to_string())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_folder_with_an_edited_file_is_refused_or_read(which in any::<Index>(), edits in edits(), listed in prop::bool::weighted(0.8)) {
        let files = edited(which, &edits, listed);
        soon(move || read_back(&files));
    }

    #[test]
    fn a_record_of_any_bytes_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let files = Files::from([("run.json".to_owned(), bytes)]);
        soon(move || read_back(&files));
    }

    #[test]
    fn an_edited_record_is_refused_or_read(edits in edits()) {
        let mut files = real().clone();
        let record = apply(&files["run.json"], &edits, br#"    "kind": "diagnosis",
"#);
        files.insert("run.json".to_owned(), record);
        soon(move || read_back(&files));
    }
}
