//! The plain store, which is right, and its mutants, each wrong in one place. This folder is mounted three times, beside a
//! `sync` of std, of loom and of shuttle.

pub(crate) mod book;
mod variant;

pub(crate) mod expiry;
pub(crate) mod identity;
pub(crate) mod locks;
pub(crate) mod memory;
pub(crate) mod registry;
pub(crate) mod sweeps;

use super::sync;

pub(crate) use variant::{AnyVariant, Plain, Variant};
