//! Matrices of products in shared memory.

use super::descriptor::{Descriptor, Major, Swizzle, UNIT};
use super::element::Number;

/// A matrix in shared memory as the units of 16 bytes that its elements lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Units {
    /// Where it lies.
    pub descriptor: Descriptor,
    /// In which order.
    pub major: Major,
    /// Elements of a unit.
    pub each: usize,
    /// Columns of A, or rows of B.
    pub k: usize,
}

impl Units {
    /// The units of rows of A or columns of B: row or column and k of the first element, and the
    /// address.
    #[inline(always)]
    pub fn of(
        self,
        outer: std::ops::Range<usize>,
    ) -> impl Iterator<Item = (usize, usize, u32)> + use<> {
        let (outer_step, k_step) = match self.major {
            Major::K => (1, self.each),
            Major::Mn => (self.each, 1),
        };
        let bits = 8 * UNIT / self.each;
        outer.step_by(outer_step).flat_map(move |i| {
            let at = move |k| (i, k, self.descriptor.unit(self.major, i, k, bits));
            (0..self.k).step_by(k_step).map(at)
        })
    }

    /// An address that its `outer` rows or columns do not reach; near their end, but not
    /// necessarily there.
    pub fn bound(self, outer: usize) -> u32 {
        let Descriptor { start, leading, stride, swizzle } = self.descriptor;
        let span = swizzle.span();
        // Some rows of a span, and how often each offset is added.
        let groups = |elements: usize, each: usize| (elements.div_ceil(each) - 1) as u32;
        let span_elements = span as usize / UNIT * self.each;
        let rows = swizzle.rows() as usize;
        let (leadings, strides) = match (self.major, swizzle) {
            (Major::K, Swizzle::None) => (groups(self.k, self.each), groups(outer, 8)),
            (Major::K, _) => (0, groups(outer, 8)),
            (Major::Mn, Swizzle::None) => (groups(self.k, 8), groups(outer, span_elements)),
            (Major::Mn, _) => (groups(outer, span_elements), groups(self.k, rows)),
        };
        // A matrix that begins within a row goes on in the next.
        (start | (span - 1)) + leadings * leading + strides * stride + 9 * span
    }

    /// Calls a function with each element of `outer` rows or columns: its row or column, its k, and
    /// its value.
    #[inline(always)]
    pub fn widen<T: Number, const E: usize>(
        self,
        outer: usize,
        read: impl Fn(u32) -> [u8; UNIT],
        mut put: impl FnMut(usize, usize, f32),
    ) {
        let bits = 8 * UNIT / E;
        match self.major {
            Major::K => {
                for i in 0..outer {
                    for first in (0..self.k).step_by(E) {
                        let unit = read(self.descriptor.unit(Major::K, i, first, bits));
                        for (j, value) in numbers::<T, E>(unit).into_iter().enumerate() {
                            put(i, first + j, value);
                        }
                    }
                }
            }
            Major::Mn => {
                for first in (0..outer).step_by(E) {
                    for k in 0..self.k {
                        let unit = read(self.descriptor.unit(Major::Mn, first, k, bits));
                        for (j, value) in numbers::<T, E>(unit).into_iter().enumerate() {
                            put(first + j, k, value);
                        }
                    }
                }
            }
        }
    }
}

/// The numbers of a unit, which lie one after the other from its beginning.
#[inline(always)]
fn numbers<T: Number, const E: usize>(unit: [u8; UNIT]) -> [f32; E] {
    let bits = u128::from_le_bytes(unit);
    std::array::from_fn(|i| T::value((bits >> (i * T::BITS)) as u32))
}
