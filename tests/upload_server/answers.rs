//! What each request is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use stillready::registry::{Capacity, Retention};
use tokio::sync::Semaphore;

use crate::upload_server::Work;
use crate::{Running, told};

/// Work that goes on until it is let go, and then does what the file says.
pub(crate) fn held(gate: &Arc<Semaphore>) -> Work {
    let gate = Arc::clone(gate);
    Arc::new(move |file| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            match &file[..] {
                b"fail" => Err("a bad file".to_owned()),
                b"panic" => panic!("a very bad file"),
                text => Ok(format!("{} bytes", text.len())),
            }
        })
    })
}

/// So long from the end, then `expired` for as long again.
fn short(time: Duration) -> Retention {
    Retention::finished(time).tombstone(Some(time))
}

#[tokio::test]
async fn an_upload_is_processing_then_ready_then_expired_then_unknown() {
    let gate = Arc::new(Semaphore::new(0));
    let server = Running::start(short(Duration::from_secs(4)), held(&gate)).await;
    let id = server.upload("menu.xlsx", "four").await;
    let status = format!("/status/{id}");
    let response = server.get(&status).await;
    assert_eq!(response.headers()["retry-after"], "3");
    assert_eq!(told(response).await, (202, json!({"status": "processing"})));
    gate.add_permits(1);
    let ended = Instant::now();
    let ready = json!({"status": "ready", "result": "4 bytes"});
    assert_eq!(told(server.get(&format!("/wait/{id}")).await).await, (200, ready.clone()));
    assert_eq!(told(server.get(&status).await).await, (200, ready));
    // A busy machine may come late; it must not come early.
    let mut seen = Vec::new();
    while ended.elapsed() < Duration::from_secs(40) {
        let (code, body) = told(server.get(&status).await).await;
        if seen.last().is_none_or(|(before, _, _)| *before != code) {
            seen.push((code, body, ended.elapsed()));
        }
        if code == 404 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let codes: Vec<u16> = seen.iter().map(|(code, _, _)| *code).collect();
    assert_eq!(codes, [200, 410, 404], "{seen:?}");
    let (_, body, at) = &seen[1];
    assert_eq!(*body, json!({"status": "expired", "last": "ready"}));
    assert!(*at >= Duration::from_millis(3900), "{seen:?}");
}

#[tokio::test]
async fn a_wait_is_answered_when_the_work_ends_or_its_time_is_up() {
    let gate = Arc::new(Semaphore::new(0));
    let server = Running::start(Retention::default(), held(&gate)).await;
    let id = server.upload("menu.xlsx", "four").await;
    let start = Instant::now();
    let response = server.get(&format!("/wait/{id}?timeout=1")).await;
    assert!(!response.headers().contains_key("retry-after"), "who waits may ask again at once");
    assert_eq!(told(response).await, (202, json!({"status": "processing"})));
    assert!(start.elapsed() >= Duration::from_secs(1));
    let path = format!("/wait/{id}?timeout=50");
    let (answer, ()) = tokio::join!(server.get(&path), async {
        server.waiting(1).await;
        gate.add_permits(1);
    });
    assert_eq!(told(answer).await, (200, json!({"status": "ready", "result": "4 bytes"})));
    assert!(start.elapsed() < Duration::from_secs(40), "it was told, and did not wait for its time to be up");
}

#[tokio::test]
async fn two_uploads_of_one_name_do_not_disturb_each_other() {
    let server = Running::start(Retention::default(), held(&Arc::new(Semaphore::new(2)))).await;
    let (first, second) = (server.upload("menu.xlsx", "four").await, server.upload("menu.xlsx", "longer").await);
    assert_ne!(first, second);
    for (id, result) in [(first, "4 bytes"), (second, "6 bytes")] {
        let (code, body) = told(server.get(&format!("/wait/{id}")).await).await;
        assert_eq!((code, body), (200, json!({"status": "ready", "result": result})));
    }
}

#[tokio::test]
async fn an_error_and_a_panic_are_told() {
    let server = Running::start(Retention::default(), held(&Arc::new(Semaphore::new(2)))).await;
    let (fails, panics) = (server.upload("a", "fail").await, server.upload("b", "panic").await);
    let failed = json!({"status": "failed", "result": "a bad file"});
    assert_eq!(told(server.get(&format!("/wait/{fails}")).await).await, (200, failed));
    assert_eq!(told(server.get(&format!("/wait/{panics}")).await).await, (200, json!({"status": "interrupted"})));
}

#[tokio::test]
async fn what_was_never_there_is_unknown_and_what_makes_no_sense_is_refused() {
    let server = Running::start(Retention::default(), held(&Arc::new(Semaphore::new(9)))).await;
    let other = Running::start(Retention::default(), held(&Arc::new(Semaphore::new(9)))).await;
    let of_another = other.upload("a", "four").await;
    for id in ["nonsense", "1-2-3", "%00", &of_another, &"9".repeat(500)] {
        for path in ["status", "wait"] {
            let (code, body) = told(server.get(&format!("/{path}/{id}")).await).await;
            assert_eq!((code, body), (404, json!({"status": "unknown"})), "{path} {id}");
        }
    }
    for path in ["/status/1", "/upload?name=a", "/nowhere"] {
        let response = server.get(path).await;
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}: {}", response.status());
    }
    assert_eq!(server.post("/upload", "four").await.status(), 400, "a name is needed");
    assert_eq!(server.get("/wait/1?timeout=-1").await.status(), 400);
    assert_eq!(server.get("/upload?name=a").await.status(), 405);
    assert_eq!(server.post("/upload?name=a", vec![0; (16 << 20) + 1]).await.status(), 413);
    assert_eq!(server.service.registry.registry().counts().total(), 0, "what was refused left nothing");
}

#[tokio::test]
async fn a_full_service_says_come_again() {
    let gate = Arc::new(Semaphore::new(0));
    let server = Running::start(Retention::default().capacity(Capacity::EvictOldest(2)), held(&gate)).await;
    let first = server.upload("a", "four").await;
    server.upload("b", "four").await;
    let response = server.post("/upload?name=c", "four").await;
    assert_eq!(response.headers()["retry-after"], "3");
    assert_eq!(told(response).await, (503, json!({"status": "full"})));
    gate.add_permits(2);
    server.get(&format!("/wait/{first}")).await;
    server.upload("c", "four").await;
}

#[tokio::test]
async fn who_waits_is_answered_when_the_service_goes_down() {
    let server = Running::start(Retention::default(), held(&Arc::new(Semaphore::new(0)))).await;
    let id = server.upload("a", "four").await;
    let client = server.client.clone();
    let path = format!("http://{}/wait/{id}?timeout=60", server.address);
    let waits = tokio::spawn(async move { told(client.get(path).send().await.unwrap()).await });
    server.waiting(1).await;
    let start = Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(waits.await.unwrap(), (202, json!({"status": "processing"})));
    server.served.await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(30));
}
