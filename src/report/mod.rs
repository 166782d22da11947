//! Reports: what results look like as files and on a terminal.

pub mod csv;
pub mod diagnose;
pub mod files;
pub mod number;
pub mod terminal;
pub mod timeline;
