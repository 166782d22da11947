//! Which worker gets a request, and where it waits.

use stillready::engine::Engine;
use stillready::store::{Defects, Dict, Disk};
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

use crate::{PLAIN, Parts, facts};

/// Notes the workers of all begins and polls.
#[derive(Default)]
struct Workers(Vec<u16>);

impl Observer for Workers {
    fn observe(&mut self, _: SimTime, event: Event<'_>) {
        if let Event::Began { worker, .. } | Event::Read { worker, .. } = event {
            self.0.push(worker);
        }
    }
}

fn workers(parts: Parts<'_>) -> Vec<u16> {
    let scenario = parts.scenario();
    let policy = &scenario.policies[0];
    let retention = policy.retention;
    let new_store = move |_| Dict::new(retention, Defects::default(), Disk::default());
    let mut engine = Engine::new(&scenario, policy, 1, new_store, Workers::default());
    engine.run();
    engine.into_observer().0
}

const THREE: Parts<'_> = Parts {
    client: r#"interval = "3s"
               max_attempts = 5
               tolerate_not_found = 99"#,
    workload: r#"arrivals = { kind = "fixed", every = "1h" }
                 processing = "2h""#,
    ..PLAIN
};

#[test]
fn each_dispatch_chooses_as_it_says() {
    let with = |dispatch: &str| {
        let server = format!("workers = 3\ndispatch = \"{dispatch}\"");
        workers(Parts { server: &server, ..THREE })
    };
    assert_eq!(with("round-robin"), [0, 1, 2, 0, 1, 2]);
    assert_eq!(with("lowest-idle"), [0; 6]);
    let sticky = with("sticky");
    assert_eq!(sticky, [sticky[0]; 6]);
    assert!(with("uniform").iter().any(|&worker| worker != with("uniform")[0]));
}

#[test]
fn the_lowest_idle_worker_is_the_lowest_that_is_not_busy() {
    // Three uploads at one instant, each served for a second; all polls come later, one at a time.
    let parts = Parts {
        uploads: 3,
        workload: r#"arrivals = { kind = "burst", size = 3, every = "1h" }
                     processing = "2h""#,
        server: "workers = 3\ndispatch = \"lowest-idle\"\nservice = { upload = \"1s\" }",
        client: "interval = \"3s\"\nmax_attempts = 1",
        ..THREE
    };
    assert_eq!(workers(parts)[..3], [0, 1, 2]);
}

#[test]
fn a_sticky_client_waits_for_its_worker_while_others_pass() {
    // 300 uploads on three workers: nobody ever asks a worker that does not know.
    let server = "workers = 3\ndispatch = \"sticky\"\nservice = { upload = \"500ms\", read = \"200ms\" }";
    let workload = "arrivals = { kind = \"poisson\", rate = \"1/s\" }\nprocessing = \"10s\"";
    let client = "interval = \"3s\"";
    let tally = Parts { uploads: 300, server, workload, client, ..PLAIN }.run();
    assert_eq!(facts(&tally), [("succeeded", 300), ("saw_ready", 300)]);
    let uniform = server.replace("sticky", "uniform");
    let tally = Parts { uploads: 300, server: &uniform, workload, client, ..PLAIN }.run();
    assert!(tally.count(stillready::measure::Fact::EarlyNotFound) > 100);
}

#[test]
fn a_full_queue_refuses_the_next_request() {
    let rush = |limit: &str| {
        let server = format!("service = {{ upload = \"1s\" }}\n{limit}");
        let workload = r#"arrivals = { kind = "burst", size = 5, every = "1h" }
                          processing = "1s""#;
        facts(
            &Parts { uploads: 5, server: &server, workload, client: "interval = \"1m\"\nfirst_poll = \"1m\"", ..PLAIN }
                .run(),
        )
    };
    assert_eq!(rush(""), [("succeeded", 5), ("saw_ready", 5)]);
    assert_eq!(rush("queue_limit = 4"), [("succeeded", 5), ("saw_ready", 5)]);
    assert_eq!(rush("queue_limit = 1"), [("succeeded", 2), ("saw_ready", 2), ("fetch_gave_up", 3)]);
}
