//! Uploads that are taken for one another, and ends that are taken twice.

use stillready::registry::{Full, State, Status};

use super::variant::variant;

variant! {
    /// A worker finds its entry by name: one that is late ends the next upload under the name.
    NoGenerationFence {
        fn end(&self, number: u32, state: State, now: u64) -> bool {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let Some(key) = book.entries.get(&number).map(|entry| entry.key) else { return false };
            let latest = book.latest.get(&key).copied().unwrap_or(number);
            book.end(latest, state, now)
        }
    }
}

variant! {
    /// Whether the name is in use is asked under one hold of the lock, the entry is written under the next: of two uploads that
    /// begin at once, both find the name free, and the second takes the first one's entry over.
    CheckThenInsert {
        fn begin(&self, key: u32, upload: u32, now: u64) -> Result<u32, Full> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let is_free = !book.latest.contains_key(&key);
            drop(book);
            let mut book = self.0.lock();
            match book.latest.get(&key).copied().filter(|_| is_free) {
                Some(number) => {
                    book.entries.get_mut(&number).expect("the name leads to it").upload = upload;
                    Ok(number)
                }
                None if book.make_room(now) => Ok(book.begin(key, upload, now)),
                None => Err(Full),
            }
        }
    }
}

variant! {
    /// What expired is remembered by name, and the memory outlives the next upload's beginning: who asks for it is told that it
    /// expired.
    TombstoneHidesNew {
        fn read_key(&self, key: u32, now: u64) -> Status<u32> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let buried = book.entries.iter().find(|(_, entry)| entry.key == key && entry.buried.is_some());
            match buried.map(|(&number, _)| number).or_else(|| book.latest.get(&key).copied()) {
                Some(number) => book.read(number, now),
                None => Status::Unknown,
            }
        }
    }
}

variant! {
    /// The last end wins: an error over a success, or the other way round.
    DoubleFinish {
        fn end(&self, number: u32, state: State, now: u64) -> bool {
            let mut book = self.0.lock();
            let now = book.advance(now);
            if let Some(entry) = book.entries.get_mut(&number).filter(|entry| entry.buried.is_none()) {
                entry.state = State::Processing;
            }
            book.end(number, state, now)
        }
    }
}

variant! {
    /// Whether the upload is running is asked under one hold of the lock, its end written under the next: of two ends both are
    /// taken.
    TornFinish {
        fn end(&self, number: u32, state: State, now: u64) -> bool {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let running = book.entries.get(&number).is_some_and(|entry| entry.state == State::Processing);
            drop(book);
            let mut book = self.0.lock();
            if let Some(entry) = book.entries.get_mut(&number).filter(|_| running) {
                entry.state = State::Processing;
            }
            book.end(number, state, now)
        }
    }
}

variant! {
    /// An end that finds no entry writes one: what was cleared is back.
    FinishRevives {
        fn end(&self, number: u32, state: State, now: u64) -> bool {
            let mut book = self.0.lock();
            let now = book.advance(now);
            if !book.entries.contains_key(&number) {
                let key = 0;
                let upload = number;
                let since = book.age_from(now, now);
                let entry = super::book::Entry { key, upload, state, begun: now, since, acknowledged: false, buried: None };
                book.entries.insert(number, entry);
                return true;
            }
            book.end(number, state, now)
        }
    }
}

variant! {
    /// An error is written as if it were a success: the client waits for a result that is not there.
    ErrorMasked {
        fn end(&self, number: u32, state: State, now: u64) -> bool {
            let state = if state == State::Failed { State::Ready } else { state };
            let mut book = self.0.lock();
            let now = book.advance(now);
            book.end(number, state, now)
        }
    }
}

variant! {
    /// A clear by id takes whatever is the latest under the upload's name.
    ClearTakesLatest {
        fn clear(&self, number: u32, now: u64) -> bool {
            let mut book = self.0.lock();
            book.advance(now);
            let Some(key) = book.entries.get(&number).map(|entry| entry.key) else { return false };
            let latest = book.latest.get(&key).copied().unwrap_or(number);
            book.remove(latest)
        }
    }
}
