//! The registry among tokio's tasks, on tokio's paused clock: `now` is an argument, so virtual time is as good as real time, and
//! half an hour takes no time at all.

use std::time::Duration;

use stillready::registry::{Outcome, Registry, Retention, State, Status, Swept};
use tokio::time::{Instant, advance, sleep, sleep_until};

const LIFE: Duration = Duration::from_secs(1800);

/// Tokio's clock since the start of a test, in nanoseconds.
fn nanoseconds_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).expect("no test takes 584 years")
}

#[tokio::test(start_paused = true)]
async fn tasks_on_tokios_paused_clock_poll_until_they_are_told() {
    let start = Instant::now();
    let registry = Registry::<&str, ()>::new(Retention::finished(LIFE));
    let ticket = registry.begin("menu.xlsx", nanoseconds_since(start)).expect("there is no capacity");
    let id = ticket.id();
    let worker = tokio::spawn(async move {
        sleep(Duration::from_secs(10)).await;
        ticket.finish(Outcome::Ready(()), nanoseconds_since(start))
    });
    let mut polls = 1;
    while registry.read(id, nanoseconds_since(start)) == Status::Processing {
        sleep(Duration::from_secs(3)).await;
        polls += 1;
    }
    assert_eq!((polls, start.elapsed()), (5, Duration::from_secs(12)));
    worker.await.expect("the worker did not panic").expect("its ticket was fresh");
    sleep(Duration::from_secs(1798)).await;
    assert_eq!(registry.read(id, nanoseconds_since(start)), Status::Expired(State::Ready));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_by_tokios_clock_is_exact_to_the_nanosecond() {
    let start = Instant::now();
    let registry = Registry::<&str, u8>::new(Retention::finished(LIFE));
    let ticket = registry.begin("menu.xlsx", 0).expect("there is no capacity");
    let id = ticket.id();
    advance(Duration::from_secs(60)).await;
    ticket.finish(Outcome::Failed(3), nanoseconds_since(start)).expect("it was running");
    advance(LIFE - Duration::from_nanos(1)).await;
    assert_eq!(registry.read(id, nanoseconds_since(start)), Status::Failed(3));
    assert_eq!(registry.sweep(nanoseconds_since(start)), Swept::default());
    advance(Duration::from_nanos(1)).await;
    assert_eq!(registry.read(id, nanoseconds_since(start)), Status::Expired(State::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_sleeps_until_the_next_deadline_sweeps_when_there_is_something_to_sweep() {
    let start = Instant::now();
    let registry = Registry::<u64, ()>::new(Retention::finished(LIFE).tombstone(Some(LIFE)));
    for upload in 0..5 {
        sleep(Duration::from_secs(60)).await;
        let now = nanoseconds_since(start);
        registry
            .begin(upload, now)
            .expect("there is no capacity")
            .finish(Outcome::Ready(()), now)
            .expect("it was running");
    }
    let sweeper = tokio::spawn(async move {
        let mut sweeps = Vec::new();
        while let Some(due) = registry.next_due() {
            sleep_until(start + Duration::from_nanos(due)).await;
            sweeps.push(registry.sweep(nanoseconds_since(start)).taken());
        }
        (sweeps, registry.counts().total())
    });
    // Each upload is taken once when its time is over, and once when its tombstone's is; no sweep comes for nothing, none late.
    // Tokio's timer ticks in milliseconds, and these deadlines fall on its ticks.
    let (sweeps, left) = sweeper.await.expect("the sweeper did not panic");
    assert_eq!((sweeps, left), (vec![1; 10], 0));
    assert_eq!(start.elapsed(), Duration::from_secs(300) + LIFE + LIFE);
}

#[tokio::test(start_paused = true)]
async fn an_aborted_task_leaves_interrupted() {
    let start = Instant::now();
    let registry = Registry::<&str, ()>::new(Retention::default());
    let ticket = registry.begin("menu.xlsx", 0).expect("there is no capacity");
    let id = ticket.id();
    let worker = tokio::spawn(async move {
        sleep(Duration::from_secs(3600)).await;
        ticket.finish(Outcome::Ready(()), nanoseconds_since(start))
    });
    sleep(Duration::from_secs(5)).await;
    assert_eq!(registry.read(id, nanoseconds_since(start)), Status::Processing);
    worker.abort();
    assert!(worker.await.expect_err("it was aborted").is_cancelled());
    assert_eq!(registry.read(id, nanoseconds_since(start)), Status::Interrupted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_on_several_threads_each_find_their_own_result() {
    let registry = Registry::<u32, u32>::new(Retention::default());
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let registry = registry.clone();
            tokio::spawn(async move {
                // Ten tasks to a name.
                let ticket = registry.begin(number / 10, 0).expect("there is no capacity");
                let id = ticket.id();
                tokio::task::yield_now().await;
                ticket.finish(Outcome::Ready(number), 1).expect("it was running");
                tokio::task::yield_now().await;
                (number, registry.read(id, 2))
            })
        })
        .collect();
    for task in tasks {
        let (number, status) = task.await.expect("the task did not panic");
        assert_eq!(status, Status::Ready(number));
    }
}

#[test]
fn a_task_that_is_dropped_half_way_leaves_interrupted() {
    let registry = Registry::<&str, ()>::new(Retention::default());
    let ticket = registry.begin("menu.xlsx", 0).expect("there is no capacity");
    let id = ticket.id();
    let mut work = tokio_test::task::spawn(async move {
        std::future::pending::<()>().await;
        ticket.finish(Outcome::Ready(()), 1)
    });
    assert!(work.poll().is_pending());
    assert_eq!(registry.read(id, 1), Status::Processing);
    drop(work);
    assert_eq!(registry.read(id, 1), Status::Interrupted);
}

#[test]
fn work_that_is_polled_by_hand_is_processing_between_its_polls_and_ready_after_the_last() {
    let registry = Registry::<&str, &str>::new(Retention::default());
    let ticket = registry.begin("menu.xlsx", 0).expect("there is no capacity");
    let id = ticket.id();
    let (send, receive) = tokio::sync::oneshot::channel();
    let mut work = tokio_test::task::spawn(async move {
        let result = receive.await.expect("the result is sent");
        ticket.finish(Outcome::Ready(result), 1)
    });
    assert!(work.poll().is_pending());
    assert_eq!(registry.read(id, 1), Status::Processing);
    send.send("/results/7").expect("the work waits");
    assert!(work.is_woken());
    // The result is there, and nobody has polled the work: it is still going on.
    assert_eq!(registry.read(id, 1), Status::Processing);
    assert_eq!(work.poll(), std::task::Poll::Ready(Ok(())));
    assert_eq!(registry.read(id, 1), Status::Ready("/results/7"));
}
