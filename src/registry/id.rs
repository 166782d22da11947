//! The name of one upload.

use std::fmt;
use std::str::FromStr;

use super::cells::Word;

/// Names one upload, that is one generation of one key, for ever (R3).
///
/// Two calls of `begin` never return the same id, even for one key, and an id whose record was forgotten answers
/// `Unknown` from then on. So does one that another registry gave out, say that of another worker process, or of this one
/// before it was reloaded: ids carry the origin of their registry. `Display` and `FromStr` give a short form for URLs, such
/// as `1f-3-5eed`. Ids are not secret: they count up, so do not take the knowledge of one for a permission.
///
/// ```
/// # use stillready::registry::{Registry, Retention, Status, UploadId};
/// let registry = Registry::<&str>::new(Retention::default());
/// let ticket = registry.begin("menu.xlsx", 0)?;
/// let location = format!("/status/{}", ticket.id());
/// // …and back, in the handler of GET /status/{id}; what is no id is a 404 of its own.
/// let id: UploadId = location.trim_start_matches("/status/").parse()?;
/// assert_eq!(registry.read(id, 1), Status::Processing);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId {
    pub(super) generation: u64,
    /// Which slot, counted over all parts of the registry in turn.
    pub(super) slot: u32,
    /// Which registry.
    pub(super) origin: u32,
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
        write!(f, "{:x}-{:x}-{:x}", self.generation, self.slot, self.origin)
    }
}

/// The text is not an upload id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseUploadIdError;

impl fmt::Display for ParseUploadIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an upload id: expected three lower-case hexadecimal numbers, the first from 1 to 7ffffffffffffff, as in `1f-3-5eed`")
    }
}

impl std::error::Error for ParseUploadIdError {}

impl FromStr for UploadId {
    type Err = ParseUploadIdError;

    /// Reads back what `Display` wrote, and nothing else: one id has one spelling.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-').map(|part| u64::from_str_radix(part, 16));
        let (Some(Ok(generation)), Some(Ok(slot)), Some(Ok(origin)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ParseUploadIdError);
        };
        let (Ok(slot), Ok(origin)) = (u32::try_from(slot), u32::try_from(origin)) else {
            return Err(ParseUploadIdError);
        };
        if !(1..Word::GENERATIONS).contains(&generation) {
            return Err(ParseUploadIdError);
        }
        let id = UploadId { generation, slot, origin };
        if id.to_string() == text { Ok(id) } else { Err(ParseUploadIdError) }
    }
}
