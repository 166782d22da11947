//! Tokens of the harness, which `STILLREADY_REPLAY` holds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::task::{Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use stillready::harness::{Budget, Level, Program, Store, check};
use stillready::registry::{Full, Outcome, Registry, Retention, Status, Ticket, UploadId, Wait};

use crate::edits::{apply, edits};
use crate::{cases, soon};

/// The registry as the harness drives it, with every call that a token can name.
struct Right(Registry<u32, u32>);

/// An upload that has begun.
struct Begun {
    ticket: Mutex<Option<Ticket<u32, u32>>>,
    id: UploadId,
    wait: Mutex<Wait<u32, u32>>,
}

impl Store for Right {
    type Ticket = Begun;

    fn begin(&self, key: u32, _upload: u32, now_ns: u64) -> Result<Begun, Full> {
        self.0.begin(key, now_ns).map(|ticket| {
            let id = ticket.id();
            Begun { ticket: Mutex::new(Some(ticket)), id, wait: Mutex::new(self.0.wait(id)) }
        })
    }

    fn finish(&self, begun: &Begun, outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
        let mut ticket = begun.ticket.lock().unwrap();
        Some(ticket.take().is_some_and(|ticket| ticket.finish(outcome, now_ns).is_ok()))
    }

    fn read(&self, begun: &Begun, now_ns: u64) -> Status<u32> {
        self.0.read(begun.id, now_ns)
    }

    fn interrupt(&self, begun: &Begun, now_ns: u64) -> Option<()> {
        if let Some(ticket) = begun.ticket.lock().unwrap().take() {
            let _ = ticket.interrupt(now_ns);
        }
        Some(())
    }

    fn acknowledge(&self, begun: &Begun, now_ns: u64) -> Option<bool> {
        Some(self.0.acknowledge(begun.id, now_ns))
    }

    fn wait(&self, begun: &Begun, now_ns: u64, waker: &Waker) -> Option<Poll<Status<u32>>> {
        Some(begun.wait.lock().unwrap().poll(now_ns, waker))
    }

    fn sweep(&self, now_ns: u64) {
        self.0.sweep(now_ns);
    }

    fn read_key(&self, key: u32, now_ns: u64) -> Option<Status<u32>> {
        Some(self.0.read_key(&key, now_ns))
    }

    fn clear(&self, begun: &Begun, _now_ns: u64) -> Option<bool> {
        Some(self.0.clear(begun.id))
    }
}

/// Replays a token on a store that is right: nothing is found, or it is no token.
pub(crate) fn replay(token: &str) {
    let retention = Retention::finished(Duration::from_secs(60));
    let budget = Budget { max_executions: 20, max_time: Duration::from_secs(2), ..Budget::default() };
    let check = check("right", move || Right(Registry::new(retention))).promise(retention).budget(budget);
    let replayed = catch_unwind(AssertUnwindSafe(|| check.replay(token)));
    match replayed {
        Ok(report) => assert!(report.failure.is_none(), "{token}: {:?}", report.failure),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            assert!(said.contains("is no token of this version"), "{token:?}: {said}");
        }
    }
}

fn step() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u16..10, 0u16..300).prop_map(|(upload, key)| format!("b{upload}.{key}")),
        ("[feirakcw]", 0u16..10).prop_map(|(letter, upload)| format!("{letter}{upload}")),
        Just("s".to_owned()),
        ("[+-]", prop_oneof![any::<u64>(), 0u64..200_000_000_000, Just(u64::MAX)])
            .prop_map(|(sign, ns)| format!("{sign}{ns}")),
    ]
}

fn token() -> impl Strategy<Value = String> {
    let level = (0..Level::ALL.len()).prop_map(|level| Level::ALL[level].name());
    let part = prop_oneof![Just("-".to_owned()), prop::collection::vec(step(), 1..5).prop_map(|steps| steps.join(","))];
    let program = prop::collection::vec(part, 1..6).prop_map(|parts| parts.join("/"));
    (level, program, "[0-3]{0,6}|[a-e]{1,4}[0-9]{0,9}")
        .prop_map(|(level, program, last)| format!("{level}:{program}:{last}"))
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_text_is_a_program_or_none(text in "(?s).{0,60}", steps in "[-+a-z0-9.,/]{0,60}") {
        for text in [text, steps] {
            match text.parse::<Program>() {
                Ok(program) => prop_assert_eq!(program.to_string().parse::<Program>(), Ok(program)),
                Err(error) => prop_assert!(error.to_string().len() > 5),
            }
        }
    }

    #[test]
    fn any_token_replays_or_is_none(token in token(), edits in edits(), edited in any::<bool>()) {
        let token = if edited {
            String::from_utf8_lossy(&apply(token.as_bytes(), &edits, b"steps:b0.0,f0/r0/-:01")).into_owned()
        } else {
            token
        };
        soon(move || replay(&token));
    }
}
