//! What goes wrong: workers that are replaced, clears, clocks, outages; and work that advances only now and then.

use super::server::Serial;
use super::stores::Change;
use super::{Full, Pending};
use crate::engine::Place;
use crate::rng::{PerAttempt, Source, below};
use crate::scenario::{Background, Clear, Fault, FaultKind, When};
use crate::store::StatusStore;
use crate::time::SimTime;
use crate::trace::{Ending, Event, FetchFailure, Observer};
use crate::workload::exponential_ns;

/// From how many of the latest uploads a clear chooses.
const RECENT: u32 = 20;

/// The faults of a scenario, and how often each has happened.
pub(super) struct Faults {
    faults: Vec<(Fault, u32)>,
    draws: PerAttempt,
    /// The names of the latest uploads, by number.
    recent: [u32; RECENT as usize],
}

impl Faults {
    pub(super) fn new(faults: &[Fault], seed: u64) -> Self {
        Faults {
            faults: faults.iter().map(|fault| (fault.clone(), 0)).collect(),
            draws: PerAttempt::new(seed, Source::Fault),
            recent: [0; RECENT as usize],
        }
    }

    pub(super) fn count(&self) -> u16 {
        self.faults.len() as u16
    }

    /// Notes the name of an upload.
    #[inline(always)]
    pub(super) fn note_arrival(&mut self, upload: u32, key: u32) {
        if !self.faults.is_empty() {
            self.recent[(upload % RECENT) as usize] = key;
        }
    }

    /// When a fault happens next, its latest time having been `at`.
    pub(super) fn next(&self, fault: u16, at: SimTime) -> Option<SimTime> {
        let (Fault { when, .. }, times) = &self.faults[usize::from(fault)];
        match when {
            When::At(moments_ns) => moments_ns.get(*times as usize).map(|&ns| SimTime::from_ns(ns)),
            When::Every(gap_ns) => Some(at.after(*gap_ns)),
            When::Rate(mean_gap_ns) => Some(at.after(exponential_ns(*mean_gap_ns, self.draw(fault, 0)))),
        }
    }

    /// The draw of a fault's next time, for one of several purposes.
    fn draw(&self, fault: u16, purpose: u64) -> u64 {
        let (_, times) = self.faults[usize::from(fault)];
        self.draws.draw(u64::from(fault), u64::from(times) << 8 | purpose)
    }

    /// The worker that a fault meets.
    fn worker(&self, fault: u16, given: Option<u32>, workers: u16) -> u16 {
        given.map_or_else(|| below(self.draw(fault, 1), u32::from(workers)) as u16, |worker| worker as u16)
    }

    /// The name of one of the latest uploads.
    fn recent_key(&self, fault: u16, arrived: u32) -> Option<u32> {
        let back = below(self.draw(fault, 2), arrived.min(RECENT));
        let upload = arrived.checked_sub(1 + back)?;
        Some(self.recent[(upload % RECENT) as usize])
    }
}

impl<S: StatusStore, O: Observer> Full<S, O> {
    pub(super) fn schedule_fault(&mut self, fault: u16, at: SimTime) {
        if let Some(next) = self.faults.next(fault, at) {
            self.bystanders += 1;
            self.pending.schedule(next, Pending::Fault { fault });
        }
    }

    /// A fault happens.
    pub(super) fn fault(&mut self, at: SimTime, fault: u16) {
        self.bystanders -= 1;
        let kind = self.faults.faults[usize::from(fault)].0.what;
        match kind {
            FaultKind::Reload { window_ns } => self.reload(at, window_ns),
            FaultKind::Kill { worker } => {
                let worker = self.faults.worker(fault, worker, self.server.workers());
                self.replace_worker(at, worker);
                self.serve_waiting(at);
            }
            FaultKind::Clear(clear) => self.clear(at, fault, clear),
            FaultKind::ClockStep { worker, step_ns } => {
                let workers = self.server.workers();
                for worker in worker.map_or(0..workers, |worker| worker as u16..worker as u16 + 1) {
                    self.stores.step_clock(worker, workers, step_ns);
                }
            }
            FaultKind::StoreDown { for_ns } => self.down_until = self.down_until.max(at.after(for_ns)),
        }
        self.faults.faults[usize::from(fault)].1 += 1;
        self.schedule_fault(fault, at);
    }

    /// The site is reloaded: what waits is dropped, what is being served is finished, and each worker is replaced when it has
    /// nothing more to serve. A worker that hangs is killed.
    fn reload(&mut self, at: SimTime, window_ns: u64) {
        self.observer.observe(at, Event::Reloaded { window_ns });
        for request in self.server.close(at.after(window_ns)) {
            self.fetch_failed(at, request, FetchFailure::Refused);
            self.let_go(at, request);
        }
        for worker in 0..self.server.workers() {
            let is_through = self.server.drain(worker);
            if is_through || self.stores.is_stuck(self.stores.number(worker)) {
                self.replace_worker(at, worker);
            }
        }
    }

    /// Somebody uses the endpoint that clears, at some worker.
    fn clear(&mut self, at: SimTime, fault: u16, clear: Clear) {
        let worker = self.faults.worker(fault, None, self.server.workers());
        let store = self.stores.number(worker);
        let Some(key) = self.faults.recent_key(fault, self.arrived) else { return };
        if at < self.down_until || self.stores.is_stuck(store) {
            return;
        }
        let Change { held, gone, overdue_elsewhere, .. } = self.stores.clear(worker, clear, key, at);
        self.observer.observe(at, Event::Cleared { store, clear, key, held, gone, overdue_elsewhere });
        self.store_changed(at, worker);
    }

    /// A request took too long: its worker is killed.
    pub(super) fn request_limit(&mut self, at: SimTime, worker: u16, serial: Serial) {
        if self.server.serving(worker, serial).is_some() {
            self.replace_worker(at, worker);
            self.serve_waiting(at);
        }
    }

    /// A new worker takes the place of one: its requests fail, its work and its memory are gone.
    #[cold]
    pub(super) fn replace_worker(&mut self, at: SimTime, worker: u16) {
        if self.background != Background::External {
            self.lose_works(at, worker);
        }
        let store = self.stores.number(worker);
        if let Some(Change { held, gone, overdue_elsewhere, .. }) = self.stores.restart(worker, at) {
            let held = Some(held);
            self.observer.observe(at, Event::Replaced { worker, store, held, gone, overdue_elsewhere });
        } else {
            let (held, gone, overdue_elsewhere) = (None, &[][..], 0);
            self.observer.observe(at, Event::Replaced { worker, store, held, gone, overdue_elsewhere });
        }
        let at_once = self.restart_ns == 0;
        let failed = self.server.replace(at, worker, at_once);
        if !at_once {
            self.bystanders += 1;
            self.pending.schedule(at.after(self.restart_ns), Pending::Welcome { worker });
        }
        for request in failed {
            self.fetch_failed(at, request, FetchFailure::Killed);
            self.let_go(at, request);
        }
    }

    /// A worker that was away is there.
    pub(super) fn welcome(&mut self, at: SimTime, worker: u16) {
        self.bystanders -= 1;
        self.server.welcome(worker);
        self.serve_waiting(at);
    }

    /// The works that run in a worker are lost with it.
    fn lose_works(&mut self, at: SimTime, worker: u16) {
        if let Some(works) = self.works_of.get_mut(usize::from(worker)) {
            works.clear();
        }
        for place in self.lives.places() {
            let life = self.lives.get(place);
            let upload = life.upload.number;
            let mut lost = 0;
            for (_, work) in life.works().filter(|(_, work)| work.is_running && work.worker == worker) {
                work.is_running = false;
                // A store that outlives the worker learns of it, if it can.
                work.ticket = None;
                lost += 1;
            }
            for _ in 0..lost {
                self.lives.end_work(place, at, None);
                self.observer.observe(at, Event::Lost { upload, worker });
            }
            if lost > 0 {
                self.close(at, place);
            }
        }
    }

    // ---- work that advances only while its worker serves a request

    /// A work begins that advances so.
    pub(super) fn enlist_work(&mut self, at: SimTime, worker: u16, place: Place, work: u8) {
        let workers = usize::from(self.server.workers());
        self.works_of.resize(workers, Vec::new());
        self.works_of[usize::from(worker)].push((place, self.lives.poller(place).upload, work));
        if self.server.is_serving(worker) {
            self.set_work(at, place, work);
        }
    }

    /// A work advances from now on.
    fn set_work(&mut self, at: SimTime, place: Place, number: u8) {
        let life = self.lives.get(place);
        let upload = life.upload.number;
        let Some(work) = life.work(number) else { return };
        let due = at.after(work.left_ns);
        work.due = Some(due);
        self.pending.schedule_soon(due, Pending::Processed { life: place, upload, work: number });
        if self.published_early > 0.0 {
            self.schedule_publication(at, place, upload, number);
        }
    }

    /// The running works of a worker; those that have ended are forgotten.
    fn running_works(&mut self, worker: u16) -> Vec<(Place, u8)> {
        let Some(works) = self.works_of.get_mut(usize::from(worker)) else { return Vec::new() };
        let lives = &mut self.lives;
        works.retain(|&(place, upload, number)| {
            lives.is_of(place, upload) && lives.get(place).work(number).is_some_and(|work| work.is_running)
        });
        works.iter().map(|&(place, _, number)| (place, number)).collect()
    }

    /// A worker begins to serve: its works advance.
    pub(super) fn advance_works(&mut self, at: SimTime, worker: u16) {
        for (place, work) in self.running_works(worker) {
            self.set_work(at, place, work);
        }
    }

    /// A worker serves nobody any more: its works stand still.
    pub(super) fn pause_works(&mut self, at: SimTime, worker: u16) {
        for (place, number) in self.running_works(worker) {
            if let Some(work) = self.lives.get(place).work(number) {
                (work.left_ns, work.due) = (work.left_ns(at), None);
            }
        }
    }

    // ---- the end

    /// Whether nothing more can happen to anybody, though some lives are not over: their clients wait for what does not come,
    /// or their works do not advance.
    #[inline]
    pub(super) fn is_stalled(&self) -> bool {
        self.pending.len() == self.bystanders && !self.server.is_waited_for() && !self.will_be_freed()
    }

    /// Whether a fault to come will end what stands still somewhere.
    #[cold]
    fn will_be_freed(&self) -> bool {
        let mut with_works: Vec<bool> = vec![false; usize::from(self.server.workers())];
        if self.background != Background::External {
            self.lives.running_in(|worker| with_works[usize::from(worker)] = true);
        }
        let stands = |worker: u16| self.server.is_serving(worker) || with_works[usize::from(worker)];
        let anywhere = (0..self.server.workers()).any(stands);
        (0..self.faults.count()).filter(|&fault| self.faults.next(fault, self.now).is_some()).any(|fault| {
            match self.faults.faults[usize::from(fault)].0.what {
                FaultKind::Kill { worker: Some(worker) } => stands(worker as u16),
                FaultKind::Kill { worker: None } | FaultKind::Reload { .. } => anywhere,
                FaultKind::Clear(_) | FaultKind::ClockStep { .. } | FaultKind::StoreDown { .. } => false,
            }
        })
    }

    /// Ends what nothing more can happen to.
    pub(super) fn end_stalled(&mut self) {
        let at = self.now;
        for place in self.lives.places() {
            let life = self.lives.get(place);
            let upload = life.upload.number;
            let mut lost = Vec::new();
            for (_, work) in life.works().filter(|(_, work)| work.is_running) {
                work.is_running = false;
                lost.push(work.worker);
            }
            for worker in lost {
                self.lives.end_work(place, at, None);
                self.observer.observe(at, Event::Lost { upload, worker });
            }
            self.lives.poller(place).requests = 0;
            if !self.lives.poller(place).client_over {
                self.finish_client(at, place, Ending::TimedOut);
            }
            self.close(at, place);
        }
    }
}
