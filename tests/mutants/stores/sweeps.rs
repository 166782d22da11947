//! Sweeps that take what they must not, or leave what they must take.

use stillready::registry::{Expiry, Full, State, Status};

use super::variant::variant;

variant! {
    /// The sweep notes the names of what is due under one hold of the lock, and removes what is under these names under the next.
    /// A new upload under one of the names, begun in between, goes with it.
    StaleSnapshotSweep {
        fn sweep(&self, now: u64) {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let (named, others): (Vec<u32>, Vec<u32>) = book.due(now).into_iter().partition(|number| {
                book.latest.get(&book.entries[number].key) == Some(number)
            });
            let names: Vec<u32> = named.iter().map(|number| book.entries[number].key).collect();
            others.into_iter().for_each(|number| book.expire(number, now));
            drop(book);
            let mut book = self.0.lock();
            for name in names {
                if let Some(number) = book.latest.get(&name).copied() {
                    book.expire(number, now);
                }
            }
        }
    }
}

variant! {
    /// The sweep looks an entry's age up before it takes the lock for removing it; a poll or an acknowledgement that renews the
    /// entry in between does not save it.
    RenewedAndSwept {
        fn sweep(&self, now: u64) {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let due = book.due(now);
            drop(book);
            let mut book = self.0.lock();
            for number in due {
                book.expire(number, now);
            }
        }
    }
}

variant! {
    /// The age of a running upload counts, too: work that takes longer than the time to live loses its entry to a sweep.
    SweepTakesRunning {
        fn sweep(&self, now: u64) {
            let mut book = self.0.lock();
            let now = book.advance(now);
            book.sweep(now);
            let limit = book.retention.time_to_live.ready_ns.unwrap_or(u64::MAX);
            let old = |entry: &super::book::Entry| entry.state == State::Processing && now - entry.begun >= limit;
            let running: Vec<u32> =
                book.entries.iter().filter(|(_, entry)| old(entry)).map(|(&number, _)| number).collect();
            for number in running {
                book.remove(number);
            }
        }
    }
}

variant! {
    /// The sweep keeps the places of what is due, and removes by place: after the first removal each place means the next entry.
    IteratorInvalidated {
        fn sweep(&self, now: u64) {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let due = book.due(now);
            let places: Vec<usize> =
                due.iter().filter_map(|number| book.entries.keys().position(|other| other == number)).collect();
            for place in places {
                let number = book.entries.keys().nth(place).copied();
                let Some(number) = number else { continue };
                if let Some(entry) = book.entries.get(&number).cloned() {
                    book.remove(number);
                    let tombstone = book.retention.tombstone_ns.is_some() && book.is_due(&entry, now);
                    if tombstone {
                        book.latest.entry(entry.key).or_insert(number);
                        let since = book.deadline(&entry);
                        book.entries.insert(number, super::book::Entry { buried: since, ..entry });
                    }
                }
            }
        }
    }
}

variant! {
    /// The sweep of a store in two parts, records here and names there: it forgets the records under one hold of the lock, and the
    /// names that then lead nowhere, as it noted them before, under the next. A name that was taken again in between is lost.
    TwoShardsSwept {
        fn sweep(&self, now: u64) {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let named = |number: &u32| book.latest.get(&book.entries[number].key) == Some(number);
            let due = book.due(now).into_iter().filter(named);
            let names: Vec<u32> = due.map(|number| book.entries[&number].key).collect();
            book.sweep(now);
            drop(book);
            let mut book = self.0.lock();
            for name in names {
                let leads_to = book.latest.get(&name).and_then(|number| book.entries.get(number));
                if leads_to.is_none_or(|entry| entry.buried.is_none()) {
                    book.latest.remove(&name);
                }
            }
        }
    }
}

variant! {
    /// What is there is valid: the answer at the deadline depends on whether a sweep came by first.
    SweepBeforeRead {
        fn read(&self, number: u32, now: u64) -> Status<u32> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            book.retention.expiry = Expiry::Physical;
            let status = book.read(number, now);
            book.retention.expiry = Expiry::Logical;
            status
        }
    }
}

variant! {
    /// The sweep stops at the first entry that is not due, taking them for ordered by age; they are ordered by beginning.
    SweepStopsEarly {
        fn sweep(&self, now: u64) {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let due = book.due(now);
            let first: Vec<u32> = book.entries.keys().copied().take_while(|number| due.contains(number)).collect();
            for number in first {
                book.expire(number, now);
            }
        }
    }
}

variant! {
    /// Each upload sweeps first, and the sweep forgets that tombstones have a time: expired uploads are unknown at once.
    TombstoneForgottenAtOnce {
        fn begin(&self, key: u32, upload: u32, now: u64) -> Result<u32, Full> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            for number in book.due(now) {
                book.remove(number);
            }
            if book.make_room(now) { Ok(book.begin(key, upload, now)) } else { Err(Full) }
        }
    }
}
