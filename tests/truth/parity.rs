//! The same scenarios by real tokio tasks on the paused clock, against the same stores: exactly the engine's counts.
//!
//! Nothing of the engine is used here but the workload and its dice. All times are whole milliseconds, tokio's resolution, and
//! chosen so that no two tasks act at one instant.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use stillready::experiment;
use stillready::measure::{Fact, Tally};
use stillready::rng::{Die, PerAttempt, Source, below};
use stillready::scenario::{
    Address, Clear, Fault, FaultKind, Order, Policy, Scenario, Scope, StoreKind, Trigger, When,
};
use stillready::store::{Answer, Defects, Dict, Disk, End, PlainStore, RegistryStore, StatusStore};
use stillready::time::SimTime;
use stillready::trace::{Event, FetchFailure, Observer};
use stillready::workload::{Upload, Workload};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

use crate::parse;
use crate::site::Site;

/// What is counted, by the names of the reports' columns.
type Counts = BTreeMap<&'static str, u64>;

/// A web service made of tokio tasks.
struct Service<S: StatusStore> {
    start: Instant,
    scenario: Scenario,
    policy: Policy,
    stores: RefCell<Vec<Rc<S>>>,
    /// How often each worker was replaced: its work ends for nobody then.
    incarnations: RefCell<Vec<u32>>,
    site: Site,
    /// The names of the uploads that have arrived.
    arrived: RefCell<Vec<u32>>,
    new_store: Box<dyn Fn(u32) -> S>,
    /// Requests that waited when the site was reloaded.
    dropped: Cell<usize>,
    dice: PerAttempt,
    dispatch: PerAttempt,
    counts: RefCell<Counts>,
    succeeded: RefCell<BTreeMap<u32, bool>>,
}

impl<S: StatusStore + 'static> Service<S>
where
    S::Ticket: 'static,
    S::Id: 'static,
{
    fn now(&self) -> SimTime {
        SimTime::from_ns(self.start.elapsed().as_nanos() as u64)
    }

    fn count(&self, what: &'static str) {
        *self.counts.borrow_mut().entry(what).or_default() += 1;
    }

    fn store(&self, worker: u32) -> Rc<S> {
        let number = if self.policy.scope == Scope::Shared { 0 } else { worker as usize };
        Rc::clone(&self.stores.borrow()[number])
    }

    /// A new worker takes the place of one: it has a store of its own, and the works of the old one end for nobody.
    fn replace(&self, worker: u32) {
        let mut incarnations = self.incarnations.borrow_mut();
        incarnations[worker as usize] += 1;
        // No two stores share a number, or the ids of one would be those of another.
        let store = (self.new_store)(incarnations[worker as usize] * 1000 + worker);
        self.stores.borrow_mut()[worker as usize] = Rc::new(store);
    }

    /// The faults of the scenario, one after the other, at their moments.
    async fn fail(self: Rc<Self>) {
        let draws = PerAttempt::new(self.scenario.seed, Source::Fault);
        let workers = self.scenario.server.workers;
        let mut all: Vec<_> = (0..).zip(&self.scenario.faults).collect();
        all.sort_by_key(|(_, fault)| moment(fault));
        for (number, fault) in all {
            sleep_until(self.start + Duration::from_nanos(moment(fault))).await;
            let worker = below(draws.draw(number, 1), workers);
            match fault.what {
                FaultKind::Reload { .. } => {
                    let (dropped, idle) = self.site.reload();
                    self.dropped.set(self.dropped.get() + dropped);
                    idle.into_iter().for_each(|worker| self.replace(worker));
                }
                FaultKind::Clear(Clear::All) => self.store(worker).clear_all(self.now(), &mut Vec::new()),
                FaultKind::Clear(Clear::One) => {
                    // The name of one of the latest twenty.
                    let key = {
                        let arrived = self.arrived.borrow();
                        let back = below(draws.draw(number, 2), arrived.len().min(20) as u32) as usize;
                        arrived[arrived.len() - 1 - back]
                    };
                    self.store(worker).clear(key, self.now(), &mut Vec::new());
                }
                _ => panic!("the scenarios of the test reload and clear"),
            }
        }
    }

    /// Waits for a worker.
    async fn enter(&self, upload: u32, attempt: u64) -> Option<u32> {
        self.site.enter(self.dispatch.draw(u64::from(upload), attempt)).await
    }

    /// A worker is through with a request.
    fn leave(&self, worker: u32) {
        if self.site.leave(worker) {
            self.replace(worker);
        }
        self.site.call_next();
    }

    fn sweep(&self, worker: u32) {
        let mut gone = Vec::new();
        self.count("sweeps");
        self.store(worker).sweep(self.now(), &mut gone);
        *self.counts.borrow_mut().entry("entries_removed").or_default() += gone.len() as u64;
    }

    async fn spend(&self, ns: u64) {
        if ns > 0 {
            sleep(Duration::from_nanos(ns)).await;
        }
    }

    /// POST /upload, and the work behind it. `None` if it is dropped.
    async fn upload(self: &Rc<Self>, upload: Upload) -> Option<S::Id> {
        let worker = self.enter(upload.number, u64::MAX).await?;
        let begun = self.store(worker).begin(upload.key, upload.number, self.now(), &mut Vec::new());
        let Ok((ticket, id)) = begun else { panic!("no store of the test is ever full") };
        let service = Rc::clone(self);
        let incarnation = self.incarnations.borrow()[worker as usize];
        spawn_local(async move {
            sleep(Duration::from_nanos(upload.processing_ns)).await;
            if service.incarnations.borrow()[worker as usize] != incarnation {
                return service.count("interrupted");
            }
            let end = if upload.fails { End::Error } else { End::Ready };
            service.store(worker).finish(ticket, end, service.now());
            service.succeeded.borrow_mut().insert(upload.number, !upload.fails);
            service.count(if upload.fails { "failed" } else { "succeeded" });
        });
        self.spend(upload.transfer_ns).await;
        self.leave(worker);
        Some(id)
    }

    /// GET /status: the steps of the handler. `None` if it is dropped.
    async fn poll(&self, upload: &Upload, id: S::Id, attempt: u32) -> Option<Answer> {
        let worker = self.enter(upload.number, u64::from(attempt)).await?;
        let service = &self.scenario.server.service;
        let Trigger::Chance(chance) = self.policy.trigger else { panic!("the policies of the test roll a die") };
        let draw = self.dice.draw(u64::from(upload.number), u64::from(attempt));
        let sweeps = Die::new(chance.get()).says_yes(draw);
        let sweep_first = self.policy.order == Order::SweepFirst;
        if sweeps && sweep_first {
            self.sweep(worker);
            self.spend(service.sweep_ns).await;
        }
        let store = self.store(worker);
        let answer = match self.policy.address {
            Address::Id => store.read(id, self.now()),
            Address::Key => store.read_key(upload.key, self.now()),
        };
        self.count("polls");
        let succeeded = self.succeeded.borrow().get(&upload.number).copied();
        if answer == Answer::NotFound && succeeded == Some(true) {
            self.count("polls_falsely_not_found");
        }
        self.spend(service.read_ns).await;
        if sweeps && !sweep_first {
            self.sweep(worker);
            self.spend(service.sweep_ns).await;
        }
        self.leave(worker);
        Some(answer)
    }

    /// The browser.
    async fn client(self: Rc<Self>, upload: Upload) {
        sleep_until(self.start + Duration::from_nanos(upload.at.as_ns())).await;
        self.arrived.borrow_mut().push(upload.key);
        let Some(id) = self.upload(upload).await else { return self.count("fetch_gave_up") };
        let spec = &self.scenario.client;
        self.spend(upload.away_ns.unwrap_or(spec.first_poll_ns)).await;
        let (mut attempt, mut failed) = (0, 0);
        while attempt < spec.max_attempts {
            match self.poll(&upload, id, attempt).await {
                // It is no attempt.
                None if failed + 1 == spec.max_fetch_errors => return self.count("fetch_gave_up"),
                None => failed += 1,
                Some(Answer::Ready { .. }) => return self.count("saw_ready"),
                Some(Answer::Error | Answer::Interrupted) => return self.count("saw_error"),
                Some(Answer::Expired(_)) => return self.count("saw_expired"),
                Some(Answer::NotFound) if attempt >= spec.tolerate_not_found => return self.count("gave_up"),
                Some(Answer::NotFound | Answer::Processing) => (attempt, failed) = (attempt + 1, 0),
            }
            self.spend(spec.interval_ns).await;
        }
        self.count("timed_out");
    }
}

/// Runs a policy by tokio tasks, and counts.
async fn by_tasks<S>(scenario: &Scenario, policy: &Policy, new_store: impl Fn(u32) -> S + 'static) -> Counts
where
    S: StatusStore + 'static,
{
    let stores = if policy.scope == Scope::Shared { 1 } else { scenario.server.workers };
    let service = Rc::new(Service {
        start: Instant::now(),
        scenario: scenario.clone(),
        policy: policy.clone(),
        stores: RefCell::new((0..stores).map(|number| Rc::new(new_store(number))).collect()),
        incarnations: RefCell::new(vec![0; scenario.server.workers as usize]),
        site: Site::new(scenario.server.workers, scenario.server.threads),
        arrived: RefCell::default(),
        new_store: Box::new(new_store),
        dropped: Cell::new(0),
        dice: PerAttempt::new(scenario.seed, Source::Sweep),
        dispatch: PerAttempt::new(scenario.seed, Source::Dispatch),
        counts: RefCell::default(),
        succeeded: RefCell::default(),
    });
    let tasks = LocalSet::new();
    for upload in Workload::new(scenario, scenario.seed) {
        tasks.spawn_local(Rc::clone(&service).client(upload));
    }
    tasks.spawn_local(Rc::clone(&service).fail());
    // Waits for the works behind the uploads, too.
    tasks.await;
    let mut counts = service.counts.take();
    counts.insert("dropped", service.dropped.get() as u64);
    counts.retain(|_, count| *count > 0);
    counts
}

/// When a fault of the test happens, in nanoseconds.
fn moment(fault: &Fault) -> u64 {
    match &fault.when {
        When::At(moments) if moments.len() == 1 => moments[0],
        _ => panic!("the faults of the test happen once"),
    }
}

/// Counts what no tally does.
#[derive(Default)]
struct Seen {
    /// Fetches that a reload made fail.
    dropped: u64,
    succeeded: BTreeSet<u32>,
    falsely_not_found: u64,
}

impl Observer for Seen {
    fn observe(&mut self, _: SimTime, event: Event<'_>) {
        match event {
            Event::FetchFailed { why: FetchFailure::Refused, .. } => self.dropped += 1,
            Event::Finished { upload, end: End::Ready, .. } => drop(self.succeeded.insert(upload)),
            Event::Read { upload, answer: Answer::NotFound, .. } => {
                self.falsely_not_found += u64::from(self.succeeded.contains(&upload));
            }
            _ => {}
        }
    }
}

/// The same counts by the engine.
fn by_engine(scenario: &Scenario, policy: usize) -> Counts {
    let observer = (Tally::default(), Seen::default());
    let (tally, seen) = experiment::observe(scenario, &scenario.policies[policy], scenario.seed, observer);
    let mut counts: Counts = [
        Fact::Succeeded,
        Fact::Failed,
        Fact::Interrupted,
        Fact::SawReady,
        Fact::SawError,
        Fact::SawExpired,
        Fact::TimedOut,
        Fact::FetchGaveUp,
    ]
    .map(|fact| (fact.name(), tally.count(fact)))
    .into();
    counts.extend([("polls", tally.polls), ("sweeps", tally.sweeps), ("entries_removed", tally.entries_removed)]);
    let told = ["saw_ready", "saw_error", "saw_expired", "timed_out", "fetch_gave_up"]
        .map(|name| counts[name])
        .iter()
        .sum::<u64>();
    counts.extend([("gave_up", tally.uploads() - told), ("dropped", seen.dropped)]);
    counts.insert("polls_falsely_not_found", seen.falsely_not_found);
    counts.retain(|_, count| *count > 0);
    counts
}

const LATE: &str = r#"
    schema_version = 1
    uploads = 700
    [workload]
    arrivals = { kind = "fixed", every = "4s 1ms" }
    processing = { kind = "empirical", values = ["1s 111ms", "8s 13ms", "31s 317ms"] }
    failure = 0.1
    [client]
    interval = "3s"
    tolerate_not_found = 0
    away = { chance = 0.3, time = { kind = "empirical", values = ["29m 7ms", "31m 19ms", "47m 37ms"] } }
    [[policy]]
    name = "30m/10%"
    time_to_live = "30m"
    expiry = "physical"
    sweep = { trigger = "chance", chance = 0.1 }
    [[policy]]
    name = "60m/5%"
    store = "dict"
    time_to_live = "45m"
    expiry = "physical"
    sweep = { trigger = "chance", chance = 0.05 }
    [[policy]]
    name = "logical"
    time_to_live = "30m"
    expiry = "logical"
    tombstone = "10m"
    order = "read-first"
    sweep = { trigger = "chance", chance = 0.1 }
"#;

async fn assert_parity(text: &str) {
    let scenario = parse(text);
    for (number, policy) in scenario.policies.iter().enumerate() {
        let retention = policy.retention;
        let tasks = match policy.store {
            StoreKind::Registry => {
                by_tasks(&scenario, policy, move |number| RegistryStore::new(retention, number)).await
            }
            StoreKind::Dict => {
                by_tasks(&scenario, policy, move |_| Dict::new(retention, Defects::default(), Disk::default())).await
            }
        };
        assert_eq!(tasks, by_engine(&scenario, number), "policy {}", policy.name);
        assert!(tasks["polls"] > 700);
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_and_engine_agree_on_late_clients() {
    assert_parity(LATE).await;
}

#[tokio::test(start_paused = true)]
async fn tasks_and_engine_agree_on_a_queue_and_service_times() {
    // Uploads come in bursts of three to one worker of two threads; each step takes its time.
    let text =
        LATE.replace(r#"kind = "fixed", every = "4s 1ms""#, r#"kind = "burst", size = 3, every = "10s 1ms""#).replace(
            "[client]",
            "[server]\nthreads = 2\nservice = { upload = \"211ms\", sweep = \"53ms\", read = \"17ms\" }\n[client]",
        );
    assert_parity(&text).await;
    // The same where only some steps take time, so that one release lets several go on.
    assert_parity(
        &text.replace("sweep = \"53ms\", read = \"17ms\"", "sweep = \"653ms\"").replace("threads = 2", "threads = 1"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn tasks_and_engine_agree_on_several_workers() {
    let text = LATE.replace("[client]", "[server]\nworkers = 3\n[client]");
    assert_parity(&text).await;
    let shared = text.replace("time_to_live", "scope = \"shared\"\ntime_to_live");
    assert_parity(&shared).await;
}

#[tokio::test(start_paused = true)]
async fn tasks_and_engine_agree_on_reloads_and_clears() {
    let all = "what = \"all\"";
    let faults = faults(&[
        ("1m 3ms", "reload", ""),
        ("7m 3ms", "clear", all),
        ("20m 3ms", "clear", all),
        ("33m 3ms", "reload", ""),
    ]);
    let text = LATE.replace("[client]", &format!("{faults}[client]"));
    assert_parity(&text).await;
    assert_parity(&text.replace("[client]", "[server]\nworkers = 3\n[client]")).await;
    let counts = by_engine(&parse(&text), 0);
    assert!(counts["interrupted"] > 3 && counts["polls_falsely_not_found"] > 10, "{counts:?}");
}

/// Two or three workers that are busy three quarters of the time, mostly with uploads that take long, so that polls wait for them.
fn crowded(workers: u32) -> String {
    let upload = if workers == 2 { "6s 13ms" } else { "9s 13ms" };
    LATE.replace("tolerate_not_found = 0", "tolerate_not_found = 5").replace(
        "[client]",
        &format!(
            "[server]\nworkers = {workers}\nservice = {{ upload = \"{upload}\", sweep = \"253ms\", read = \"117ms\" }}\n[client]"
        ),
    )
}

#[tokio::test(start_paused = true)]
async fn tasks_and_engine_agree_on_several_workers_that_take_their_time() {
    for workers in [2, 3] {
        let text = crowded(workers);
        assert_parity(&text).await;
        assert_parity(&text.replace("time_to_live", "scope = \"shared\"\ntime_to_live")).await;
    }
}

/// The faults of a scenario, each at a moment.
fn faults(faults: &[(&str, &str, &str)]) -> String {
    let fault =
        |(at, kind, more): &(&str, &str, &str)| format!("[[fault]]\nkind = \"{kind}\"\nat = [\"{at} 7us\"]\n{more}\n");
    faults.iter().map(fault).collect()
}

#[tokio::test(start_paused = true)]
async fn tasks_and_engine_agree_on_a_reload_while_requests_wait() {
    // At all phases of the arrivals, which come every 4 s.
    let moments = (1..30).map(|number| format!("{}s 3ms", 53 * number)).collect::<Vec<_>>();
    let reloads = faults(&moments.iter().map(|at| (at.as_str(), "reload", "")).collect::<Vec<_>>());
    let text = crowded(2).replace("[client]", &format!("{reloads}[client]"));
    assert_parity(&text).await;
    let counts = by_engine(&parse(&text), 0);
    assert!(counts["dropped"] > 5 && counts["interrupted"] > 3, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn tasks_and_engine_agree_on_clears_of_one_name() {
    let moments = (1..40).map(|minute| format!("{minute}m 3ms")).collect::<Vec<_>>();
    let clears: Vec<_> = moments.iter().map(|at| (at.as_str(), "clear", "what = \"one\"")).collect();
    for text in [LATE.to_owned(), crowded(2)] {
        let text = text.replace("[client]", &format!("{}[client]", faults(&clears)));
        assert_parity(&text).await;
        let (with, without) = (by_engine(&parse(&text), 1), by_engine(&parse(LATE), 1));
        assert!(with["polls_falsely_not_found"] > without["polls_falsely_not_found"], "{with:?}");
    }
}

/// By hand: two handlers as futures, each polled when the test says so. The second client's sweep runs between the first one's
/// sweep and its read, as it does between two steps of the engine where a step takes time.
#[test]
fn steps_of_two_handlers_can_be_polled_by_hand() {
    let scenario = parse(LATE);
    let store = Dict::new(scenario.policies[0].retention, Defects::default(), Disk::default());
    let at = |seconds: u64| SimTime::from_ns(seconds * 1_000_000_000);
    let Ok((ticket, id)) = store.begin(1, 1, at(0), &mut Vec::new()) else { panic!("it is never full") };
    store.finish(ticket, End::Ready, at(0));
    let handler = |sweeps: bool| {
        let store = &store;
        tokio_test::task::spawn(async move {
            if sweeps {
                store.sweep(at(1800), &mut Vec::new());
            }
            tokio::task::yield_now().await;
            store.read(id, at(1800))
        })
    };
    let (mut lucky, mut first, mut second) = (handler(false), handler(false), handler(true));
    assert!(lucky.poll().is_pending());
    assert_eq!(tokio_test::assert_ready!(lucky.poll()), Answer::Ready { upload: 1 });
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    assert_eq!(tokio_test::assert_ready!(first.poll()), Answer::NotFound);
    assert_eq!(tokio_test::assert_ready!(second.poll()), Answer::NotFound);
}
