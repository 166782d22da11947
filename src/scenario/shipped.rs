//! The scenarios that come with the program.

/// A scenario that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name, as in `stillready run NAME`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../../sims/", $name, ".toml")) }),*]
    };
}

/// All of them, the main one first. A test compares the list with the folder `sims`.
pub const SHIPPED: &[Shipped] = shipped!["reference", "live-pollers", "two-workers", "poll-heavy", "smoke", "canary"];

/// The shipped scenario of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}
