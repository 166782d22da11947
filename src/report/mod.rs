//! Reports: what results look like as files and on a terminal.

pub mod csv;
pub mod diagnose;
pub mod files;
#[cfg(feature = "harness")]
pub mod mutants;
pub mod number;
pub mod terminal;
pub mod timeline;
