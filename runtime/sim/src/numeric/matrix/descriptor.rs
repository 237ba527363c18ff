//! *Matrix Descriptor Format* and *Shared Memory Matrix Layout* of `wgmma`: where in shared memory
//! the elements of a matrix lie.
//!
//! A descriptor has 64 bits, of which those not named are 0. Addresses and offsets count 16 bytes:
//!
//! | bits | field |
//! |---|---|
//! | 0–13 | start address |
//! | 16–29 | leading dimension offset, `L` |
//! | 32–45 | stride dimension offset, `S` |
//! | 49–51 | base offset |
//! | 62–63 | swizzle: 0 none, 1 128 bytes, 2 64 bytes, 3 32 bytes |
//!
//! Element (i, k), `i` being a row of A or a column of B, of `e` bytes, lies at this offset from
//! the start, where `w` is the span of the swizzle in bytes:
//!
//! | major | swizzle | offset |
//! |---|---|---|
//! | K | none | (i % 8) · 16 + (i / 8) · S + (k·e / 16) · L + k·e % 16 |
//! | K | w | (i % 8) · w + (i / 8) · S + k·e |
//! | MN | none | i·e % 16 + (i·e / 16) · S + (k % 8) · 16 + (k / 8) · L |
//! | MN | w | i·e % w + (i·e / w) · L + (k % 8) · w + (k / 8) · S |
//!
//! The swizzle then permutes the 16-byte units of the sum of start and offset, which need not begin
//! where the pattern does.

use thiserror::Error;

/// Bytes that lie together in every layout.
pub const UNIT: usize = 16;

/// How 16-byte units are permuted: bits of the address from 4 up are exclusive-ored with those from
/// 7 up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Swizzle {
    /// Not at all.
    None,
    /// One bit, which permutes rows of 32 bytes.
    Bytes32,
    /// Two bits, rows of 64 bytes.
    Bytes64,
    /// Three bits, rows of 128 bytes.
    Bytes128,
}

impl Swizzle {
    /// Bytes of a row that is permuted in itself.
    pub fn span(self) -> u32 {
        match self {
            Self::None => UNIT as u32,
            Self::Bytes32 => 32,
            Self::Bytes64 => 64,
            Self::Bytes128 => 128,
        }
    }

    /// Bytes after which the pattern is the same again: eight rows.
    pub fn repeat(self) -> u32 {
        8 * self.span()
    }

    /// Where a byte of the plain matrix lies.
    #[inline]
    pub fn apply(self, address: u32) -> u32 {
        let units = self.span() / UNIT as u32 - 1;
        address ^ (address >> 7 & units) << 4
    }
}

/// Along which dimension elements are neighbours in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Major {
    /// Along K: A by rows, B by columns.
    K,
    /// Along M or N: A by columns, B by rows.
    Mn,
}

/// A decoded matrix descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Descriptor {
    /// Bytes from the beginning of the block's shared memory.
    pub start: u32,
    /// Leading dimension offset in bytes.
    pub leading: u32,
    /// Stride dimension offset in bytes.
    pub stride: u32,
    /// The permutation of 16-byte units.
    pub swizzle: Swizzle,
}

/// Why a descriptor is not one that the hardware defines.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DescriptorError {
    /// Bits without a meaning are set.
    #[error("reserved bits {0:#018x} are set")]
    Reserved(u64),
    /// The pattern begins elsewhere than where it repeats.
    #[error(
        "the base offset is {0}; expected 0, with a pattern that begins at multiples of its repeat"
    )]
    BaseOffset(u64),
}

impl Descriptor {
    const RESERVED: u64 = !(0x3fff | 0x3fff << 16 | 0x3fff << 32 | 7 << 49 | 3 << 62);

    /// Takes a descriptor apart. Without a swizzle the base offset means nothing.
    ///
    /// ```
    /// use tilewright_sim::numeric::matrix::{Descriptor, Swizzle};
    /// let descriptor = Descriptor::decode(0x4000_0040_0000_0000 | 0x400 >> 4).unwrap();
    /// assert_eq!((descriptor.start, descriptor.stride), (0x400, 1024));
    /// assert_eq!(descriptor.swizzle, Swizzle::Bytes128);
    /// ```
    ///
    /// # Errors
    ///
    /// Where reserved bits are set, or the pattern of a swizzle begins elsewhere than at a multiple of
    /// its repeat. A matrix may begin anywhere in the pattern.
    pub fn decode(bits: u64) -> Result<Self, DescriptorError> {
        if bits & Self::RESERVED != 0 {
            return Err(DescriptorError::Reserved(bits & Self::RESERVED));
        }
        let field = |shift: u32| (bits >> shift & 0x3fff) as u32 * UNIT as u32;
        let swizzle = match bits >> 62 {
            0 => Swizzle::None,
            1 => Swizzle::Bytes128,
            2 => Swizzle::Bytes64,
            _ => Swizzle::Bytes32,
        };
        let descriptor = Self { start: field(0), leading: field(16), stride: field(32), swizzle };
        match bits >> 49 & 7 {
            base if base != 0 && swizzle != Swizzle::None => Err(DescriptorError::BaseOffset(base)),
            _ => Ok(descriptor),
        }
    }

    /// Where the 16-byte unit lies that begins with element (`i`, `k`) of `bits` bits.
    #[inline]
    pub fn unit(&self, major: Major, i: usize, k: usize, bits: usize) -> u32 {
        let (unit, span) = (UNIT as u32, self.swizzle.span());
        let (i, k) = (i as u32, k as u32);
        let bytes = |index: u32| index * bits as u32 / 8;
        let offset = match (major, self.swizzle) {
            (Major::K, Swizzle::None) => {
                i % 8 * unit + i / 8 * self.stride + bytes(k) / unit * self.leading
            }
            (Major::K, _) => i % 8 * span + i / 8 * self.stride + bytes(k),
            (Major::Mn, Swizzle::None) => {
                bytes(i) / unit * self.stride + k % 8 * unit + k / 8 * self.leading
            }
            (Major::Mn, _) => {
                bytes(i) % span
                    + bytes(i) / span * self.leading
                    + k % 8 * span
                    + k / 8 * self.stride
            }
        };
        self.swizzle.apply(self.start + offset)
    }
}
