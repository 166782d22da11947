//! States of an upload and what a reader is told.

/// Where an upload stands. The edges: `Processing` to each of the three others, and nothing else; what is due becomes a
/// tombstone, which is no state but what is left of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The upload was accepted and its work is not over.
    Processing,
    /// The work ended well and its result can be read.
    Ready,
    /// The work ended with an error.
    Failed,
    /// The ticket was dropped without a word: the work is lost, as when its thread panicked.
    Interrupted,
}

impl State {
    /// All states, in the order of their discriminants.
    pub const ALL: [State; 4] = [State::Processing, State::Ready, State::Failed, State::Interrupted];

    /// Whether the work is over, however it ended.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self != State::Processing
    }
}

/// How the ticket's holder says that the work ended. `V` is whatever the service wants readers to get with it: the
/// address of the result, the text of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<V> {
    /// The result can be read from now on.
    Ready(V),
    /// The work failed.
    Failed(V),
}

impl<V> Outcome<V> {
    /// The state that the outcome leads to, and what came with it.
    pub(super) fn into_parts(self) -> (State, V) {
        match self {
            Outcome::Ready(detail) => (State::Ready, detail),
            Outcome::Failed(detail) => (State::Failed, detail),
        }
    }
}

/// The answer to a read.
///
/// For HTTP: `Processing` is 202 with `Retry-After`, `Ready` and `Failed` are 200, `Interrupted` asks for a new upload,
/// `Expired` is 410 Gone (as in tus, extension Expiration) and `Unknown` 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status<V> {
    /// No such upload, or one forgotten long ago.
    Unknown,
    /// The work is going on.
    Processing,
    /// The work ended well.
    Ready(V),
    /// The work failed.
    Failed(V),
    /// The work was lost.
    Interrupted,
    /// The record's time is over; this was its last state.
    Expired(State),
}
