//! The programs that every store goes through: picked by hand, each for a race that somebody has had, and generated.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::program::{Program, Step, UPLOADS};
use super::promise::Promise;
use super::store::Calls;
use crate::registry::{Capacity, State};

/// A program and its name.
pub(super) type Named = (String, Program);

/// The races. `L` is the time to live of a success and `l` a nanosecond less, `T` the time of a tombstone.
const RACES: &[(&str, &str)] = &[
    ("a poll at the deadline, and a sweep", "b0.0,f0,+L/r0/s/r0"),
    ("a poll a moment before the deadline, and a sweep", "b0.0,f0,+l/r0/s/r0,+1,r0"),
    ("work that took longer than the time to live ends, among a poll and a sweep", "b0.0,+L/f0/r0/s/r0,+l,r0"),
    ("an error, a poll and a sweep", "b0.0,+L/e0/r0/s/r0,+l,r0"),
    ("a new upload under the name of one that is due, and a sweep", "b0.0,f0,+L/b1.0/s/r1,k0,f1,r1"),
    ("a new upload under the name of one that is due, a sweep and its poller", "b0.0,f0,+L/b1.0,f1/s/k0/r1,k0"),
    ("a late worker, and the next upload under the name", "b0.0/b1.0/f0/r0,r1,k0,f1,r1"),
    ("two workers of one name", "b0.0,b1.0/f0/f1/r0,r1,k0"),
    ("two uploads under one name", "-/b0.0,f0/b1.0,f1/r0,r1,k0"),
    ("three uploads under one name", "-/b0.0/b1.0/b2.0/f0,f1,f2,r0,r1,r2"),
    ("a success and an error of one upload", "b0.0/f0/e0/r0/r0"),
    ("lost work, a poll and a sweep", "b0.0/i0/r0/s/r0,+l,r0"),
    ("lost work and an end", "b0.0/i0/f0/r0"),
    ("a clear, an end, and a neighbour", "b0.0,b1.1,f1/c0/f0/r1/r0,r1"),
    ("a clear and a new upload under the name", "b0.0,f0/c0/b1.0/f1,r0,r1,k0"),
    ("an acknowledgement while the work is running", "b0.0/a0/f0/r0,+l,r0,a0"),
    ("an acknowledgement and a sweep", "b0.0,f0,+l/a0/+1,s/r0"),
    ("two acknowledgements", "b0.0,f0/a0/a0/s/r0,+L,r0"),
    ("a poll before the deadline, and a sweep after it", "b0.0,f0,+l/r0/+1,s/r0"),
    ("a poll and a clear", "b0.0,f0/r0/c0/r0,k0"),
    ("a poll and an acknowledgement", "b0.0,f0/r0/a0/r0,a0"),
    ("a poll that came in time, and its deadline", "b0.0,f0,+l,r0,+L/r0/s/r0"),
    ("an acknowledged upload at its deadline", "b0.0,f0,a0,+L/r0/s/r0"),
    ("two polls and a sweep at the deadline", "b0.0,f0,+L/r0/r0/s/r0"),
    ("two sweeps of two that are due", "b0.0,f0,b1.1,f1,+L/s/s/r0,r1"),
    ("two sweeps, one that is due and one that is not", "b0.0,f0,b1.1,+1,f1,+l/s/s/r1/r0,r1"),
    ("sweeps and ends among three names", "b0.0,b1.1,b2.2,f0,f2,+L/s,r1/f1,s/r0,r1,r2"),
    ("a tombstone, and a new upload under its name", "b0.0,f0,+L,s/b1.0/r0/k0,r1,f1,r1"),
    ("the end of a tombstone's time", "b0.0,f0,+L,s,+T/r0/s/r0"),
    ("a moment before the end of a tombstone's time", "b0.0,f0,+L,+t/r0/s/r0"),
    ("a long poll and an end", "b0.0/w0/f0/r0"),
    ("a long poll and an error", "b0.0/w0/e0/s/r0"),
    ("a long poll and a clear", "b0.0/w0/c0/-"),
    ("a long poll and lost work", "b0.0/w0/i0/r0"),
    ("a clock that is late after the deadline", "b0.0,f0,+L,r0/-L,r0/s/r0"),
    ("a clock that is late at the end of the work", "b0.0,+L/-L,f0/s/r0"),
    ("a sweep whose clock is late", "b0.0,f0,+l/-l,s/r0/r0"),
];

/// How many uploads the races for little room have.
const TIGHT_UPLOADS: usize = 4;

/// The races for a store with room for two; where there is more, running uploads take the rest.
const TIGHT: &[(&str, &str)] = &[
    ("three uploads and room for two", "-/b0.0/b1.1/b2.2/s,r0,r1,r2"),
    ("a new upload where all are running", "b0.0,b1.1/b2.2/f0/s,r0,r1,r2"),
    ("two new uploads where one may go", "b0.0,f0,b1.1/b2.2/b3.3/s,r0,r1,r2,r3"),
    ("a new upload, an end and a poll", "b0.0,f0,b1.1/b2.2/f1/r0/s,r0,r1,r2"),
    ("a new upload where one is due", "b0.0,f0,+L,b1.1,f1/b2.2/s/r1/r0,r1,r2"),
];

/// Whether there are programs that fill a store of this capacity.
pub(super) fn can_fill(capacity: Capacity) -> bool {
    match capacity {
        Capacity::Unbounded => true,
        Capacity::EvictOldest(max) | Capacity::Refuse(max) => (2..=2 + UPLOADS - TIGHT_UPLOADS).contains(&max),
    }
}

/// All programs for a promise, without the calls that a store does not have.
pub(super) fn picked(promise: Promise, calls: Calls) -> Vec<Named> {
    let life = promise.retention.time_to_live.of(State::Ready).filter(|&ns| ns < u64::MAX / 4).unwrap_or(1_000_000_000);
    let tombstone = promise.retention.tombstone_ns.filter(|&ns| ns < u64::MAX / 4).unwrap_or(life);
    let times = [
        ("+L", format!("+{life}")),
        ("-L", format!("-{life}")),
        ("+l", format!("+{}", life.saturating_sub(1))),
        ("-l", format!("-{}", life.saturating_sub(1))),
        ("+T", format!("+{tombstone}")),
        ("+t", format!("+{}", tombstone.saturating_sub(1))),
    ];
    let room = match promise.retention.capacity {
        Capacity::Unbounded => usize::MAX,
        Capacity::EvictOldest(max) | Capacity::Refuse(max) => max,
    };
    let races = RACES.iter().filter(|_| room > 3);
    // Uploads that go on running take the rest of the room.
    let spare = room.checked_sub(2).filter(|&spare| spare <= UPLOADS - TIGHT_UPLOADS);
    let fill: String = (0..spare.unwrap_or(0)).map(|spare| format!("b{0}.{0},", TIGHT_UPLOADS + spare)).collect();
    let tight: Vec<(&str, String)> = match spare {
        Some(_) => TIGHT.iter().map(|&(name, text)| (name, format!("{fill}{text}").replace(",-/", "/"))).collect(),
        None => Vec::new(),
    };
    let program = |(name, text): (&str, String)| {
        let text = times.iter().fold(text, |text, (letter, time)| text.replace(letter, time));
        let program: Program = text.parse().expect("the programs are sound");
        (name.to_owned(), program.only(calls))
    };
    let races = races.map(|&(name, text)| (name, text.to_owned()));
    let named = races.chain(tight).map(program);
    named.filter(|(_, program)| program.actors.len() > 1 && program.is_sound()).collect()
}

/// Programs by chance: two to four actors with up to `steps` steps each, over up to three uploads under two keys.
pub(super) fn generated(promise: Promise, calls: Calls, seed: u64, actors: usize, steps: usize) -> Named {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut times = promise.times();
    times.extend(times.clone().into_iter().filter_map(|time| time.checked_sub(1)));
    times.push(1);
    let mut program = Program::default();
    let uploads = random.random_range(1..=3u8);
    let mut unbegun: Vec<u8> = Vec::new();
    for upload in 0..uploads {
        if random.random_bool(0.6) {
            program.setup.push(Step::Begin { upload, key: random.random_range(0..2) });
            if random.random_bool(0.4) {
                program.setup.push(if random.random_bool(0.8) { Step::Finish(upload) } else { Step::Fail(upload) });
            }
        } else {
            unbegun.push(upload);
        }
    }
    if random.random_bool(0.6) {
        program.setup.push(Step::Pass(*times.choose(&mut random).expect("there is one")));
    }
    program.actors = vec![Vec::new(); actors];
    for actor in 0..actors {
        for _ in 0..random.random_range(1..=steps) {
            let upload = random.random_range(0..uploads);
            let step = match random.random_range(0..14) {
                0 | 1 => match unbegun.pop() {
                    Some(upload) => Step::Begin { upload, key: random.random_range(0..2) },
                    None => Step::Sweep,
                },
                2 | 3 => Step::Finish(upload),
                4 => Step::Fail(upload),
                5 => Step::Interrupt(upload),
                6 | 7 => Step::Read(upload),
                8 => Step::ReadKey(random.random_range(0..2)),
                9 => Step::Acknowledge(upload),
                10 => Step::Clear(upload),
                11 => Step::Wait(upload),
                12 => Step::Pass(*times.choose(&mut random).expect("there is one")),
                _ => Step::Sweep,
            };
            program.actors[actor].push(step);
        }
    }
    program.setup.extend(unbegun.into_iter().map(|upload| Step::Begin { upload, key: random.random_range(0..2) }));
    let reads = || (0..uploads).map(Step::Read);
    program.after.extend(reads());
    if let Some(&life) = promise.times().last() {
        program.after.push(Step::Pass(life));
        program.after.extend([Step::Sweep].into_iter().chain(reads()));
    }
    (format!("generated {seed}"), program.only(calls))
}
