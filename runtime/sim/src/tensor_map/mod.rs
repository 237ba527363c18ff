//! Tensor maps: tensors in global memory and the boxes of them that tensor copies move.

mod encoding;

pub(crate) use encoding::{Field, replace_field};

use thiserror::Error;

/// Bytes of an encoded map.
pub(crate) const SIZE: u32 = 128;

/// A tensor in global memory, and how a box of it lies in shared memory: what the driver's
/// `cuTensorMapEncodeTiled` encodes. Dimension 0 is the innermost, and contiguous.
///
/// ```
/// use tilewright_sim::{Element, Swizzle, TensorMap};
/// let map = TensorMap {
///     element: Element::Bf16,
///     address: 0x7_0000_0000,
///     shape: vec![64, 512],
///     strides: vec![128],
///     box_shape: vec![64, 128],
///     element_strides: vec![1, 1],
///     swizzle: Swizzle::Bytes128,
///     fill_nan: false,
/// };
/// assert_eq!(TensorMap::decode(&map.encode()), Ok(map));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorMap {
    /// The elements' type.
    pub element: Element,
    /// The device address of the tensor, a multiple of 16.
    pub address: u64,
    /// Extents in elements, of one to five dimensions.
    pub shape: Vec<u64>,
    /// Distances in bytes for dimension 1 and up, multiples of 16.
    pub strides: Vec<u64>,
    /// Extents of the box in elements, up to 256 each.
    pub box_shape: Vec<u32>,
    /// The step from one element taken to the next, in each dimension. That of dimension 0 is
    /// without effect.
    pub element_strides: Vec<u32>,
    /// How addresses are permuted in shared memory.
    pub swizzle: Swizzle,
    /// Whether elements outside of the tensor read as NaN, and not as zero.
    pub fill_nan: bool,
}

/// The type of a tensor's elements. What TMA loads and stores it does not convert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are PTX's types, by PTX's names")]
pub enum Element {
    U8,
    U16,
    U32,
    S32,
    U64,
    S64,
    F16,
    F32,
    F32Ftz,
    F64,
    Bf16,
    Tf32,
    Tf32Ftz,
}

impl Element {
    /// Every type, in the order in which `tensormap.replace` numbers them.
    const ALL: [Self; 13] = {
        use Element::*;
        [U8, U16, U32, S32, U64, S64, F16, F32, F32Ftz, F64, Bf16, Tf32, Tf32Ftz]
    };

    /// Bytes of an element.
    pub fn size(self) -> u32 {
        use Element::*;
        match self {
            U8 => 1,
            U16 | F16 | Bf16 => 2,
            U32 | S32 | F32 | F32Ftz | Tf32 | Tf32Ftz => 4,
            U64 | S64 | F64 => 8,
        }
    }

    /// The eight bytes of NaN after NaN that fill what is outside of a tensor.
    pub(crate) fn nan(self) -> u64 {
        match self.size() {
            2 => 0x7fff_7fff_7fff_7fff,
            4 => 0x7fff_ffff_7fff_ffff,
            _ => 0x7fff_ffff_ffff_ffff,
        }
    }

    /// Whether it is a floating-point type.
    pub(crate) fn is_float(self) -> bool {
        use Element::*;
        matches!(self, F16 | F32 | F32Ftz | F64 | Bf16 | Tf32 | Tf32Ftz)
    }
}

/// How addresses of shared memory are permuted: bits 7 and up of an address are added, without
/// carry, to lower ones (PTX manual, *Swizzling Modes*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Swizzle {
    /// Not at all.
    #[default]
    None,
    /// Units of 16 bytes within 32.
    Bytes32,
    /// Units of 16 bytes within 64.
    Bytes64,
    /// Units of 16 bytes within 128.
    Bytes128,
    /// Units of 32 bytes within 128.
    Bytes128Atom32,
    /// Units of 64 bytes within 128.
    Bytes128Atom64,
}

impl Swizzle {
    /// Where the byte at an address goes.
    ///
    /// ```
    /// use tilewright_sim::Swizzle;
    /// assert_eq!(Swizzle::Bytes128.apply(0x395), 0x3e5);
    /// ```
    #[inline]
    pub fn apply(self, address: u64) -> u64 {
        let (rows, unit) = match self {
            Self::None => return address,
            Self::Bytes32 => (1, 4),
            Self::Bytes64 => (3, 4),
            Self::Bytes128 => (7, 4),
            Self::Bytes128Atom32 => (3, 5),
            Self::Bytes128Atom64 => (1, 6),
        };
        address ^ (address >> 7 & rows) << unit
    }

    /// Bytes within which units are permuted, which the innermost extent of a box may not exceed.
    pub fn span(self) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Bytes32 => Some(32),
            Self::Bytes64 => Some(64),
            Self::Bytes128 | Self::Bytes128Atom32 | Self::Bytes128Atom64 => Some(128),
        }
    }
}

/// Bytes that are no tensor map the hardware could use.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TensorMapError {
    /// Nothing encoded a map there.
    #[error("the 128 bytes are no tensor map: encode one on the host, and do not write over it")]
    NotAMap,
    /// A field has a value that the hardware does not take.
    #[error("the {field} of the tensor map is {found}; expected {expected}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is there.
        found: u64,
        /// What could be there.
        expected: &'static str,
    },
}

impl TensorMap {
    /// Elements of a box that are taken in each dimension.
    pub(crate) fn taken(&self, dimension: usize) -> u32 {
        match dimension {
            0 => self.box_shape[0],
            _ => self.box_shape[dimension].div_ceil(self.element_strides[dimension]),
        }
    }

    /// Bytes of a box in shared memory.
    pub(crate) fn box_bytes(&self) -> u64 {
        let taken = (0..self.shape.len()).map(|dimension| u64::from(self.taken(dimension)));
        taken.product::<u64>() * u64::from(self.element.size())
    }

    /// Checks what the hardware needs to hold.
    ///
    /// # Errors
    ///
    /// The first field that has a value it does not take.
    pub fn check(&self) -> Result<(), TensorMapError> {
        let check = |field, found, holds, expected| match holds {
            true => Ok(()),
            false => Err(TensorMapError::Field { field, found, expected }),
        };
        let rank = self.shape.len();
        check("rank", rank as u64, (1..=5).contains(&rank), "1 to 5")?;
        let lengths = [self.strides.len() + 1, self.box_shape.len(), self.element_strides.len()];
        for length in lengths {
            check("number of extents", length as u64, length == rank, "one for each dimension")?;
        }
        let aligned = self.address.is_multiple_of(16);
        check("address", self.address, aligned, "a multiple of 16")?;
        for &extent in &self.shape {
            check("extent", extent, (1..=1 << 32).contains(&extent), "1 to 2^32")?;
        }
        for &stride in &self.strides {
            let holds = stride.is_multiple_of(16) && stride < 1 << 40;
            check("stride", stride, holds, "a multiple of 16 below 2^40")?;
        }
        for &extent in &self.box_shape {
            check("box extent", extent.into(), (1..=256).contains(&extent), "1 to 256")?;
        }
        for &stride in &self.element_strides {
            check("element stride", stride.into(), (1..=8).contains(&stride), "1 to 8")?;
        }
        let inner = self.box_shape[0] * self.element.size();
        let expected = "a multiple of 16 bytes within the span of the swizzle";
        let holds =
            inner.is_multiple_of(16) && self.swizzle.span().is_none_or(|span| inner <= span);
        check("innermost box extent", inner.into(), holds, expected)?;
        let holds = !self.fill_nan || self.element.is_float();
        check("fill mode", 1, holds, "0 where the elements are no floating-point numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swizzle_permutes_units_within_its_repeat() {
        use Swizzle::*;
        for (swizzle, repeat) in [
            (None, 256),
            (Bytes32, 256),
            (Bytes64, 512),
            (Bytes128, 1024),
            (Bytes128Atom32, 512),
            (Bytes128Atom64, 256),
        ] {
            let mut seen: Vec<u64> = (0..repeat).map(|address| swizzle.apply(address)).collect();
            for (address, &to) in seen.iter().enumerate() {
                let address = address as u64;
                assert_eq!(address / 128, to / 128, "a row of banks stays one");
                assert_eq!(address % 16, to % 16, "16 bytes stay together");
                assert_eq!(swizzle.apply(address + repeat), to + repeat);
                assert_eq!(swizzle.apply(to), address, "twice is not at all");
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..repeat).collect::<Vec<_>>());
        }
    }

    #[test]
    fn rows_of_a_column_of_units_lie_in_different_banks() {
        let units = |swizzle: Swizzle, rows: u64, row: u64| {
            let mut units: Vec<u64> = (0..rows).map(|i| swizzle.apply(i * row) / 16 % 8).collect();
            units.sort_unstable();
            units.dedup();
            units.len() as u64
        };
        assert_eq!(units(Swizzle::Bytes128, 8, 128), 8);
        assert_eq!(units(Swizzle::Bytes64, 8, 64), 8);
        assert_eq!(units(Swizzle::Bytes32, 8, 32), 8);
    }
}
