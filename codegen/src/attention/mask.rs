use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Which keys a query sees. Masks are aligned to the bottom right: query i stands at key position
/// i + seqlen_kv − seqlen_q, so that the last query sees the last key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mask {
    /// Every key.
    Full,
    /// Keys j ≤ i + seqlen_kv − seqlen_q.
    Causal,
    /// Keys from `left` before the query's position to `right` after it, both included.
    Window {
        /// Keys before the position.
        left: u32,
        /// Keys after the position.
        right: u32,
    },
}

/// A [`Mask`] without its run-time sizes: what a kernel is specialized for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaskKind {
    /// [`Mask::Full`].
    Full,
    /// [`Mask::Causal`].
    Causal,
    /// [`Mask::Window`].
    Window,
}

impl MaskKind {
    /// `full`, `causal` or `window`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Causal => "causal",
            Self::Window => "window",
        }
    }
}

impl fmt::Display for MaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Mask {
    /// The mask without its sizes.
    pub const fn kind(self) -> MaskKind {
        match self {
            Self::Full => MaskKind::Full,
            Self::Causal => MaskKind::Causal,
            Self::Window { .. } => MaskKind::Window,
        }
    }

    /// The half-open range of keys that query `i` sees.
    ///
    /// ```
    /// use tilewright_codegen::attention::Mask;
    /// assert_eq!(Mask::Causal.visible(0, 2, 5), 0..4);
    /// assert_eq!(Mask::Window { left: 1, right: 0 }.visible(1, 2, 5), 3..5);
    /// assert!(Mask::Causal.visible(0, 5, 2).is_empty());
    /// ```
    pub fn visible(self, i: u32, seqlen_q: u32, seqlen_kv: u32) -> std::ops::Range<u32> {
        let keys = i64::from(seqlen_kv);
        let position = i64::from(i) + keys - i64::from(seqlen_q);
        let (first, last) = match self {
            Self::Full => (0, keys - 1),
            Self::Causal => (0, position),
            Self::Window { left, right } => {
                (position - i64::from(left), position + i64::from(right))
            }
        };
        let end = (last + 1).clamp(0, keys);
        first.clamp(0, end) as u32..end as u32
    }

    /// Pairs of a query and a key that it sees, in one head of one batch.
    pub fn visible_pairs(self, seqlen_q: u32, seqlen_kv: u32) -> u64 {
        let (queries, keys) = (i128::from(seqlen_q), i128::from(seqlen_kv));
        let offset = keys - queries;
        // Σ over i < n of min(max(i + a, 0), keys).
        let sum = |a: i128| {
            let rising_from = (-a).clamp(0, queries);
            let full_from = (keys - a).clamp(rising_from, queries);
            let rising: i128 = full_from - rising_from;
            let first = rising_from + a;
            rising * first + rising * (rising - 1) / 2 + (queries - full_from) * keys
        };
        let pairs = match self {
            Self::Full => queries * keys,
            Self::Causal => sum(offset + 1),
            Self::Window { left, right } => {
                sum(offset + i128::from(right) + 1) - sum(offset - i128::from(left))
            }
        };
        pairs as u64
    }
}

/// `full`, `causal` or `window:LEFT,RIGHT`.
impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window { left, right } => write!(f, "window:{left},{right}"),
            _ => f.write_str(self.kind().name()),
        }
    }
}

/// A text that is no mask.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a mask; expected full, causal or window:LEFT,RIGHT such as window:256,0")]
pub struct ParseMaskError(String);

impl FromStr for Mask {
    type Err = ParseMaskError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let window = |text: &str| {
            let (left, right) = text.strip_prefix("window:")?.split_once(',')?;
            Some(Self::Window {
                left: left.trim().parse().ok()?,
                right: right.trim().parse().ok()?,
            })
        };
        match text {
            "full" => Ok(Self::Full),
            "causal" => Ok(Self::Causal),
            _ => window(text).ok_or_else(|| ParseMaskError(text.chars().take(40).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_the_sum_of_ranges() {
        let masks = [
            Mask::Full,
            Mask::Causal,
            Mask::Window { left: 0, right: 0 },
            Mask::Window { left: 3, right: 1 },
            Mask::Window { left: 0, right: 40 },
        ];
        for mask in masks {
            for queries in 1..12 {
                for keys in 1..12 {
                    let sum: u64 =
                        (0..queries).map(|i| mask.visible(i, queries, keys).len() as u64).sum();
                    assert_eq!(mask.visible_pairs(queries, keys), sum, "{mask} {queries} {keys}");
                }
            }
        }
    }

    #[test]
    fn parses_what_it_prints() {
        for text in ["full", "causal", "window:256,0"] {
            assert_eq!(text.parse::<Mask>().unwrap().to_string(), text);
        }
        for text in ["", "Full", "window", "window:1", "window:-1,0", "window:1,2,3"] {
            assert!(text.parse::<Mask>().is_err(), "{text}");
        }
    }
}
