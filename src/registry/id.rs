//! The name of one upload.

use std::fmt;
use std::str::FromStr;

/// Names one upload, that is one generation of one key, for ever (R3).
///
/// Two calls of `begin` never return the same id, even for one key, and an id whose record was forgotten answers
/// `Unknown` from then on. `Display` and `FromStr` give a short form for URLs, such as `1f-3-0`. Ids are not secret:
/// they count up, so do not take the knowledge of one for a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId {
    pub(super) generation: u64,
    pub(super) slot: u32,
    pub(super) shard: u32,
}

impl UploadId {
    /// Which beginning this is, counted from 1 in its part of the registry: of two uploads of one key, the later one
    /// has the larger generation.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}-{:x}", self.generation, self.slot, self.shard)
    }
}

/// The text is not an upload id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseUploadIdError;

impl fmt::Display for ParseUploadIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an upload id: expected three lower-case hexadecimal numbers, as in `1f-3-0`")
    }
}

impl std::error::Error for ParseUploadIdError {}

impl FromStr for UploadId {
    type Err = ParseUploadIdError;

    /// Reads back what `Display` wrote, and nothing else: one id has one spelling.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-').map(|part| u64::from_str_radix(part, 16));
        let (Some(Ok(generation)), Some(Ok(slot)), Some(Ok(shard)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ParseUploadIdError);
        };
        let (Ok(slot), Ok(shard)) = (u32::try_from(slot), u32::try_from(shard)) else {
            return Err(ParseUploadIdError);
        };
        let id = UploadId { generation, slot, shard };
        if id.to_string() == text { Ok(id) } else { Err(ParseUploadIdError) }
    }
}
