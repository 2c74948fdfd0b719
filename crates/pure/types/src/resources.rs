//! Named amounts of what a machine has and a task needs, in ten-thousandths.
//!
//! Owns: arithmetic that never goes below zero unseen. Does not own: who holds what (`scheduler::ledger`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::debug_is_display;

/// Units in one whole: amounts are exact to 0.0001.
const UNITS_PER_WHOLE: u64 = 10_000;

/// A fixed-point amount of one resource.
#[must_use]
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Amount(u64);

/// Amounts by name. A resource that is not named is zero, and no zero is kept.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resources(BTreeMap<String, Amount>);

/// A part of one device of a resource whose units are devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeviceShare {
    /// Which device, counted from 0 on its node.
    pub index: u32,
    /// How much of it.
    pub amount: Amount,
}

/// What a lease holds: the amounts, and which devices they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// All amounts held.
    pub resources: Resources,
    /// For each resource counted in devices, which ones.
    pub devices: BTreeMap<String, Vec<DeviceShare>>,
}

debug_is_display!(Amount, Resources);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One unit of a resource, such as one CPU.
    pub const ONE: Self = Self(UNITS_PER_WHOLE);

    /// This many whole units.
    pub const fn whole(count: u64) -> Self {
        Self(count.saturating_mul(UNITS_PER_WHOLE))
    }

    /// This many ten-thousandths.
    pub const fn from_units(units: u64) -> Self {
        Self(units)
    }

    /// How many ten-thousandths.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0
    }

    /// The sum.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or `None` if `other` is more.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 as f64 / UNITS_PER_WHOLE as f64)
    }
}

impl Resources {
    /// The amount of `name`, zero if it is not there.
    pub fn get(&self, name: &str) -> Amount {
        self.0.get(name).copied().unwrap_or(Amount::ZERO)
    }

    /// Sets the amount of `name`.
    pub fn set(&mut self, name: &str, amount: Amount) {
        if amount == Amount::ZERO {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), amount);
        }
    }

    /// Whether nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and amounts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Amount)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    /// Whether `self` holds all of `other`.
    #[must_use]
    pub fn fits(&self, other: &Self) -> bool {
        other.iter().all(|(name, amount)| self.get(name) >= amount)
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            self.set(name, self.get(name).plus(amount));
        }
    }

    /// Takes all of `other` away.
    ///
    /// # Panics
    /// If `self` does not hold it: check with [`Self::fits`].
    pub fn subtract(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            let rest = self.get(name).minus(amount);
            self.set(name, rest.expect("RES-1: no resource goes below zero"));
        }
    }
}

impl<'a> FromIterator<(&'a str, Amount)> for Resources {
    fn from_iter<I: IntoIterator<Item = (&'a str, Amount)>>(amounts: I) -> Self {
        let mut resources = Self::default();
        for (name, amount) in amounts {
            resources.set(name, amount);
        }
        resources
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (position, (name, amount)) in self.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {amount}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_can_be_taken_away_and_leaves_no_zero_behind() {
        let half: Resources = [("CPU", Amount::from_units(5_000))].into_iter().collect();
        let mut held = half.clone();

        held.add(&half);
        assert_eq!(held.get("CPU"), Amount::ONE);
        held.subtract(&half);
        held.subtract(&half);

        assert!(held.is_empty());
        assert!(!held.fits(&half));
    }
}
