//! Bad input: whatever bytes a file, a table or a token has, it is read or refused, with a reason that names a place, and never
//! with a panic, without an end or with memory that it does not deserve.
//!
//! `PROPTEST_CASES=100000 cargo test --test fuzz` looks for longer.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod edits;
mod folders;
mod found;
mod observations;
mod scenarios;
mod tables;
mod tokens;

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use proptest::prelude::ProptestConfig;

/// As many cases as `PROPTEST_CASES` says, else these.
fn cases(by_default: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default() };
    let asked = config.cases != 256;
    ProptestConfig { cases: if asked { config.cases } else { by_default }, ..config }
}

/// Does something that must end soon, on whatever machine.
fn soon<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    let doing = thread::spawn(move || sender.send(what()));
    match receiver.recv_timeout(Duration::from_secs(60)) {
        Ok(done) => done,
        Err(RecvTimeoutError::Timeout) => panic!("it did not end within a minute"),
        Err(RecvTimeoutError::Disconnected) => match doing.join() {
            Err(panic) => resume_unwind(panic),
            Ok(_) => unreachable!("what it came to was sent"),
        },
    }
}
