//! What was wrong with the incident's dictionary, from one version of the application to the next.

/// Something that is wrong with a dictionary. Each was in the deployed code at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Defect {
    /// The sweep compares an age in seconds with a moment of Unix time: an entry with a timestamp is never old enough, and one
    /// without, whose age counts from 1970, always is. "Clear stuck" finds no stuck entry for the same reason, and falls
    /// through to clearing everything.
    UnitBug,
    /// The end of the work is written by a second writer that knows nothing of timestamps: the entry has none from then on,
    /// so that its age counts from 1970.
    FinishWithoutTimestamp,
    /// A `finally` block writes `ready` over the error.
    ErrorBecomesReady,
    /// Where there is no entry, and the uploaded file is on the disk, a poll is answered `ready`.
    FileMeansReady,
    /// Once any upload's result is in the worker's memory, every poll there is answered `ready`.
    DataMeansReady,
    /// Where the work fails, a `finally` block takes the lock that its thread holds already. The lock is not reentrant, so
    /// whoever takes it next waits for ever.
    LockTakenTwice,
    /// Entries are written under the name as the client spells it and looked up under the name as the server does.
    RawNames,
}

impl Defect {
    /// All defects.
    pub const ALL: [Defect; 7] = [
        Defect::UnitBug,
        Defect::FinishWithoutTimestamp,
        Defect::ErrorBecomesReady,
        Defect::FileMeansReady,
        Defect::DataMeansReady,
        Defect::LockTakenTwice,
        Defect::RawNames,
    ];

    /// Its name in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Defect::UnitBug => "unit-bug",
            Defect::FinishWithoutTimestamp => "finish-without-timestamp",
            Defect::ErrorBecomesReady => "error-becomes-ready",
            Defect::FileMeansReady => "file-means-ready",
            Defect::DataMeansReady => "data-means-ready",
            Defect::LockTakenTwice => "lock-taken-twice",
            Defect::RawNames => "raw-names",
        }
    }
}

/// A set of defects; empty by default.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Defects(u8);

impl Defects {
    /// Whether a defect is among them.
    #[must_use]
    pub fn contains(self, defect: Defect) -> bool {
        self.0 & 1 << defect as u8 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The same with one more.
    #[must_use]
    pub fn with(self, defect: Defect) -> Self {
        Defects(self.0 | 1 << defect as u8)
    }

    /// The same without one.
    #[must_use]
    pub fn without(self, defect: Defect) -> Self {
        Defects(self.0 & !(1 << defect as u8))
    }
}

impl FromIterator<Defect> for Defects {
    fn from_iter<I: IntoIterator<Item = Defect>>(defects: I) -> Self {
        defects.into_iter().fold(Defects::default(), Defects::with)
    }
}

impl std::fmt::Debug for Defects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(Defect::ALL.into_iter().filter(|&defect| self.contains(defect))).finish()
    }
}
