//! The janitor.

use std::time::Duration;

use stillready::async_registry::Rounds;
use stillready::registry::{Outcome, Swept};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::{MINUTE, Registry, registry};

/// So many uploads that have ended.
fn fill(registry: &Registry, uploads: u32) {
    for upload in 0..uploads {
        registry.begin("a").unwrap().finish(Outcome::Ready(upload)).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_janitor_gives_back_what_is_due_in_rounds() {
    let registry = registry();
    fill(&registry, 1000);
    let janitor = registry.janitor(Rounds::every(MINUTE).jitter(Duration::ZERO));
    sleep(30 * MINUTE - Duration::from_secs(1)).await;
    assert_eq!(registry.registry().counts().ready, 1000);
    sleep(MINUTE).await;
    assert_eq!(registry.registry().counts().tombstones, 1000);
    sleep(11 * MINUTE).await;
    assert_eq!(registry.registry().counts().total(), 0);
    assert_eq!(janitor.shutdown().await, Swept { expired: 1000, forgotten: 1000, freed: 1000, more: false });
}

/// Between two steps other tasks run, and a shutdown is heard.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_a_step_and_not_for_the_round() {
    let registry = registry();
    fill(&registry, 1000);
    let janitor = registry.janitor(Rounds::every(60 * MINUTE).jitter(Duration::ZERO).step(10));
    sleep(60 * MINUTE).await;
    // The round begins, and lets this task run between its steps.
    while registry.registry().counts().ready == 1000 {
        yield_now().await;
    }
    let swept = janitor.shutdown().await;
    assert!((10..500).contains(&swept.expired), "{swept:?}");
    assert_eq!(registry.registry().counts().ready, 1000 - swept.expired);
    // It is gone.
    sleep(120 * MINUTE).await;
    assert_eq!(registry.registry().counts().ready, 1000 - swept.expired);
}

#[tokio::test(start_paused = true)]
async fn a_janitor_that_is_dropped_stops() {
    let registry = registry();
    fill(&registry, 10);
    drop(registry.janitor(Rounds::every(MINUTE)));
    sleep(120 * MINUTE).await;
    assert_eq!(registry.registry().counts().ready, 10);
}

/// Each pause is drawn anew, within its bounds.
#[tokio::test(start_paused = true)]
async fn rounds_come_earlier_and_later() {
    let registry = registry();
    let rounds = Rounds::every(10 * MINUTE).jitter(5 * MINUTE);
    let mut pauses = Vec::new();
    for _ in 0..40 {
        fill(&registry, 1);
        sleep(30 * MINUTE).await;
        let janitor = registry.janitor(rounds);
        let start = Instant::now();
        while registry.registry().counts().ready > 0 {
            sleep(Duration::from_secs(1)).await;
        }
        pauses.push(start.elapsed());
        janitor.shutdown().await;
    }
    let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
    assert!(*least >= 5 * MINUTE && *most <= 15 * MINUTE + Duration::from_secs(1), "{least:?} to {most:?}");
    assert!(*most - *least > 4 * MINUTE, "{least:?} to {most:?}");
}

#[tokio::test(start_paused = true)]
async fn a_jitter_above_the_period_and_no_period_at_all_leave_room_for_others() {
    let registry = registry();
    drop(registry.janitor(Rounds::every(Duration::MAX).jitter(Duration::MAX)));
    for rounds in [Rounds::every(Duration::ZERO), Rounds::every(MINUTE).jitter(Duration::MAX).step(0)] {
        fill(&registry, 10);
        let janitor = registry.janitor(rounds);
        sleep(45 * MINUTE).await;
        assert_eq!(registry.registry().counts().total(), 0);
        janitor.shutdown().await;
    }
}

/// A janitor whose sweep drops a value that panics goes on, and tells whoever shuts it down.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_sweep_ends_no_other_and_is_told_at_the_shutdown() {
    struct Detail(bool);
    impl Drop for Detail {
        fn drop(&mut self) {
            assert!(self.0, "a bad detail");
        }
    }
    let registry = stillready::async_registry::AsyncRegistry::<u32, Detail>::new(crate::retention());
    for upload in 0..10 {
        registry.begin(upload).unwrap().finish(Outcome::Ready(Detail(upload != 4))).unwrap();
    }
    let janitor = registry.janitor(Rounds::every(MINUTE));
    sleep(60 * MINUTE).await;
    assert_eq!(registry.registry().counts().total(), 0);
    let told = tokio::spawn(janitor.shutdown()).await.unwrap_err();
    assert!(told.is_panic());
}
