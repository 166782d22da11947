//! An upload service whose statuses do not get lost: axum over [`AsyncRegistry`].
//!
//! ```text
//! cargo run --example upload_server
//! curl -i --data-binary @Cargo.toml 'http://127.0.0.1:8080/upload?name=Cargo.toml'   202, with an id
//! curl -i http://127.0.0.1:8080/status/ID     202 and Retry-After while it runs, then 200; 410 when it is over; 404: never heard of
//! curl -i http://127.0.0.1:8080/wait/ID       as soon as there is something to say, or after 30 s: then come again at once
//! ```
//!
//! The work of this service is to count lines. What it shows: a client polls by the id of its own upload, so that another upload of
//! the same name does not disturb it; a success is kept for half an hour from its end, whoever polls or sweeps; an answer that is
//! too late says so (410, with the last state) and is told from an address that never was (404); no cache on the way keeps an answer
//! that will be another one; work that panics is told as interrupted; a client that waits asks once; what has begun when the service
//! is told to stop (SIGINT, SIGTERM) has some time to end. It is one process, and its statuses go with it: several processes, or one
//! that comes back, need a store outside (`docs/sqlite.md`).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stillready::async_registry::{AsyncRegistry, Rounds};
use stillready::registry::{Capacity, Outcome, Retention, State as Last, Status, UploadId};
use tokio::sync::{mpsc, watch};

/// How often a client that does not wait should ask.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("3");

/// The longest that a request waits.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The largest upload, in bytes.
const LARGEST: usize = 16 << 20;

/// The most uploads that are remembered; while so many are running, others are sent away.
const MOST: usize = 100_000;

/// How long work that is running, and requests that are being answered, have to end when the service goes down.
const GRACE: Duration = Duration::from_secs(20);

/// What an upload comes to: its result or its error, to be read as text.
pub type Work = Arc<dyn Fn(Bytes) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> + Send + Sync>;

/// The service.
#[derive(Clone)]
pub struct Service {
    /// File names and results.
    pub registry: AsyncRegistry<String, String>,
    work: Work,
    /// Becomes true when the service goes down: long polls are answered then.
    closing: watch::Sender<bool>,
    /// Each work that is running holds one.
    working: mpsc::Sender<()>,
}

impl Service {
    /// A service that keeps its statuses so, and does this work; and what ends once the service is gone and all its work is done.
    pub fn new(retention: Retention, work: Work) -> (Self, mpsc::Receiver<()>) {
        let (working, done) = mpsc::channel(1);
        let registry = AsyncRegistry::new(retention);
        (Service { registry, work, closing: watch::Sender::new(false), working }, done)
    }

    /// Its routes.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/upload", post(upload))
            .route("/status/{id}", get(status))
            .route("/wait/{id}", get(wait))
            .layer(DefaultBodyLimit::max(LARGEST))
            .layer(map_response(uncached))
            .with_state(self.clone())
    }

    /// It goes down: who waits is told to come again.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Patience {
    /// Seconds.
    timeout: Option<u64>,
}

/// What a client is told.
#[derive(Serialize)]
struct Told {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// With `ready` the result, with `failed` the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    /// With `expired`, the last state.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<&'static str>,
}

impl Told {
    fn just(status: &'static str) -> Told {
        Told { status, id: None, result: None, last: None }
    }
}

/// A cache may keep a 200, a 404 or a 410 unless it is told not to (RFC 9110, 15.1): a 404 that came a moment too early would then be
/// the answer for good.
async fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `POST /upload?name=menu.xlsx`: takes the file, answers with the id, and begins the work.
async fn upload(State(service): State<Service>, Query(Name { name }): Query<Name>, file: Bytes) -> Response {
    let Ok(ticket) = service.registry.begin(name) else {
        let full = Json(Told::just("full"));
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], full).into_response();
    };
    let id = ticket.id().to_string();
    let work = (service.work)(file);
    let working = service.working.clone();
    // Should the work panic, the ticket is dropped, and the upload is interrupted.
    tokio::spawn(async move {
        let _working = working;
        let outcome = match work.await {
            Ok(result) => Outcome::Ready(result),
            Err(error) => Outcome::Failed(error),
        };
        // Stale: somebody has cleared the upload, and nobody waits for its end.
        let _ = ticket.finish(outcome);
    });
    let location = [(header::LOCATION, format!("/status/{id}"))];
    let told = Told { id: Some(id), ..Told::just("processing") };
    (StatusCode::ACCEPTED, location, [(header::RETRY_AFTER, RETRY_AFTER)], Json(told)).into_response()
}

/// `GET /status/{id}`: what there is to say now.
async fn status(State(service): State<Service>, Path(id): Path<String>) -> Response {
    let status = id.parse::<UploadId>().map_or(Status::Unknown, |id| service.registry.status(id));
    let mut response = tell(status);
    if response.status() == StatusCode::ACCEPTED {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

/// `GET /wait/{id}?timeout=30`: the same, as soon as the upload is not running any more. Who is told that it still is may ask again
/// at once.
async fn wait(State(service): State<Service>, Path(id): Path<String>, Query(patience): Query<Patience>) -> Response {
    let Ok(id) = id.parse::<UploadId>() else { return tell(Status::Unknown) };
    let timeout = Duration::from_secs(patience.timeout.unwrap_or(30)).min(LONGEST_WAIT);
    let mut closing = service.closing.subscribe();
    tokio::select! {
        status = service.registry.wait(id, timeout) => tell(status),
        _ = closing.wait_for(|closing| *closing) => tell(service.registry.status(id)),
    }
}

/// A status in HTTP: 202 come again, 200 that is the end, 410 it was there and is over, 404 no such upload.
fn tell(status: Status<String>) -> Response {
    let (code, told) = match status {
        Status::Processing => (StatusCode::ACCEPTED, Told::just("processing")),
        Status::Ready(result) => (StatusCode::OK, Told { result: Some(result), ..Told::just("ready") }),
        Status::Failed(error) => (StatusCode::OK, Told { result: Some(error), ..Told::just("failed") }),
        Status::Interrupted => (StatusCode::OK, Told::just("interrupted")),
        Status::Expired(last) => (StatusCode::GONE, Told { last: Some(name(last)), ..Told::just("expired") }),
        Status::Unknown => (StatusCode::NOT_FOUND, Told::just("unknown")),
    };
    (code, Json(told)).into_response()
}

fn name(state: Last) -> &'static str {
    match state {
        Last::Processing => "processing",
        Last::Ready => "ready",
        Last::Failed => "failed",
        Last::Interrupted => "interrupted",
    }
}

/// Counts the lines of a text, for as long as somebody wants it to take.
fn count_lines(pause: Duration) -> Work {
    Arc::new(move |file: Bytes| {
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            let text = std::str::from_utf8(&file).map_err(|error| format!("this is no text: {error}"))?;
            Ok(format!("{} lines", text.lines().count()))
        })
    })
}

/// Until somebody says that it is enough.
async fn told_to_stop() {
    let interrupted = async {
        // Without signals it runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<Option<()>>();
    tokio::select! {
        () = interrupted => {}
        _ = terminated => {}
    }
}

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example of a service, which is told by its environment what to do")]
async fn main() -> std::io::Result<()> {
    let pause = std::env::var("WORK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let retention = Retention::default().capacity(Capacity::EvictOldest(MOST));
    let (service, mut done) = Service::new(retention, count_lines(Duration::from_secs(pause)));
    let janitor = service.registry.janitor(Rounds::every(Duration::from_secs(60)));
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    let mut closing = service.closing.subscribe();
    let routes = service.routes();
    let served = axum::serve(listener, routes).with_graceful_shutdown(async move {
        told_to_stop().await;
        service.close();
    });
    let ended = async {
        served.await?;
        // Nothing is left that could begin work; the channel ends with the last that is running.
        let _ = done.recv().await;
        std::io::Result::Ok(())
    };
    let too_long = async {
        let _ = closing.wait_for(|closing| *closing).await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = ended => ended?,
        () = too_long => println!("what still runs after {} s is given up", GRACE.as_secs()),
    }
    let swept = janitor.shutdown().await;
    println!("{} statuses were over and swept", swept.expired);
    Ok(())
}
