//! A judgement for other programs: JSON, JUnit's XML, GitHub's step summary and annotations.

pub mod github;
mod json;
mod junit;

pub use json::json;
pub use junit::junit;
