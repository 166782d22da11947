//! Deterministic concurrency test harness and simulator for services that let a client upload something and poll for its
//! status.
//!
//! Without any feature this crate is the [status registry](registry), on nothing but the standard library. The feature
//! `simulator` adds what simulates one: scenarios, the engine and its stores, measurements and experiments. The feature `import` makes
//! scenarios of access logs, `harness` checks stores of one's own, `tokio` gives the registry an asynchronous face, and `sqlite`, `redis`, `moka` and `dashmap` add
//! stores for services of several workers and machines.

#[cfg(feature = "tokio")]
pub mod async_registry;
#[cfg(any(feature = "dashmap", feature = "moka", feature = "redis", feature = "sqlite"))]
pub mod backend;
pub mod registry;
mod sync;

#[cfg(feature = "simulator")]
pub mod choice;
#[cfg(feature = "simulator")]
pub mod closed_form;
#[cfg(feature = "simulator")]
pub mod diagnose;
#[cfg(feature = "simulator")]
pub mod engine;
#[cfg(feature = "simulator")]
pub mod exit;
#[cfg(feature = "simulator")]
pub mod experiment;
#[cfg(feature = "simulator")]
pub mod gate;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(feature = "import")]
pub mod import;
#[cfg(feature = "simulator")]
pub mod lines;
#[cfg(feature = "simulator")]
pub mod measure;
#[cfg(feature = "simulator")]
pub mod property;
#[cfg(feature = "simulator")]
pub mod provenance;
#[cfg(feature = "simulator")]
pub mod report;
#[cfg(feature = "simulator")]
pub mod rng;
#[cfg(feature = "simulator")]
pub mod scenario;
#[cfg(feature = "simulator")]
pub mod store;
#[cfg(feature = "simulator")]
pub mod time;
#[cfg(feature = "simulator")]
pub mod trace;
#[cfg(feature = "simulator")]
pub mod workload;

/// The README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
