//! Deterministic concurrency test harness and simulator for services that let a client upload something and poll for its
//! status.
//!
//! Without any feature this crate is the [status registry](registry), on nothing but the standard library.

pub mod registry;
mod sync;
