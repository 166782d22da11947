//! Small programs: a few actors, each with a few steps, over a few uploads. Their text is what a replay token holds.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::session::START_NS;
use super::store::Calls;

/// The most uploads in one program.
pub const UPLOADS: usize = 8;

/// The most steps in one program: a history has a bit for each.
pub const STEPS: usize = 64;

/// The most actors in one program.
pub const ACTORS: usize = 4;

/// One call of the store, or time that passes. Uploads go by their number in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// An upload begins under a key.
    Begin {
        /// Its number.
        upload: u8,
        /// Its key.
        key: u8,
    },
    /// Its work ends well.
    Finish(u8),
    /// Its work ends with an error.
    Fail(u8),
    /// Its work is lost.
    Interrupt(u8),
    /// Its client polls.
    Read(u8),
    /// Somebody polls by key.
    ReadKey(u8),
    /// Its client has its answer.
    Acknowledge(u8),
    /// It is cleared.
    Clear(u8),
    /// Its client begins a long poll.
    Wait(u8),
    /// A sweep.
    Sweep,
    /// So many nanoseconds pass.
    Pass(u64),
    /// Callers read the clock so many nanoseconds late from here on: clocks of several callers disagree.
    Back(u64),
}

impl Step {
    /// The upload that must have begun before.
    #[must_use]
    pub fn of(self) -> Option<u8> {
        match self {
            Step::Finish(upload)
            | Step::Fail(upload)
            | Step::Interrupt(upload)
            | Step::Read(upload)
            | Step::Acknowledge(upload)
            | Step::Clear(upload)
            | Step::Wait(upload) => Some(upload),
            Step::Begin { .. } | Step::ReadKey(_) | Step::Sweep | Step::Pass(_) | Step::Back(_) => None,
        }
    }

    /// Whether it is a poll, by upload or by key.
    #[must_use]
    pub fn is_poll(self) -> bool {
        matches!(self, Step::Read(_) | Step::ReadKey(_))
    }

    /// Who does such a thing.
    fn role(self) -> &'static str {
        match self {
            Step::Begin { .. } => "uploader",
            Step::Finish(_) | Step::Fail(_) | Step::Interrupt(_) => "worker",
            Step::Read(_) | Step::ReadKey(_) | Step::Acknowledge(_) | Step::Wait(_) => "client",
            Step::Clear(_) => "clearer",
            Step::Sweep => "sweeper",
            Step::Pass(_) | Step::Back(_) => "clock",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Begin { upload, key } => write!(f, "b{upload}.{key}"),
            Step::Finish(upload) => write!(f, "f{upload}"),
            Step::Fail(upload) => write!(f, "e{upload}"),
            Step::Interrupt(upload) => write!(f, "i{upload}"),
            Step::Read(upload) => write!(f, "r{upload}"),
            Step::ReadKey(key) => write!(f, "k{key}"),
            Step::Acknowledge(upload) => write!(f, "a{upload}"),
            Step::Clear(upload) => write!(f, "c{upload}"),
            Step::Wait(upload) => write!(f, "w{upload}"),
            Step::Sweep => f.write_str("s"),
            Step::Pass(ns) => write!(f, "+{ns}"),
            Step::Back(ns) => write!(f, "-{ns}"),
        }
    }
}

/// A text that is no program.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParseProgramError {
    /// A part of it is no step.
    #[error("`{0}` is not a step; steps look like b0.1, f0, e0, i0, r0, k1, a0, c0, w0, s, +100, -100")]
    NotAStep(String),
    /// It is not divided.
    #[error("`{0}` has no `/`; a program looks like b0.0/f0/r0/-: what comes first, a part per actor, what comes last")]
    NoParts(String),
    /// Its steps do not go together.
    #[error("`{0}` does not begin each upload of its steps once, or has more than {ACTORS} actors or {STEPS} steps")]
    Unsound(String),
    /// More time passes in it than there is.
    #[error("more than 584 years pass")]
    Endless,
}

impl FromStr for Step {
    type Err = ParseProgramError;

    fn from_str(text: &str) -> Result<Step, ParseProgramError> {
        let error = || ParseProgramError::NotAStep(text.to_owned());
        let mut letters = text.chars();
        let (letter, rest) = (letters.next().ok_or_else(error)?, letters.as_str());
        let number = || rest.parse::<u8>().ok().filter(|&number| usize::from(number) < UPLOADS).ok_or_else(error);
        Ok(match letter {
            'b' => {
                let (upload, key) = rest.split_once('.').ok_or_else(error)?;
                let upload = upload.parse().ok().filter(|&upload: &u8| usize::from(upload) < UPLOADS);
                Step::Begin { upload: upload.ok_or_else(error)?, key: key.parse().map_err(|_| error())? }
            }
            'f' => Step::Finish(number()?),
            'e' => Step::Fail(number()?),
            'i' => Step::Interrupt(number()?),
            'r' => Step::Read(number()?),
            'k' => Step::ReadKey(rest.parse().map_err(|_| error())?),
            'a' => Step::Acknowledge(number()?),
            'c' => Step::Clear(number()?),
            'w' => Step::Wait(number()?),
            's' if rest.is_empty() => Step::Sweep,
            '+' => Step::Pass(rest.parse().map_err(|_| error())?),
            '-' => Step::Back(rest.parse().map_err(|_| error())?),
            _ => return Err(error()),
        })
    }
}

/// What comes first, in order; what the actors do, in any order; what comes last, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Program {
    /// Before the actors.
    pub setup: Vec<Step>,
    /// What each actor does.
    pub actors: Vec<Vec<Step>>,
    /// After the actors.
    pub after: Vec<Step>,
}

impl Program {
    /// How many steps it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.setup.len() + self.actors.iter().map(Vec::len).sum::<usize>() + self.after.len()
    }

    /// Whether it has no step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All steps, actor by actor.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        let middle = self.actors.iter().flatten();
        self.setup.iter().chain(middle).chain(&self.after).copied()
    }

    /// Whether every step's upload begins somewhere, once, and nothing is too large.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let mut begins = [0; UPLOADS];
        for step in self.steps() {
            if let Step::Begin { upload, .. } = step {
                begins[usize::from(upload)] += 1;
            }
        }
        self.actors.len() <= ACTORS
            && self.len() <= STEPS
            && begins.iter().all(|&times| times <= 1)
            && self.steps().filter_map(Step::of).all(|upload| begins[usize::from(upload)] == 1)
    }

    /// The same without the calls that a store does not have.
    #[must_use]
    pub(super) fn only(mut self, calls: Calls) -> Program {
        let has = |step: &Step| match step {
            Step::Interrupt(_) => calls.interrupt,
            Step::ReadKey(_) => calls.read_key,
            Step::Acknowledge(_) => calls.acknowledge,
            Step::Clear(_) => calls.clear,
            Step::Wait(_) => calls.wait,
            _ => true,
        };
        for part in 0..self.actors.len() + 2 {
            self.part_mut(part).retain(has);
        }
        self.actors.retain(|steps| !steps.is_empty());
        self
    }

    /// Whether the clocks of its callers disagree: then the reference does not say what each is answered, and only the properties
    /// are asked.
    #[must_use]
    pub fn has_skewed_clocks(&self) -> bool {
        self.steps().any(|step| matches!(step, Step::Back(_)))
    }

    /// A name for each actor, by what it does first.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        let roles: Vec<_> =
            self.actors.iter().map(|steps| steps.first().map_or("nobody", |step| step.role())).collect();
        let numbered = |(index, role): (usize, &&str)| {
            let (before, all) = (roles[..index].iter(), roles.iter());
            let same = |other: &&&str| *other == role;
            match all.filter(same).count() {
                1 => (*role).to_owned(),
                _ => format!("{role} {}", before.filter(same).count() + 1),
            }
        };
        roles.iter().enumerate().map(numbered).collect()
    }

    /// The programs that have one step less, or one step of their setup and of their end.
    pub(super) fn smaller(&self) -> Vec<Program> {
        let mut all = Vec::new();
        for part in 0..self.actors.len() + 2 {
            for step in 0..self.part(part).len() {
                let mut smaller = self.clone();
                smaller.part_mut(part).remove(step);
                smaller.actors.retain(|steps| !steps.is_empty());
                if smaller.is_sound() {
                    all.push(smaller);
                }
            }
        }
        all
    }

    fn part(&self, part: usize) -> &Vec<Step> {
        match part.checked_sub(2) {
            Some(actor) => &self.actors[actor],
            None => [&self.setup, &self.after][part],
        }
    }

    fn part_mut(&mut self, part: usize) -> &mut Vec<Step> {
        match part.checked_sub(2) {
            Some(actor) => &mut self.actors[actor],
            None if part == 0 => &mut self.setup,
            None => &mut self.after,
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |steps: &Vec<Step>| match steps[..] {
            [] => "-".to_owned(),
            _ => steps.iter().map(Step::to_string).collect::<Vec<_>>().join(","),
        };
        f.write_str(&part(&self.setup))?;
        for actor in self.actors.iter().chain([&self.after]) {
            write!(f, "/{}", part(actor))?;
        }
        Ok(())
    }
}

impl FromStr for Program {
    type Err = ParseProgramError;

    fn from_str(text: &str) -> Result<Program, ParseProgramError> {
        let part = |text: &str| match text {
            "-" => Ok(Vec::new()),
            steps => steps.split(',').map(str::parse).collect(),
        };
        let mut parts = text.split('/').map(part).collect::<Result<Vec<_>, _>>()?;
        let after = parts.pop().unwrap_or_default();
        if parts.is_empty() {
            return Err(ParseProgramError::NoParts(text.to_owned()));
        }
        let program = Program { setup: parts.remove(0), actors: parts, after };
        if !program.is_sound() {
            return Err(ParseProgramError::Unsound(text.to_owned()));
        }
        let mut passes = program.steps().map(|step| if let Step::Pass(ns) = step { ns } else { 0 });
        let end = passes.try_fold(START_NS + STEPS as u64, u64::checked_add);
        drop(passes);
        if end.is_some() { Ok(program) } else { Err(ParseProgramError::Endless) }
    }
}
