//! What a status endpoint owes its users, by name. [`crate::property`] watches it.

/// A property of a run, by its number in the field's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Property {
    /// No lost terminal state.
    S1,
    /// No false `ready`.
    S2,
    /// Errors are observable.
    S3,
    /// Monotonic per generation.
    S4,
    /// A running upload is never evicted.
    S5,
    /// Unknown, expired and interrupted are told apart.
    S6,
    /// Isolation between users and generations.
    S7,
    /// A clear affects what it names.
    S8,
    /// No deadlock, bounded lock hold.
    S9,
    /// Bounded memory, bounded overdue time.
    S10,
    /// Answers do not depend on the sweep's dice.
    S11,
    /// Every run replays from its seed.
    S12,
    /// Some client is told `ready`.
    ReadySeen,
    /// Some sweep removes an entry.
    EntrySwept,
    /// Some poll comes when its entry is due.
    LatePoll,
}

/// What a property says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing bad happens, ever.
    Always,
    /// What must come comes in the end.
    Eventually,
    /// Something happens at least once: a run in which it does not has tested less than it seems.
    Sometimes,
}

impl Property {
    /// All properties.
    pub const ALL: [Property; 15] = [
        Property::S1,
        Property::S2,
        Property::S3,
        Property::S4,
        Property::S5,
        Property::S6,
        Property::S7,
        Property::S8,
        Property::S9,
        Property::S10,
        Property::S11,
        Property::S12,
        Property::ReadySeen,
        Property::EntrySwept,
        Property::LatePoll,
    ];

    /// Its name in scenario files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Property::S1 => "S1",
            Property::S2 => "S2",
            Property::S3 => "S3",
            Property::S4 => "S4",
            Property::S5 => "S5",
            Property::S6 => "S6",
            Property::S7 => "S7",
            Property::S8 => "S8",
            Property::S9 => "S9",
            Property::S10 => "S10",
            Property::S11 => "S11",
            Property::S12 => "S12",
            Property::ReadySeen => "ready-seen",
            Property::EntrySwept => "entry-swept",
            Property::LatePoll => "late-poll",
        }
    }

    /// What it says, in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Property::S1 => "no lost terminal state",
            Property::S2 => "no false ready",
            Property::S3 => "errors are observable",
            Property::S4 => "monotonic per generation",
            Property::S5 => "a running upload is never evicted",
            Property::S6 => "unknown, expired, interrupted told apart",
            Property::S7 => "isolation between users and generations",
            Property::S8 => "a clear affects what it names",
            Property::S9 => "no deadlock, bounded lock hold",
            Property::S10 => "bounded memory and overdue time",
            Property::S11 => "answers do not depend on the sweep's dice",
            Property::S12 => "the run replays from its seed",
            Property::ReadySeen => "some client is told ready",
            Property::EntrySwept => "some sweep removes an entry",
            Property::LatePoll => "some poll comes when its entry is due",
        }
    }

    /// What it says of a run.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Property::S3 | Property::S10 => Kind::Eventually,
            Property::ReadySeen | Property::EntrySwept | Property::LatePoll => Kind::Sometimes,
            _ => Kind::Always,
        }
    }
}

impl Kind {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Always => "always",
            Kind::Eventually => "eventually",
            Kind::Sometimes => "sometimes",
        }
    }
}
