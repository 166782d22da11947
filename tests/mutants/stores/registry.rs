//! The status registry, mounted over the same primitives as the stores beside it.

use std::hash::{BuildHasherDefault, DefaultHasher};

use std::task::{Poll, Waker};

use stillready::harness::Store;
use stillready::registry::{self as checked, Full, Outcome};

use super::super::registry::{self, Registry, Ticket, UploadId, Wait};
use super::sync::{Mutex, MutexGuard, PoisonError};

type Hasher = BuildHasherDefault<DefaultHasher>;

/// A registry of two parts or, where there is a capacity, of one.
pub(crate) struct RegistryStore(Registry<u32, u32, Hasher>);

/// A ticket, to be taken once, and the id. Where two come for one ticket, the second waits until the first has used it.
pub(crate) struct Begun {
    ticket: Mutex<Option<Ticket<u32, u32>>>,
    id: UploadId,
    /// Its long poll.
    wait: Mutex<Wait<u32, u32>>,
}

impl Begun {
    fn lock(&self) -> MutexGuard<'_, Option<Ticket<u32, u32>>> {
        self.ticket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RegistryStore {
    pub(crate) fn new(retention: checked::Retention) -> RegistryStore {
        let parts = if retention.capacity == checked::Capacity::Unbounded { 2 } else { 1 };
        RegistryStore(Registry::with_origin(mounted(retention), parts, Hasher::default(), 1))
    }
}

/// The same retention in the types of the registry that is mounted here.
fn mounted(retention: checked::Retention) -> registry::Retention {
    let checked::TimeToLive { processing_ns, ready_ns, failed_ns, interrupted_ns } = retention.time_to_live;
    registry::Retention {
        time_to_live: registry::TimeToLive { processing_ns, ready_ns, failed_ns, interrupted_ns },
        age: match retention.age {
            checked::AgeBasis::Created => registry::AgeBasis::Created,
            checked::AgeBasis::Finished => registry::AgeBasis::Finished,
            checked::AgeBasis::LastWrite => registry::AgeBasis::LastWrite,
            checked::AgeBasis::LastAccess => registry::AgeBasis::LastAccess,
            checked::AgeBasis::Acknowledged => registry::AgeBasis::Acknowledged,
        },
        expiry: match retention.expiry {
            checked::Expiry::Logical => registry::Expiry::Logical,
            checked::Expiry::Physical => registry::Expiry::Physical,
        },
        tombstone_ns: retention.tombstone_ns,
        capacity: match retention.capacity {
            checked::Capacity::Unbounded => registry::Capacity::Unbounded,
            checked::Capacity::EvictOldest(max) => registry::Capacity::EvictOldest(max),
            checked::Capacity::Refuse(max) => registry::Capacity::Refuse(max),
        },
    }
}

/// The same status in the harness's types.
fn told(status: registry::Status<u32>) -> checked::Status<u32> {
    let state = |state| match state {
        registry::State::Processing => checked::State::Processing,
        registry::State::Ready => checked::State::Ready,
        registry::State::Failed => checked::State::Failed,
        registry::State::Interrupted => checked::State::Interrupted,
    };
    match status {
        registry::Status::Unknown => checked::Status::Unknown,
        registry::Status::Processing => checked::Status::Processing,
        registry::Status::Ready(upload) => checked::Status::Ready(upload),
        registry::Status::Failed(upload) => checked::Status::Failed(upload),
        registry::Status::Interrupted => checked::Status::Interrupted,
        registry::Status::Expired(last) => checked::Status::Expired(state(last)),
    }
}

impl Store for RegistryStore {
    type Ticket = Begun;

    fn begin(&self, key: u32, _upload: u32, now_ns: u64) -> Result<Begun, Full> {
        let ticket = self.0.begin(key, now_ns).map_err(|registry::Full| Full)?;
        let id = ticket.id();
        Ok(Begun { ticket: Mutex::new(Some(ticket)), id, wait: Mutex::new(self.0.wait(id)) })
    }

    fn finish(&self, begun: &Begun, outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
        let mut kept = begun.lock();
        let Some(ticket) = kept.take() else { return Some(false) };
        let outcome = match outcome {
            Outcome::Ready(upload) => registry::Outcome::Ready(upload),
            Outcome::Failed(upload) => registry::Outcome::Failed(upload),
        };
        Some(ticket.finish(outcome, now_ns).is_ok())
    }

    fn read(&self, begun: &Begun, now_ns: u64) -> checked::Status<u32> {
        told(self.0.read(begun.id, now_ns))
    }

    fn sweep(&self, now_ns: u64) {
        self.0.sweep(now_ns);
    }

    fn read_key(&self, key: u32, now_ns: u64) -> Option<checked::Status<u32>> {
        Some(told(self.0.read_key(&key, now_ns)))
    }

    /// A stale ticket has lost nothing.
    fn interrupt(&self, begun: &Begun, now_ns: u64) -> Option<()> {
        let _ = begun.lock().take().map(|ticket| ticket.interrupt(now_ns));
        Some(())
    }

    fn wait(&self, begun: &Begun, now_ns: u64, waker: &Waker) -> Option<Poll<checked::Status<u32>>> {
        let mut wait = begun.wait.lock().unwrap_or_else(PoisonError::into_inner);
        Some(wait.poll(now_ns, waker).map(told))
    }

    fn acknowledge(&self, begun: &Begun, now_ns: u64) -> Option<bool> {
        Some(self.0.acknowledge(begun.id, now_ns))
    }

    fn clear(&self, begun: &Begun, _now_ns: u64) -> Option<bool> {
        Some(self.0.clear(begun.id))
    }

    fn held(&self) -> Option<usize> {
        Some(self.0.counts().total())
    }
}
