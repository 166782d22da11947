//! What keeps the statuses: the interface that the engine drives, and the stores behind it.
//!
//! A store is called as a web handler would call it, one call per atomic step. Calls take `&self`, as they do where many
//! threads share a store.

mod defects;
mod dict;
#[cfg(any(feature = "dashmap", feature = "moka", feature = "redis", feature = "sqlite"))]
mod driven;
mod registry;

pub use defects::{Defect, Defects};
pub use dict::{Dict, Disk};
#[cfg(any(feature = "dashmap", feature = "moka", feature = "redis", feature = "sqlite"))]
pub use driven::{Driven, DrivenTicket};
pub use registry::{ExclusiveStore, RegistryStore};

use crate::registry::State;
use crate::time::SimTime;

/// What a plain run asks of a store of upload statuses.
pub trait PlainStore {
    /// What `begin` hands to the background work.
    type Ticket;

    /// What `begin` hands to the client; a store without ids uses the key.
    type Id: Copy;

    /// An upload begins under a key. `upload` tells one upload from another and is what a reader of `Ready` gets.
    /// Entries that had to go for it, or that it overwrote, are added to `gone`.
    ///
    /// # Errors
    /// [`Refused`] if the store is full.
    fn begin(
        &self,
        key: u32,
        upload: u32,
        now: SimTime,
        gone: &mut Vec<Gone>,
    ) -> Result<(Self::Ticket, Self::Id), Refused>;

    /// The background work ended. Returns whether the store took it.
    fn finish(&self, ticket: Self::Ticket, end: End, now: SimTime) -> bool;

    /// A poll by id.
    fn read(&self, id: Self::Id, now: SimTime) -> Answer;

    /// A poll by key.
    fn read_key(&self, key: u32, now: SimTime) -> Answer;

    /// Removes everything that is due; each removed entry is added to `gone`.
    fn sweep(&self, now: SimTime, gone: &mut Vec<Gone>);

    /// How many entries the store holds, tombstones included: what a scan of all of it would visit.
    fn held(&self) -> u64;

    /// Adds every entry that is due at `now` and still there to `found`.
    fn due(&self, now: SimTime, found: &mut Vec<Gone>);
}

/// A store of upload statuses.
pub trait StatusStore: PlainStore {
    /// The same store for one who has it to himself, and who ends each work once and drops no ticket.
    type Alone: PlainStore;

    /// The store, still empty and without a capacity, for one who has it to himself.
    fn alone(self) -> Self::Alone;

    /// The background work says that it is ready, before it has ended. Returns the ticket, if more can be said with it.
    fn publish(&self, ticket: Self::Ticket, now: SimTime) -> Option<Self::Ticket>;

    /// The client has its answer.
    fn acknowledge(&self, id: Self::Id, now: SimTime);

    /// The client of a key has its answer.
    fn acknowledge_key(&self, key: u32, now: SimTime);

    /// Draws up to `size` entries that can fall due, one after the other, and removes those that are due; `pick` draws one of
    /// so many. Returns how many were drawn. Only for stores that a policy may sweep as Redis does.
    fn sweep_sample(&self, now: SimTime, pick: &mut dyn FnMut(u32) -> u32, size: u32, gone: &mut Vec<Gone>) -> u32;

    /// Removes what a key names, whatever its state. Each removed entry is added to `gone`, here and below.
    fn clear(&self, key: u32, now: SimTime, gone: &mut Vec<Gone>);

    /// Removes everything.
    fn clear_all(&self, now: SimTime, gone: &mut Vec<Gone>);

    /// Removes the uploads that began more than `after_ns` ago and still run.
    fn clear_stuck(&self, after_ns: u64, now: SimTime, gone: &mut Vec<Gone>);

    /// When a sweep will next have something to take, if it ever will; may lie in the past.
    fn next_due(&self) -> Option<SimTime>;

    /// Whether its lock is held for ever, so that every call would wait for ever.
    fn is_stuck(&self) -> bool {
        false
    }
}

/// The bit of a key that marks a name which the client spells otherwise than the server does; without it, it is the name as
/// the server spells it.
pub const ODD_NAME: u32 = 1 << 31;

/// How background work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its result can be read.
    Ready,
    /// It failed.
    Error,
}

/// What a poll is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The work is going on.
    Processing,
    /// The work ended well; `upload` is the one whose result the client would load.
    Ready {
        /// The upload that wrote this.
        upload: u32,
    },
    /// The work failed.
    Error,
    /// The work was lost.
    Interrupted,
    /// There was an entry; its time is over, and this was its last state.
    Expired(State),
    /// No entry.
    NotFound,
}

/// An entry that is being removed, or is due to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its key.
    pub key: u32,
    /// Its last state.
    pub state: State,
    /// When it fell due; `None` if it had not.
    pub due: Option<SimTime>,
}

/// The store is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;
