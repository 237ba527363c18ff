//! Holds what a kernel wrote against what it should have written.

use std::fmt;

use crate::{DType, Value};

/// An element matches where |found − expected| ≤ `absolute` + `relative`·|expected|. An infinity
/// matches itself only, and NaN nothing, NaN included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// The part that does not depend on the expected value.
    pub absolute: f64,
    /// The part in proportion to the expected value.
    pub relative: f64,
}

impl Tolerance {
    /// |found − expected| less what is allowed: positive where the two do not match, infinite where
    /// no tolerance helps.
    fn excess(self, found: Value, expected: Value) -> f64 {
        let difference = match (found, expected) {
            (Value::Int(found), Value::Int(expected)) => (found - expected).unsigned_abs() as f64,
            _ => match (found.to_f64(), expected.to_f64()) {
                (found, expected) if found.is_infinite() && found == expected => return 0.0,
                (found, expected) if !found.is_finite() || !expected.is_finite() => {
                    return f64::INFINITY;
                }
                (found, expected) => (found - expected).abs(),
            },
        };
        difference - (self.absolute + self.relative * expected.to_f64().abs())
    }

    /// Whether `found` matches `expected`.
    pub fn admits(self, found: Value, expected: Value) -> bool {
        self.excess(found, expected) <= 0.0
    }
}

/// How a buffer compares.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Elements compared.
    pub elements: usize,
    /// Elements that do not match.
    pub mismatches: usize,
    /// The largest |found − expected| of the elements where both are finite.
    pub largest_error: f64,
    /// The mismatch that is furthest beyond its tolerance.
    pub worst: Option<Mismatch>,
}

/// An element that does not match.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Its index, outermost dimension first.
    pub index: Vec<usize>,
    /// What is there.
    pub found: Value,
    /// What should be.
    pub expected: Value,
}

impl Comparison {
    /// Whether every element matches.
    pub fn matches(&self) -> bool {
        self.mismatches == 0
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Comparison { elements, mismatches, largest_error, worst } = self;
        match worst {
            None => {
                write!(f, "{elements} elements match, the largest error is {largest_error:.3e}")
            }
            Some(Mismatch { index, found, expected }) => write!(
                f,
                "{mismatches} of {elements} elements differ, the worst at {index:?}: \
                 found {found}, expected {expected}"
            ),
        }
    }
}

/// Compares the elements of `found`, of type `dtype` and in C order, with `expected`.
///
/// # Panics
/// Where there are fewer bytes in `found` than expected values have elements, or another number of
/// them than `shape` has.
pub fn compare(
    shape: &[usize],
    dtype: DType,
    found: &[u8],
    expected: impl ExactSizeIterator<Item = Value>,
    tolerance: Tolerance,
) -> Comparison {
    compare_each(shape, dtype, found, expected.map(|value| (value, tolerance)))
}

/// As [`compare`], with a tolerance for each element.
///
/// # Panics
/// As [`compare`].
pub fn compare_each(
    shape: &[usize],
    dtype: DType,
    found: &[u8],
    expected: impl ExactSizeIterator<Item = (Value, Tolerance)>,
) -> Comparison {
    let elements = expected.len();
    assert_eq!(elements, shape.iter().product::<usize>(), "an expected value for every element");
    assert_eq!(found.len(), elements * dtype.size(), "a found value for every element");
    let (mut mismatches, mut largest_error) = (0, 0f64);
    let mut worst: Option<(f64, usize, Value, Value)> = None;
    let pairs = found.chunks_exact(dtype.size()).zip(expected);
    for (index, (element, (expected, tolerance))) in pairs.enumerate() {
        let found = dtype.value(element);
        let error = (found.to_f64() - expected.to_f64()).abs();
        if error.is_finite() {
            largest_error = largest_error.max(error);
        }
        let excess = tolerance.excess(found, expected);
        if excess > 0.0 {
            mismatches += 1;
            if worst.as_ref().is_none_or(|(largest, ..)| excess > *largest) {
                worst = Some((excess, index, found, expected));
            }
        }
    }
    let worst = worst.map(|(_, index, found, expected)| Mismatch {
        index: multi_index(index, shape),
        found,
        expected,
    });
    Comparison { elements, mismatches, largest_error, worst }
}

/// The index in every dimension of the element at `place` in C order.
fn multi_index(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|extent| {
            let here = place % extent;
            place /= extent;
            here
        })
        .collect();
    index.reverse();
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOOSE: Tolerance = Tolerance { absolute: 0.5, relative: 0.1 };
    const EXACT: Tolerance = Tolerance { absolute: 0.0, relative: 0.0 };

    fn check(found: f64, expected: f64, matches: bool) {
        let admitted = LOOSE.admits(Value::Float(found), Value::Float(expected));
        assert_eq!(admitted, matches, "{found} against {expected}");
    }

    #[test]
    fn what_matches() {
        const INF: f64 = f64::INFINITY;
        check(11.5, 10.0, true);
        check(11.6, 10.0, false);
        check(-0.5, 0.0, true);
        check(f64::NAN, 0.0, false);
        check(0.0, f64::NAN, false);
        check(f64::NAN, f64::NAN, false);
        check(INF, INF, true);
        check(-INF, -INF, true);
        check(INF, -INF, false);
        check(1e300, INF, false);
        check(INF, 1e300, false);
        check(f64::NAN, INF, false);
    }

    #[test]
    fn integers_are_compared_exactly() {
        let (large, next) = (Value::Int(i64::MAX.into()), Value::Int(i128::from(i64::MAX) - 1));
        assert!(EXACT.admits(large, large));
        assert!(!EXACT.admits(large, next));
    }

    #[test]
    fn the_worst_is_told_with_its_index() {
        let found = DType::F32.to_bytes([0.0, 1.0, 7.0, 3.0, 4.5, 9.0]);
        let expected = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(Value::Float).into_iter();
        let comparison = compare(&[2, 3], DType::F32, &found, expected, EXACT);
        assert!(!comparison.matches());
        assert_eq!((comparison.elements, comparison.mismatches), (6, 3));
        assert_eq!(comparison.largest_error, 5.0);
        assert_eq!(
            comparison.to_string(),
            "3 of 6 elements differ, the worst at [0, 2]: found 7.0, expected 2.0"
        );
        let found = DType::F32.to_bytes([9.0, f64::NAN, 9.0]);
        let expected = [0.0; 3].map(Value::Float).into_iter();
        let comparison = compare(&[3, 1], DType::F32, &found, expected, LOOSE);
        assert_eq!(comparison.worst.unwrap().index, [1, 0]);
    }

    proptest! {
        #[test]
        fn what_is_within_tolerance_by_the_formula_matches(found in -9.0..9.0, expected in -9.0..9.0f64) {
            let by_formula = f64::abs(found - expected) <= 0.5 + 0.1 * expected.abs();
            let admitted = LOOSE.admits(Value::Float(found), Value::Float(expected));
            prop_assert_eq!(admitted, by_formula);
        }
    }
}
