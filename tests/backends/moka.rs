//! moka, by its own clock, and what its own times to live do.

use std::time::Duration;

use ::moka::sync::Cache;
use stillready::backend::moka::Moka;
use stillready::backend::{Backend, wall_clock_ns};
use stillready::registry::{Outcome, Retention, Status};

use crate::MINUTE_NS;

const LIFE: Duration = Duration::from_millis(100);

fn held(store: &Moka) -> usize {
    let mut held = 0;
    store.entries(&mut |_, _| held += 1).unwrap();
    held
}

/// S5, as it breaks with what moka's documentation shows first.
#[test]
fn a_plain_time_to_live_lets_a_running_upload_fall_due() {
    let plain: Cache<u64, Status<u32>> = Cache::builder().time_to_live(LIFE).build();
    let idle: Cache<u64, Status<u32>> = Cache::builder().time_to_idle(LIFE).build();
    let store = Moka::new(Retention::finished(LIFE).tombstone(None)).unwrap();
    let id = store.begin("menu.xlsx", 0).unwrap();
    plain.insert(id, Status::Processing);
    idle.insert(id, Status::Processing);
    std::thread::sleep(2 * LIFE);
    assert_eq!(plain.get(&id), None, "its client is told that there is no such upload");
    assert_eq!(idle.get(&id), None, "likewise, if it was away for a while");
    assert_eq!(store.read(id, MINUTE_NS).unwrap(), Status::Processing);
    assert!(store.finish(id, Outcome::Ready("7".to_owned()), MINUTE_NS).unwrap());
    assert_eq!(store.read(id, MINUTE_NS).unwrap(), Status::Ready("7".to_owned()));
}

/// The clock of the caller stands still here: that of moka alone gives the memory back, five seconds after its time.
#[test]
fn moka_gives_back_what_is_forgotten_by_its_own_clock_and_its_key() {
    let store = Moka::new(Retention::finished(LIFE).tombstone(Some(LIFE))).unwrap();
    let running = store.begin("menu.xlsx", 0).unwrap();
    let ended = store.begin("menu.xlsx", 0).unwrap();
    let start_ns = wall_clock_ns();
    assert!(store.finish(ended, Outcome::Failed("no".to_owned()), 0).unwrap());
    assert_eq!(held(&store), 2);
    crate::until("moka gives it back", || match store.read_key("menu.xlsx", 0).unwrap() {
        Status::Failed(why) => {
            assert_eq!(why, "no");
            false
        }
        status => {
            assert_eq!(status, Status::Unknown);
            true
        }
    });
    let after = Duration::from_nanos(wall_clock_ns() - start_ns);
    assert!(after >= 2 * LIFE + Duration::from_secs(5), "after {after:?}");
    assert_eq!(store.read(ended, 0).unwrap(), Status::Unknown);
    crate::until("it is not counted either", || held(&store) == 1);
    // The key does not name the earlier one again, which is there.
    assert_eq!(store.read_key("menu.xlsx", 0).unwrap(), Status::Unknown);
    assert_eq!(store.read(running, 0).unwrap(), Status::Processing);
}
