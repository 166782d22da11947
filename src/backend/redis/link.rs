//! The way to a server of Redis: one connection, made anew by the next call where it broke, or where its server has become one
//! that takes no changes. It must never let the callers wait, one after the other, for a server that is away.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::{Client, Connection, ErrorKind, IntoConnectionInfo, RedisResult, ServerErrorKind};

use super::{RedisError, Result};

/// How long it may take to connect to the server.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer of the server may take.
const ANSWER: Duration = Duration::from_secs(5);

/// For how long a server that was not reached is not tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// A client and its connection.
pub(super) struct Link {
    client: Client,
    state: Mutex<State>,
}

/// What there is between two calls.
enum State {
    /// No connection: until the first call, and after one that broke it.
    Apart,
    Connected(Box<Connection>),
    /// The server was not reached, or did not answer in time: when, and what was said.
    Away(Moment, String),
}

impl Link {
    /// A link that connects when it is first called.
    pub(super) fn new(server: impl IntoConnectionInfo) -> Result<Link> {
        Ok(Link { client: Client::open(server)?, state: Mutex::new(State::Apart) })
    }

    /// Calls the server, by a connection that is made anew where there is none.
    pub(super) fn call<T>(&self, call: impl FnOnce(&mut Connection) -> RedisResult<T>) -> Result<T> {
        let mut place: MutexGuard<'_, _> = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Out of its place until the call has come back: after a panic in between it would be out of step with the server.
        let mut connection = match std::mem::replace(&mut *place, State::Apart) {
            State::Connected(connection) => connection,
            State::Away(since, error) if since.is_within(PAUSE) => {
                *place = State::Away(since, error.clone());
                return Err(RedisError::Away(error));
            }
            State::Apart | State::Away(..) => match self.connect() {
                Ok(connection) => Box::new(connection),
                Err(error) => {
                    *place = State::Away(Moment::now(), error.to_string());
                    return Err(error.into());
                }
            },
        };
        let called = call(&mut connection);
        *place = match &called {
            Err(error) if error.is_timeout() => State::Away(Moment::now(), error.to_string()),
            Err(error) if is_broken(error) || is_another(error) => State::Apart,
            _ => State::Connected(connection),
        };
        Ok(called?)
    }

    fn connect(&self) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(CONNECT)?;
        connection.set_read_timeout(Some(ANSWER))?;
        connection.set_write_timeout(Some(ANSWER))?;
        Ok(connection)
    }
}

/// Whether the connection cannot be used again.
fn is_broken(error: &::redis::RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

/// Whether this is no longer, or not yet, the server that the store's changes go to: by the same address another may be found.
fn is_another(error: &::redis::RedisError) -> bool {
    use ServerErrorKind::{Ask, BusyLoading, MasterDown, Moved, ReadOnly};
    match error.kind() {
        ErrorKind::Server(ReadOnly | Moved | Ask | MasterDown | BusyLoading) => true,
        // Redis 6 and older wrap the error of a script's command in one of the script.
        _ => error.detail().is_some_and(|detail| detail.contains("READONLY ")),
    }
}

/// A moment of the clock that never goes back.
#[expect(clippy::disallowed_types, reason = "for how long a server is left alone is no result")]
struct Moment(std::time::Instant);

impl Moment {
    #[expect(clippy::disallowed_methods, reason = "for how long a server is left alone is no result")]
    fn now() -> Moment {
        #[expect(clippy::disallowed_types, reason = "as above")]
        Moment(std::time::Instant::now())
    }

    fn is_within(&self, time: Duration) -> bool {
        self.0.elapsed() < time
    }
}
