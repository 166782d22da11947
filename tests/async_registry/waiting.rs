//! Long polls.

use std::time::Duration;

use stillready::async_registry::AsyncRegistry;
use stillready::registry::{AgeBasis, Outcome, Retention, StaleTicket, State, Status, TimeToLive};
use tokio::time::{Instant, advance, sleep};
use tokio_test::{assert_pending, assert_ready_eq, task};

use crate::{MINUTE, Registry, registry, retention};

#[tokio::test(start_paused = true)]
async fn what_is_not_running_is_told_at_once() {
    let registry = registry();
    let ticket = registry.begin("a").unwrap();
    let id = ticket.id();
    registry.finish(ticket, Outcome::Failed(3)).unwrap();
    let mut wait = task::spawn(registry.wait(id, MINUTE));
    assert_ready_eq!(wait.poll(), Status::Failed(3));
    // An id of another registry is an id of nothing.
    let other = Registry::new(retention());
    let mut wait = task::spawn(other.wait(id, MINUTE));
    assert_ready_eq!(wait.poll(), Status::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_woken_once_by_the_end_and_not_before() {
    let registry = registry();
    let (ticket, neighbour) = (registry.begin("a").unwrap(), registry.begin("b").unwrap());
    let mut wait = task::spawn(registry.wait(ticket.id(), MINUTE));
    assert_pending!(wait.poll());
    assert_eq!(registry.registry().waiting(), 1);
    neighbour.finish(Outcome::Ready(2)).unwrap();
    assert!(!wait.is_woken(), "the end of another upload is no news");
    // Polled again without news, as a select does, it waits once.
    assert_pending!(wait.poll());
    assert_eq!(registry.registry().waiting(), 1);
    ticket.finish(Outcome::Ready(1)).unwrap();
    assert!(wait.is_woken());
    assert_eq!(registry.registry().waiting(), 0);
    assert_ready_eq!(wait.poll(), Status::Ready(1));
}

#[tokio::test(start_paused = true)]
async fn an_end_between_the_call_and_the_first_poll_is_not_missed() {
    let registry = registry();
    let ticket = registry.begin("a").unwrap();
    let mut wait = task::spawn(registry.wait(ticket.id(), MINUTE));
    ticket.finish(Outcome::Ready(1)).unwrap();
    assert_ready_eq!(wait.poll(), Status::Ready(1));
}

#[tokio::test(start_paused = true)]
async fn a_wait_takes_as_long_as_the_work_and_no_longer_than_its_time() {
    let registry = registry();
    let ticket = registry.begin("a").unwrap();
    let id = ticket.id();
    let start = Instant::now();
    let work = tokio::spawn(async move {
        sleep(Duration::from_secs(45)).await;
        ticket.finish(Outcome::Ready(1))
    });
    assert_eq!(registry.wait(id, Duration::from_secs(30)).await, Status::Processing);
    assert_eq!(start.elapsed(), Duration::from_secs(30));
    assert_eq!(registry.registry().waiting(), 0, "a wait whose time is up is over");
    assert_eq!(registry.wait(id, Duration::MAX).await, Status::Ready(1));
    assert_eq!(start.elapsed(), Duration::from_secs(45));
    work.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_no_time_is_a_status() {
    let registry = registry();
    let ticket = registry.begin("a").unwrap();
    let start = Instant::now();
    assert_eq!(registry.wait(ticket.id(), Duration::ZERO).await, Status::Processing);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(registry.registry().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let registry = registry();
    let ticket = registry.begin("a").unwrap();
    let mut stays = task::spawn(registry.wait(ticket.id(), MINUTE));
    assert_pending!(stays.poll());
    for _ in 0..1000 {
        let mut goes = task::spawn(registry.wait(ticket.id(), MINUTE));
        assert_pending!(goes.poll());
        assert_eq!(registry.registry().waiting(), 2);
    }
    assert_eq!(registry.registry().waiting(), 1);
    ticket.finish(Outcome::Ready(1)).unwrap();
    assert!(stays.is_woken());
}

#[tokio::test(start_paused = true)]
async fn cancelled_work_is_told_as_lost() {
    let registry = registry();
    let (cancelled, panics) = (registry.begin("a").unwrap(), registry.begin("b").unwrap());
    let (first, second) = (cancelled.id(), panics.id());
    let work = tokio::spawn(async move {
        sleep(MINUTE).await;
        cancelled.finish(Outcome::Ready(1))
    });
    let broken = tokio::spawn(async move {
        let _ticket = panics;
        sleep(Duration::from_secs(1)).await;
        panic!("the file is broken");
    });
    let mut wait = task::spawn(registry.wait(first, MINUTE));
    assert_pending!(wait.poll());
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    assert!(wait.is_woken());
    assert_ready_eq!(wait.poll(), Status::Interrupted);
    assert_eq!(registry.wait(second, MINUTE).await, Status::Interrupted);
    assert!(broken.await.unwrap_err().is_panic());
}

/// Nobody has called for an hour when the work is lost: its age counts from that moment, not from the last call.
#[tokio::test(start_paused = true)]
async fn lost_work_is_kept_from_the_moment_at_which_it_is_lost() {
    let registry = registry();
    let ticket = registry.begin("a").unwrap();
    let id = ticket.id();
    advance(60 * MINUTE).await;
    drop(ticket);
    assert_eq!(registry.status(id), Status::Interrupted);
    advance(29 * MINUTE).await;
    assert_eq!(registry.status(id), Status::Interrupted);
    advance(MINUTE).await;
    assert_eq!(registry.status(id), Status::Expired(State::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn a_clear_ends_the_wait_and_makes_the_ticket_stale() {
    let registry = registry();
    let ticket = registry.begin("a").unwrap();
    let mut wait = task::spawn(registry.wait(ticket.id(), MINUTE));
    assert_pending!(wait.poll());
    assert!(registry.registry().clear(ticket.id()));
    assert!(wait.is_woken());
    assert_ready_eq!(wait.poll(), Status::Unknown);
    assert_eq!(ticket.finish(Outcome::Ready(1)), Err(StaleTicket));
}

/// Running uploads are given up after ten minutes: who waits is told then, sweep or no sweep.
#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_upload_is_given_up() {
    let lives = TimeToLive { processing_ns: Some(600_000_000_000), ..retention().time_to_live };
    let registry = AsyncRegistry::<_, u32>::new(Retention { time_to_live: lives, ..retention() });
    let ticket = registry.begin("a").unwrap();
    advance(Duration::from_secs(1)).await;
    let start = Instant::now();
    let told = registry.wait(ticket.id(), 60 * MINUTE).await;
    assert_eq!((told, start.elapsed()), (Status::Expired(State::Processing), Duration::from_secs(599)));
    assert_eq!(registry.wait(ticket.id(), MINUTE).await, Status::Expired(State::Processing));
    assert_eq!(ticket.finish(Outcome::Ready(1)), Err(StaleTicket));
}

/// Under time to idle the answer of a long poll is a read like any other.
#[tokio::test(start_paused = true)]
async fn the_answer_of_a_wait_renews_as_a_read_does() {
    let registry = AsyncRegistry::<_, u32>::new(retention().age(AgeBasis::LastAccess));
    let ticket = registry.begin("a").unwrap();
    let id = ticket.id();
    ticket.finish(Outcome::Ready(1)).unwrap();
    for _ in 0..5 {
        advance(29 * MINUTE).await;
        assert_eq!(registry.wait(id, MINUTE).await, Status::Ready(1));
    }
    advance(30 * MINUTE).await;
    assert_eq!(registry.wait(id, MINUTE).await, Status::Expired(State::Ready));
}

/// Woken futures may drop others that wait for the same upload: wakers are woken when no lock is held.
#[tokio::test(start_paused = true)]
async fn a_wake_up_may_use_the_registry() {
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Wake, Waker};

    struct Nosy(Registry, Mutex<Vec<usize>>);
    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0.registry().waiting());
        }
    }

    let registry = registry();
    let ticket = registry.begin("a").unwrap();
    let nosy = Arc::new(Nosy(registry.clone(), Mutex::default()));
    let waker = Waker::from(Arc::clone(&nosy));
    let mut wait = Box::pin(registry.wait(ticket.id(), MINUTE));
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    ticket.finish(Outcome::Ready(1)).unwrap();
    assert_eq!(*nosy.1.lock().unwrap(), [0]);
}
