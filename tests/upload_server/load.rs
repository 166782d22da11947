//! Many clients at once, some of which vanish.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stillready::async_registry::Rounds;
use stillready::registry::Retention;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::answers::held;
use crate::upload_server::Work;
use crate::{Running, told};

const CLIENTS: usize = 200;

/// Work that takes longer for some.
fn work() -> Work {
    Arc::new(|file| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20 + 17 * (file.len() as u64 % 30))).await;
            Ok(format!("{} bytes", file.len()))
        })
    })
}

/// A request that is cut off: the connection closes before its end, or before its answer.
async fn vanish(server: &Running, request: String) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_everybody_is_told_and_who_vanishes_leaves_nothing() {
    let server = Arc::new(Running::start(Retention::default(), work()).await);
    let janitor = server.service.registry.janitor(Rounds::every(Duration::from_millis(10)));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let server = Arc::clone(&server);
        clients.spawn(async move {
            // A few names, shared by many.
            let id = server.upload(&format!("name{}", number % 5), &"x".repeat(number)).await;
            let host = format!("HTTP/1.1\r\nHost: {}\r\n", server.address);
            match number % 4 {
                0 => vanish(&server, format!("GET /wait/{id}?timeout=60 {host}\r\n")).await,
                1 => vanish(&server, format!("POST /upload?name=a {host}Content-Length: 1000\r\n\r\nhalf")).await,
                2 => vanish(&server, "GET /wa".to_owned()).await,
                _ => {}
            }
            let ready = json!({"status": "ready", "result": format!("{number} bytes")});
            if number % 3 == 0 {
                // Asks again and again: never anything but processing until it is ready.
                let path = format!("/status/{id}");
                loop {
                    match told(server.get(&path).await).await {
                        (202, _) => tokio::time::sleep(Duration::from_millis(10)).await,
                        answer => break assert_eq!(answer, (200, ready.clone())),
                    }
                }
            } else {
                let answer = told(server.get(&format!("/wait/{id}?timeout=60")).await).await;
                assert_eq!(answer, (200, ready.clone()));
            }
            // And it stays so.
            assert_eq!(told(server.get(&format!("/status/{id}")).await).await, (200, ready));
        });
    }
    let all = async {
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("nobody is left waiting");
    server.waiting(0).await;
    let counts = server.service.registry.registry().counts();
    assert_eq!((counts.ready, counts.total()), (CLIENTS, CLIENTS), "an upload that was cut off is none");
    janitor.shutdown().await;
}

/// Clients that wait close their connections while the work goes on: the service notices, and they wait no more. One that closes its
/// own after its upload leaves that running, to be polled for by whoever has its id.
#[tokio::test]
async fn a_client_that_vanishes_waits_no_more() {
    let gate = Arc::new(Semaphore::new(0));
    let server = Running::start(Retention::default(), held(&gate)).await;
    let id = server.upload("a", "four").await;
    let mut clients = Vec::new();
    for _ in 0..30 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET /wait/{id}?timeout=60 HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        clients.push(stream);
    }
    server.waiting(30).await;
    let stays = clients.pop();
    drop(clients);
    server.waiting(1).await;
    drop(stays);
    server.waiting(0).await;
    assert_eq!(told(server.get(&format!("/status/{id}")).await).await.0, 202, "the work goes on");
    let request = format!("POST /upload?name=b HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nfour", server.address);
    vanish(&server, request).await;
    gate.add_permits(2);
    let ended = async {
        while server.service.registry.registry().counts().ready < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.expect("both uploads end");
}
