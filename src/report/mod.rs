//! Reports: what results look like as files and on a terminal.

pub mod choice;
pub mod csv;
pub mod diagnose;
pub mod files;
pub mod grid;
pub mod html;
#[cfg(feature = "import")]
pub mod imported;
mod json;
mod markdown;
pub mod merge;
#[cfg(feature = "harness")]
pub mod mutants;
pub mod number;
pub mod pages;
pub mod read;
pub mod sentences;
pub mod spacetime;
pub mod terminal;
pub mod timeline;
mod witnesses;
