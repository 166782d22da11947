//! stillready's synchronisation door: the same names from std, from loom and from shuttle.
//!
//! A store that takes its primitives from a module `sync` can be compiled over each of them, by mounting its file three times.
//! Then the programs run inside its calls, too: [`Check::loom`](super::Check::loom), [`Check::shuttle`](super::Check::shuttle).
//!
//! ```ignore
//! // tests/my_store.rs; src/store.rs says `use super::sync::Mutex;`
//! mod plain {
//!     use stillready::harness::door::plain as sync;
//!     #[path = "../../../src/store.rs"]
//!     pub mod store;
//! }
//! mod under_loom {
//!     use stillready::harness::door::loom as sync;
//!     #[path = "../../../src/store.rs"]
//!     pub mod store;
//! }
//! ```
//!
//! `Arc` and `OnceLock` are std's everywhere: with loom's `Arc`, a deadlock aborts the whole test process. So nothing may depend
//! on `strong_count` or `try_unwrap`.

/// std's primitives.
pub mod plain {
    pub use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
    pub use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
}

/// loom's.
pub mod loom {
    pub use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
    pub use loom::sync::{Mutex, MutexGuard, RwLock};
    pub use std::sync::{Arc, OnceLock, PoisonError};
}

/// shuttle's.
pub mod shuttle {
    pub use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
    pub use shuttle::sync::{Mutex, MutexGuard, RwLock};
    pub use std::sync::{Arc, OnceLock, PoisonError};
}
