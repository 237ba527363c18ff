use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::ptx::Version;

/// What follows the number of a target: `sm_90`, `sm_90a` or `sm_100f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suffix {
    /// Features that every later target keeps.
    Baseline,
    /// Features shared within one family (`f`).
    Family,
    /// Features of one architecture only (`a`).
    Architecture,
}

/// A PTX compilation target such as `sm_80`, `sm_90a` or `sm_100f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Compute capability, major times ten plus minor.
    pub sm: u16,
    /// Which set of features the target admits.
    pub suffix: Suffix,
}

impl Target {
    /// A baseline target: `Target::baseline(80)` is `sm_80`.
    pub const fn baseline(sm: u16) -> Self {
        Self { sm, suffix: Suffix::Baseline }
    }

    /// An architecture-specific target: `Target::architecture(90)` is `sm_90a`.
    pub const fn architecture(sm: u16) -> Self {
        Self { sm, suffix: Suffix::Architecture }
    }

    /// The first PTX version that has the target; none where there is no such target (PTX ISA,
    /// *Release Notes*).
    pub const fn least_version(self) -> Option<Version> {
        let (major, minor) = match (self.sm, self.suffix) {
            (50, Suffix::Baseline) => (4, 0),
            (52, Suffix::Baseline) => (4, 1),
            (53, Suffix::Baseline) => (4, 2),
            (60..=62, Suffix::Baseline) => (5, 0),
            (70, Suffix::Baseline) => (6, 0),
            (72, Suffix::Baseline) => (6, 1),
            (75, Suffix::Baseline) => (6, 3),
            (80, Suffix::Baseline) => (7, 0),
            (86, Suffix::Baseline) => (7, 1),
            (87, Suffix::Baseline) => (7, 4),
            (88, Suffix::Baseline) => (9, 0),
            (89 | 90, Suffix::Baseline) => (7, 8),
            (90, Suffix::Architecture) => (8, 0),
            (100 | 101, Suffix::Baseline | Suffix::Architecture) => (8, 6),
            (120, Suffix::Baseline | Suffix::Architecture) => (8, 7),
            (100 | 101 | 120, Suffix::Family) => (8, 8),
            (103 | 121, _) => (8, 8),
            (110, _) => (9, 0),
            _ => return None,
        };
        Some(Version::new(major, minor))
    }

    /// Whether code that needs `feature` may be compiled for `self`.
    ///
    /// A baseline feature holds on every later target; a family feature on the targets with `f` or
    /// `a` of the same major version and no lower minor one; an architecture feature on that
    /// architecture alone (PTX ISA, *PTX Module Directives: .target*).
    ///
    /// ```
    /// use tilewright_codegen::gpu::Target;
    /// let hopper: Target = "sm_90a".parse().unwrap();
    /// assert!(hopper.admits("sm_80".parse().unwrap()));
    /// assert!(!hopper.admits("sm_100f".parse().unwrap()));
    /// assert!(!"sm_100a".parse::<Target>().unwrap().admits(hopper));
    /// ```
    pub fn admits(self, feature: Target) -> bool {
        match feature.suffix {
            Suffix::Baseline => self.sm >= feature.sm,
            Suffix::Family => {
                self.suffix != Suffix::Baseline
                    && self.sm / 10 == feature.sm / 10
                    && self.sm >= feature.sm
            }
            Suffix::Architecture => self == feature,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.suffix {
            Suffix::Baseline => "",
            Suffix::Family => "f",
            Suffix::Architecture => "a",
        };
        write!(f, "sm_{}{suffix}", self.sm)
    }
}

/// A text that names no target.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a target; expected `sm_` and a number, such as sm_80, sm_90a or sm_100f")]
pub struct ParseTargetError(String);

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseTargetError(text.chars().take(40).collect());
        let number = text.strip_prefix("sm_").ok_or_else(error)?;
        let (digits, suffix) = match number.as_bytes().last() {
            Some(b'a') => (&number[..number.len() - 1], Suffix::Architecture),
            Some(b'f') => (&number[..number.len() - 1], Suffix::Family),
            _ => (number, Suffix::Baseline),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error());
        }
        Ok(Self { sm: digits.parse().map_err(|_| error())?, suffix })
    }
}

/// The targets that have a feature: those that admit any one of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetSet(pub Vec<Target>);

impl TargetSet {
    /// Whether `target` has the feature.
    pub fn contains(&self, target: Target) -> bool {
        self.0.iter().any(|feature| target.admits(*feature))
    }
}

impl fmt::Display for TargetSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, target) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            let later = match target.suffix {
                Suffix::Baseline => " and later",
                Suffix::Family => " and later of its family",
                Suffix::Architecture => "",
            };
            write!(f, "{separator}{target}{later}")?;
        }
        Ok(())
    }
}
