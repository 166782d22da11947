//! Times that are written, compared or renewed wrongly.

use stillready::registry::{Full, State, Status};

use super::variant::variant;

variant! {
    /// The end of the work writes the status under one hold of the lock and the moment under the next. In between the entry is
    /// `ready` and as old as its beginning: a sweep takes it, a poll finds it expired.
    SplitTimestamp {
        fn end(&self, number: u32, state: State, now: u64) -> bool {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let Some(entry) = book.entries.get_mut(&number).filter(|entry| entry.state == State::Processing) else {
                return false;
            };
            entry.state = state;
            let begun = entry.begun;
            drop(book);
            let mut book = self.0.lock();
            let since = book.age_from(begun, now);
            if let Some(entry) = book.entries.get_mut(&number) {
                entry.since = since;
            }
            book.wake(number);
            true
        }
    }
}

variant! {
    /// `>` for `>=`: at the very deadline a poll still finds the entry.
    WrongComparison {
        fn read(&self, number: u32, now: u64) -> Status<u32> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let at_deadline = book.entries.get(&number).is_some_and(|entry| book.deadline(entry) == Some(now));
            book.read(number, now - u64::from(at_deadline))
        }
    }
}

variant! {
    /// A moment too early: the comparison is with one nanosecond more.
    DueTooEarly {
        fn read(&self, number: u32, now: u64) -> Status<u32> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            book.read(number, now + 1)
        }
    }
}

variant! {
    /// The deadline is a sum that wraps around: what is to be kept for ever has a deadline in the past.
    DeadlineOverflow {
        fn read(&self, number: u32, now: u64) -> Status<u32> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let limit = |state| book.retention.time_to_live.of(state);
            let deadline = |entry: &super::book::Entry| Some(entry.since?.wrapping_add(limit(entry.state)?));
            match book.entries.get(&number) {
                Some(entry) if deadline(entry).is_some_and(|deadline| now >= deadline) => Status::Expired(entry.state),
                _ => book.read(number, now),
            }
        }
    }
}

variant! {
    /// Each caller's clock counts for itself: whoever comes with a clock that is late finds valid what was expired before.
    ClockBackwards {
        fn read(&self, number: u32, now: u64) -> Status<u32> {
            self.0.lock().read(number, now)
        }
    }
}

variant! {
    /// A poll renews the entry, as it should, but writes back the whole of what it had read before: what happened to the entry in
    /// between is lost, and what was swept is back.
    SlidingLostUpdate {
        fn read(&self, number: u32, now: u64) -> Status<u32> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let status = book.status(number, now);
            let copy = book.entries.get(&number).cloned();
            drop(book);
            if let (Status::Ready(_) | Status::Failed(_) | Status::Interrupted, Some(mut entry)) = (status, copy) {
                entry.since = Some(now);
                self.0.lock().entries.insert(number, entry);
            }
            status
        }
    }
}

variant! {
    /// The age counts from the beginning, though it is promised from the end: long work is due as soon as it ends.
    AgeFromBeginning {
        fn end(&self, number: u32, state: State, now: u64) -> bool {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let ended = book.end(number, state, now);
            if let Some(entry) = book.entries.get_mut(&number).filter(|_| ended) {
                entry.since = Some(entry.begun);
            }
            ended
        }
    }
}

variant! {
    /// An acknowledgement counts while the work is running, and the end does not forget it: the age begins before the end.
    AckBeforeRead {
        fn acknowledge(&self, number: u32, now: u64) -> bool {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let running = book.entries.get(&number).is_some_and(|entry| entry.state == State::Processing);
            if running {
                book.note_acknowledgement(number, now);
                return true;
            }
            book.acknowledge(number, now)
        }
    }
}

variant! {
    /// A retry of the upload renews the old entry under its name in place of beginning one: the second client is told of the end of
    /// the first.
    RetryRenews {
        fn begin(&self, key: u32, upload: u32, now: u64) -> Result<u32, Full> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            if let Some(number) = book.latest.get(&key).copied()
                && let Some(entry) = book.entries.get_mut(&number).filter(|entry| entry.state.is_terminal())
            {
                (entry.since, entry.buried) = (Some(now), None);
                return Ok(number);
            }
            if book.make_room(now) { Ok(book.begin(key, upload, now)) } else { Err(Full) }
        }
    }
}
