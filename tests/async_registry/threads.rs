//! Many tasks on several threads, with clients that vanish: no wake-up is lost, nothing stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stillready::async_registry::{AsyncRegistry, Rounds};
use stillready::registry::{Outcome, Status};
use tokio::task::JoinSet;

use crate::{MINUTE, retention};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_who_waits_is_told_and_who_vanishes_leaves_nothing() {
    const UPLOADS: u32 = 400;
    const CLIENTS: u32 = 8;
    let registry = AsyncRegistry::<u32, u32>::new(retention());
    let janitor = registry.janitor(Rounds::every(Duration::from_millis(1)));
    let told = Arc::new(AtomicUsize::new(0));
    let (mut clients, mut vanish, mut work) = (JoinSet::new(), Vec::new(), JoinSet::new());
    for upload in 0..UPLOADS {
        let ticket = registry.begin(upload % 7).unwrap();
        let id = ticket.id();
        for client in 0..CLIENTS {
            let (registry, told) = (registry.clone(), Arc::clone(&told));
            let wait = async move {
                let status = registry.wait(id, MINUTE).await;
                assert_eq!(status, Status::Ready(upload));
                told.fetch_add(1, Ordering::Relaxed);
            };
            // Every other client closes its tab at some moment or other.
            if client % 2 == 0 {
                clients.spawn(wait);
            } else {
                vanish.push(tokio::spawn(wait));
            }
        }
        work.spawn(async move {
            for _ in 0..upload % 5 {
                tokio::task::yield_now().await;
            }
            ticket.finish(Outcome::Ready(upload)).unwrap();
        });
        for client in vanish.drain(..) {
            client.abort();
        }
    }
    // A wake-up that was lost would leave its client asleep until its time is up.
    let all = async {
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
    };
    tokio::time::timeout(MINUTE / 2, all).await.expect("nobody sleeps on");
    while let Some(done) = work.join_next().await {
        done.unwrap();
    }
    assert!(told.load(Ordering::Relaxed) >= (UPLOADS * CLIENTS / 2) as usize);
    assert_eq!(registry.registry().waiting(), 0);
    janitor.shutdown().await;
}

/// Clients that are waiting vanish while the work goes on, from all threads at once: none of them stays, and none who stays is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_vanishes_while_the_work_goes_on_leaves_nothing() {
    const CLIENTS: usize = 500;
    let registry = AsyncRegistry::<u32, u32>::new(retention());
    let ticket = registry.begin(1).unwrap();
    let id = ticket.id();
    let waiting = |registry: &AsyncRegistry<u32, u32>| registry.registry().waiting();
    let client = |registry: AsyncRegistry<u32, u32>| async move { registry.wait(id, MINUTE).await };
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(client(registry.clone()))).collect();
    let until = async |expected: usize| {
        let reached = async {
            while waiting(&registry) != expected {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(MINUTE / 2, reached).await.expect("so many wait");
    };
    until(CLIENTS).await;
    for client in &clients[1..] {
        client.abort();
    }
    until(1).await;
    assert_eq!(registry.status(id), Status::Processing);
    ticket.finish(Outcome::Ready(7)).unwrap();
    for (number, client) in clients.into_iter().enumerate() {
        match client.await {
            Ok(status) => assert_eq!((number, status), (0, Status::Ready(7))),
            Err(error) => assert!(number > 0 && error.is_cancelled()),
        }
    }
}
