//! The remedies, one change of a policy each.

use std::time::Duration;

use crate::registry::{Expiry, Retention};
use crate::scenario::{Address, Order, Policy, Probability, Scope, StoreKind, Trigger};
use crate::store::{Defect, Defects};

const MINUTE: u64 = 60;

/// A change of the incident's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// None: 30 min / 10 %.
    Before,
    /// The team's: 60 min / 5 %.
    After,
    /// None, in the code as it was deployed: with the unit bug.
    DeployedBefore,
    /// The team's, as it was deployed.
    DeployedAfter,
    /// A read compares the deadline itself, 30 minutes after the end.
    Logical,
    /// A poll reads before it sweeps.
    ReadFirst,
    /// One store, outside of the workers.
    Shared,
    /// Upload ids with generations: the registry, which keeps one atomic record per upload, polled by id.
    Ids,
    /// What was swept is remembered for a day, with its last state.
    Tombstones,
    /// All of these: a shared registry with its defaults.
    All,
}

impl Remedy {
    /// All remedies; the first one is what the others are compared with.
    pub const ALL: [Remedy; 10] = [
        Remedy::Before,
        Remedy::After,
        Remedy::DeployedBefore,
        Remedy::DeployedAfter,
        Remedy::Logical,
        Remedy::ReadFirst,
        Remedy::Shared,
        Remedy::Ids,
        Remedy::Tombstones,
        Remedy::All,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Remedy::Before => "before",
            Remedy::After => "after",
            Remedy::DeployedBefore => "deployed-before",
            Remedy::DeployedAfter => "deployed-after",
            Remedy::Logical => "logical",
            Remedy::ReadFirst => "read-first",
            Remedy::Shared => "shared",
            Remedy::Ids => "ids",
            Remedy::Tombstones => "tombstones",
            Remedy::All => "all",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Remedy::Before => "30 min / 10 % (or the cause's sweep), a dictionary per worker",
            Remedy::After => "60 min / 5 %; n/a where the cause is another sweep",
            Remedy::DeployedBefore => "30 min / 10 % in the deployed code, with its unit bug",
            Remedy::DeployedAfter => "60 min / 5 % in the deployed code",
            Remedy::Logical => "a read compares the deadline, 30 min, itself",
            Remedy::ReadFirst => "a poll reads before it sweeps",
            Remedy::Shared => "one store for all workers",
            Remedy::Ids => "upload ids with generations (the registry)",
            Remedy::Tombstones => "what expired is remembered for a day: \"expired, was ready\"",
            Remedy::All => "all of these: the registry's defaults, shared",
        }
    }

    /// Whether it is one of the remedies that change one thing.
    #[must_use]
    pub fn is_single(self) -> bool {
        !matches!(self, Remedy::Before | Remedy::After | Remedy::DeployedBefore | Remedy::DeployedAfter | Remedy::All)
    }

    /// Whether there is something of a cause's policy for it to change: the deployed code and the team's two numbers are about a
    /// sweep by chance.
    #[must_use]
    pub fn applies_to(self, policy: &Policy) -> bool {
        let is_about_chance = matches!(self, Remedy::After | Remedy::DeployedBefore | Remedy::DeployedAfter);
        !is_about_chance || matches!(policy.trigger, Trigger::Chance(_))
    }

    /// A policy with this remedy.
    #[must_use]
    pub fn applied_to(self, policy: &Policy) -> Policy {
        let mut policy = Policy { name: self.name().to_owned(), ..policy.clone() };
        let retention = &mut policy.retention;
        let thirty = Retention::finished(Duration::from_secs(30 * MINUTE));
        match self {
            Remedy::Before => {}
            Remedy::DeployedBefore => policy.defects = policy.defects.with(Defect::UnitBug),
            Remedy::After | Remedy::DeployedAfter => {
                retention.time_to_live = Retention::finished(Duration::from_secs(60 * MINUTE)).time_to_live;
                policy.trigger = Trigger::Chance(Probability::new(0.05).unwrap_or(Probability::NEVER));
                if self == Remedy::DeployedAfter {
                    policy.defects = policy.defects.with(Defect::UnitBug);
                }
            }
            Remedy::Logical => {
                retention.expiry = Expiry::Logical;
                retention.time_to_live = thirty.time_to_live;
            }
            Remedy::ReadFirst => policy.order = Order::ReadFirst,
            Remedy::Shared => policy.scope = Scope::Shared,
            Remedy::Ids => {
                (policy.store, policy.address, policy.defects) = (StoreKind::Registry, Address::Id, Defects::default());
            }
            Remedy::Tombstones => retention.tombstone_ns = thirty.tombstone_ns,
            Remedy::All => {
                policy.retention = thirty;
                (policy.store, policy.address, policy.defects) = (StoreKind::Registry, Address::Id, Defects::default());
                (policy.order, policy.scope) = (Order::ReadFirst, Scope::Shared);
            }
        }
        policy
    }
}
