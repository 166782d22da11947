//! What became of one upload, as a set of facts.

/// Something that is true of an upload in the end. Each is a measurement: a count, and a rate among all uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fact {
    /// Its processing ended `ready`.
    Succeeded,
    /// Its processing ended `error`.
    Failed,
    /// Its processing was lost.
    Interrupted,
    /// A poll was answered `not_found` at or after its own success (violates S1).
    FalseNotFound,
    /// A poll was answered `not_found` while it was processing.
    EarlyNotFound,
    /// It succeeded, and its client gave up on `not_found`.
    ToldLost,
    /// Its client ended on `ready`.
    SawReady,
    /// Its client ended on `expired`.
    SawExpired,
    /// Its client ended on `error`.
    SawError,
    /// Its client ran out of attempts.
    TimedOut,
    /// Its client gave up because requests failed.
    FetchGaveUp,
    /// A poll was answered `ready` before its own success (violates S2).
    FalseReady,
    /// A poll was answered `ready` with another upload's result (violates S7).
    ForeignReady,
    /// It failed, and its client ended on `ready` (violates S3).
    MaskedError,
    /// Its client was away right after the upload. Splits the comparisons; no column of its own.
    Away,
}

impl Fact {
    /// Those that are columns of the reports, in their order.
    pub const COLUMNS: [Fact; 14] = [
        Fact::Succeeded,
        Fact::Failed,
        Fact::Interrupted,
        Fact::FalseNotFound,
        Fact::EarlyNotFound,
        Fact::ToldLost,
        Fact::SawReady,
        Fact::SawExpired,
        Fact::SawError,
        Fact::TimedOut,
        Fact::FetchGaveUp,
        Fact::FalseReady,
        Fact::ForeignReady,
        Fact::MaskedError,
    ];

    /// Its column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fact::Succeeded => "succeeded",
            Fact::Failed => "failed",
            Fact::Interrupted => "interrupted",
            Fact::FalseNotFound => "false_not_found",
            Fact::EarlyNotFound => "early_not_found",
            Fact::ToldLost => "told_lost",
            Fact::SawReady => "saw_ready",
            Fact::SawExpired => "saw_expired",
            Fact::SawError => "saw_error",
            Fact::TimedOut => "timed_out",
            Fact::FetchGaveUp => "fetch_gave_up",
            Fact::FalseReady => "false_ready",
            Fact::ForeignReady => "foreign_ready",
            Fact::MaskedError => "masked_error",
            Fact::Away => "away",
        }
    }
}

/// A set of facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Facts(u16);

impl Facts {
    /// How many different sets there are.
    pub(super) const SETS: usize = 1 << (Fact::Away as u8 + 1);

    /// Adds a fact.
    pub fn insert(&mut self, fact: Fact) {
        self.0 |= 1 << fact as u8;
    }

    /// Adds a fact if it is true, without a branch.
    pub fn insert_if(&mut self, fact: Fact, is_true: bool) {
        self.0 |= u16::from(is_true) << fact as u8;
    }

    /// Whether a fact is in the set.
    #[must_use]
    pub fn contains(self, fact: Fact) -> bool {
        self.0 & (1 << fact as u8) != 0
    }

    /// The set as a number below [`Facts::SETS`].
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The set with that number.
    pub(super) fn from_index(index: usize) -> Self {
        Facts(index as u16)
    }
}
