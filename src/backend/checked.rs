//! A [`Backend`] under the [harness](crate::harness).

use super::Backend;
use crate::harness::Store;
use crate::registry::{Full, Outcome, Status};

/// A backend as a [`Store`] to be checked. Keys and uploads are numbers there and texts here; an error panics, which the harness
/// reports as it does any break.
#[derive(Debug)]
pub struct Checked<B>(pub B);

/// The number of an upload in a detail.
fn numbered(status: Status<String>) -> Status<u32> {
    let number =
        |detail: String| detail.parse().unwrap_or_else(|_| panic!("`{detail}` is not what any upload has written"));
    match status {
        Status::Unknown => Status::Unknown,
        Status::Processing => Status::Processing,
        Status::Ready(detail) => Status::Ready(number(detail)),
        Status::Failed(detail) => Status::Failed(number(detail)),
        Status::Interrupted => Status::Interrupted,
        Status::Expired(state) => Status::Expired(state),
    }
}

fn taken<T, E: std::error::Error>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("the store failed: {error}"))
}

impl<B: Backend> Store for Checked<B> {
    type Ticket = u64;

    fn begin(&self, key: u32, _upload: u32, now_ns: u64) -> Result<u64, Full> {
        Ok(taken(self.0.begin(&key.to_string(), now_ns)))
    }

    fn finish(&self, id: &u64, outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
        let outcome = match outcome {
            Outcome::Ready(upload) => Outcome::Ready(upload.to_string()),
            Outcome::Failed(upload) => Outcome::Failed(upload.to_string()),
        };
        Some(taken(self.0.finish(*id, outcome, now_ns)))
    }

    fn read(&self, id: &u64, now_ns: u64) -> Status<u32> {
        numbered(taken(self.0.read(*id, now_ns)))
    }

    fn sweep(&self, now_ns: u64) {
        taken(self.0.sweep(now_ns, &mut |_| ()));
    }

    fn read_key(&self, key: u32, now_ns: u64) -> Option<Status<u32>> {
        Some(numbered(taken(self.0.read_key(&key.to_string(), now_ns))))
    }

    fn interrupt(&self, id: &u64, now_ns: u64) -> Option<()> {
        taken(self.0.interrupt(*id, now_ns));
        Some(())
    }

    fn acknowledge(&self, id: &u64, now_ns: u64) -> Option<bool> {
        Some(taken(self.0.acknowledge(*id, now_ns)))
    }

    fn clear(&self, id: &u64, _now_ns: u64) -> Option<bool> {
        Some(taken(self.0.clear(*id)))
    }

    fn held(&self) -> Option<usize> {
        let mut held = 0;
        taken(self.0.entries(&mut |_, _| held += 1));
        Some(held)
    }
}
