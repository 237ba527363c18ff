//! *Data Movement Shape*: which cells the registers of a warp correspond to.

use super::super::registers::LANES;
use crate::numeric::F32;
use crate::numeric::float::{self, Extremum};

/// The shape of a `tcgen05.ld` or `tcgen05.st`.
///
/// Register `r` of thread `t` is this cell, relative to the address:
///
/// | shape | lane | column |
/// |---|---|---|
/// | `32x32b` | t | r |
/// | `16x64b` | t / 4 + 8 · (t % 2) | 2r + t / 2 % 2 |
/// | `16x128b` | t / 4 + 8 · (r % 2) | 4 · (r / 2) + t % 4 |
/// | `16x256b` | t / 4 + 8 · (r / 2 % 2) | 8 · (r / 4) + 2 · (t % 4) + r % 2 |
/// | `16x32bx2` | t % 16 | r, of the upper half of the warp + the distance given |
///
/// Packed, what would be column `c` is column `2c` in the lower half of the register and `2c + 1` in
/// the upper one, of which only the lower 16 bits of the cells take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    kind: Kind,
    packed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lanes32,
    /// This many columns are repeated.
    Lanes16(u32),
    /// The columns of the upper half of the warp lie so far from those of the lower one.
    Halves(u32),
}

impl Shape {
    pub(crate) fn lanes32() -> Self {
        Self { kind: Kind::Lanes32, packed: false }
    }

    /// 16 lanes of 2, 4 or 8 columns.
    pub(crate) fn lanes16(columns: u32) -> Self {
        Self { kind: Kind::Lanes16(columns), packed: false }
    }

    pub(crate) fn halves(distance: u32) -> Self {
        Self { kind: Kind::Halves(distance), packed: false }
    }

    pub(crate) fn packed(self) -> Self {
        Self { packed: true, ..self }
    }

    /// Whether each register holds two columns.
    pub(crate) fn is_packed(self) -> bool {
        self.packed
    }

    /// Whether register `r` of thread `t` is lane `t` of column `r`.
    pub(crate) fn is_direct(self) -> bool {
        self == Self::lanes32()
    }

    /// Lanes that it reaches.
    pub(crate) fn lanes(self) -> u32 {
        if matches!(self.kind, Kind::Lanes32) { 32 } else { 16 }
    }

    /// The ranges of columns that so many registers reach, as where each begins relative to the
    /// address, and how many they are.
    pub(crate) fn columns(self, registers: u32) -> (u32, impl Iterator<Item = u32>) {
        let (first, second) = match self.kind {
            Kind::Lanes32 => (registers, None),
            // Each register holds one of 2 rows of 2 columns, of 2 of 4, of 2 of 8 ...
            Kind::Lanes16(_) => (registers * 2, None),
            Kind::Halves(distance) => (registers, Some(distance)),
        };
        let count = if self.packed { 2 * first } else { first };
        (count, std::iter::once(0).chain(second))
    }

    /// The lane and column of register `r` of thread `t`; of two columns the first.
    #[inline(always)]
    pub(crate) fn cell(self, r: u32, t: u32) -> (u32, u32) {
        let scale = 1 + u32::from(self.packed);
        match self.kind {
            Kind::Lanes32 => (t, r * scale),
            Kind::Lanes16(2) => ((t >> 2) + 8 * (t & 1), (2 * r + (t >> 1 & 1)) * scale),
            Kind::Lanes16(4) => ((t >> 2) + 8 * (r & 1), (4 * (r >> 1) + (t & 3)) * scale),
            Kind::Lanes16(_) => {
                let column = 8 * (r >> 2) + 2 * (t & 3) + (r & 1);
                ((t >> 2) + 8 * (r >> 1 & 1), column * scale)
            }
            Kind::Halves(distance) => (t & 15, r * scale + (t >> 4) * distance),
        }
    }
}

/// What `tcgen05.ld.red` computes over the registers of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    Float { maximum: bool, magnitude: bool, nan: bool },
    Unsigned { maximum: bool },
    Signed { maximum: bool },
}

impl Reduction {
    /// The minimum or maximum so far with one value more.
    pub(crate) fn add(self, so_far: u32, value: u32) -> u32 {
        let pick = |first: bool| if first { so_far } else { value };
        match self {
            Self::Unsigned { maximum } => pick((so_far > value) == maximum),
            Self::Signed { maximum } => pick((so_far as i32 > value as i32) == maximum),
            Self::Float { maximum, magnitude, nan } => {
                let sign = if magnitude { !(1 << 31) } else { u32::MAX };
                let how = Extremum { propagate_nan: nan, ..Extremum::default() };
                let (a, b) = (so_far & sign, value & sign);
                if maximum {
                    float::maximum::<F32>(a, b, how)
                } else {
                    float::minimum::<F32>(a, b, how)
                }
            }
        }
    }

    /// The minimum or maximum of the registers of each thread.
    pub(crate) fn of<'a>(self, registers: impl Iterator<Item = &'a [u32; LANES]>) -> [u32; LANES] {
        let mut result: Option<[u32; LANES]> = None;
        for register in registers {
            match &mut result {
                // The first alone, so that its sign goes.
                None => result = Some(register.map(|value| self.add(value, value))),
                Some(result) => {
                    for (so_far, value) in result.iter_mut().zip(register) {
                        *so_far = self.add(*so_far, *value);
                    }
                }
            }
        }
        result.unwrap_or([0; LANES])
    }
}
