//! The scenarios that come with the program.

/// What follows the name of such a scenario where others have the path of their file.
pub const BUILT_IN: &str = ".toml (built in)";

/// A scenario that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name, as in `stillready run NAME`: that of its file below the folder `sims`.
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
pub const SHIPPED: &[Shipped] = shipped![
    "reference",
    "live-pollers",
    "two-workers",
    "poll-heavy",
    "smoke",
    "canary",
    "choice",
    "causes/live-poller",
    "causes/sweep-every-poll",
    "causes/workers",
    "causes/restarts",
    "causes/late-client",
    "causes/untimed-writer",
    "causes/clear-endpoint",
    "causes/odd-names",
    "causes/same-name",
    "eras/v0",
    "eras/v1",
    "eras/v2",
    "eras/v3",
    "eras/v4",
    "eras/v5",
    "eras/v6",
    "eras/v7",
    "eras/v8",
];

/// The shipped scenario of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

/// The incident's possible causes, one scenario each.
pub fn causes() -> impl Iterator<Item = &'static Shipped> {
    SHIPPED.iter().filter(|shipped| shipped.name.starts_with("causes/"))
}

impl Shipped {
    /// What the reports call it: the last part of its name.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }
}
