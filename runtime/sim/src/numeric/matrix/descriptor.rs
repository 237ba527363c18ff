//! *Matrix Descriptor Format* and *Shared Memory Matrix Layout* of `wgmma`, *Shared memory
//! descriptor* of `tcgen05`: where in shared memory the elements of a matrix lie.
//!
//! A descriptor has 64 bits, of which those not named are 0. Addresses and offsets count 16 bytes:
//!
//! | bits | field |
//! |---|---|
//! | 0–13 | start address |
//! | 16–29 | leading dimension offset, `L` |
//! | 32–45 | stride dimension offset, `S` |
//! | 46–48 | of `tcgen05`: 1 |
//! | 49–51 | base offset |
//! | 52 | of `tcgen05` on sm_103a: whether `L` is an address |
//! | 62–63 | swizzle of `wgmma`: 0 none, 1 128 bytes, 2 64 bytes, 3 32 bytes |
//! | 61–63 | swizzle of `tcgen05`: 0 none, 1 128 bytes in atoms of 32, 2 128 bytes, 4 64 bytes, 6 32 bytes |
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
//! where the pattern does. In atoms of 32 bytes, which are for MN-major elements of 32 bits, the rows
//! are permuted four by four: 4 stands in place of 8, and pairs of units change places.

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
    /// Rows of 128 bytes, whose pairs of units are permuted: bits 5 and 6 are exclusive-ored with 7
    /// and 8.
    Bytes128Atoms32,
}

impl Swizzle {
    /// Bytes of a row that is permuted in itself.
    pub fn span(self) -> u32 {
        match self {
            Self::None => UNIT as u32,
            Self::Bytes32 => 32,
            Self::Bytes64 => 64,
            Self::Bytes128 | Self::Bytes128Atoms32 => 128,
        }
    }

    /// Rows after which the pattern is the same again.
    pub fn rows(self) -> u32 {
        if self == Self::Bytes128Atoms32 { 4 } else { 8 }
    }

    /// Bytes after which the pattern is the same again.
    pub fn repeat(self) -> u32 {
        self.rows() * self.span()
    }

    /// Where a byte of the plain matrix lies.
    #[inline]
    pub fn apply(self, address: u32) -> u32 {
        if self == Self::Bytes128Atoms32 {
            return address ^ (address >> 7 & 3) << 5;
        }
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
    /// Bits 46 to 48 are not those of `tcgen05`.
    #[error("bits 46 to 48 are {0}; expected 1, as descriptors of tcgen05 have it")]
    Version(u64),
    /// A swizzle that there is not.
    #[error("the swizzle is {0}; expected 0, 1, 2, 4 or 6")]
    Swizzle(u64),
    /// The leading dimension is given as an address.
    #[error("bit 52 is set; expected a leading dimension that is an offset, not an address")]
    LeadingAddress,
    /// Atoms of 32 bytes for what these are not meant for.
    #[error(
        "the swizzle of 128 bytes in atoms of 32 is for MN-major elements of 32 bits; expected \
         another"
    )]
    Atoms32,
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
        Self::fields(
            bits,
            match bits >> 62 {
                0 => Swizzle::None,
                1 => Swizzle::Bytes128,
                2 => Swizzle::Bytes64,
                _ => Swizzle::Bytes32,
            },
        )
    }

    /// Takes a descriptor of `tcgen05` apart.
    ///
    /// ```
    /// use tilewright_sim::numeric::matrix::{Descriptor, Swizzle};
    /// let descriptor = Descriptor::decode_tcgen05(0x4000_4040_0000_0040).unwrap();
    /// assert_eq!((descriptor.start, descriptor.stride), (0x400, 1024));
    /// assert_eq!(descriptor.swizzle, Swizzle::Bytes128);
    /// ```
    ///
    /// # Errors
    ///
    /// The same as of [`decode`](Self::decode), and where bits 46 to 48 are not 1, there is no such
    /// swizzle, or the leading dimension is an address.
    pub fn decode_tcgen05(bits: u64) -> Result<Self, DescriptorError> {
        let reserved = bits & !(0x3fff | 0x3fff << 16 | 0x3fff << 32 | 0x7f << 46 | 7 << 61);
        if reserved != 0 {
            return Err(DescriptorError::Reserved(reserved));
        }
        match bits >> 46 & 7 {
            1 => {}
            version => return Err(DescriptorError::Version(version)),
        }
        if bits >> 52 & 1 != 0 {
            return Err(DescriptorError::LeadingAddress);
        }
        Self::fields(
            bits,
            match bits >> 61 {
                0 => Swizzle::None,
                1 => Swizzle::Bytes128Atoms32,
                2 => Swizzle::Bytes128,
                4 => Swizzle::Bytes64,
                6 => Swizzle::Bytes32,
                swizzle => return Err(DescriptorError::Swizzle(swizzle)),
            },
        )
    }

    /// What all descriptors have.
    fn fields(bits: u64, swizzle: Swizzle) -> Result<Self, DescriptorError> {
        let field = |shift: u32| (bits >> shift & 0x3fff) as u32 * UNIT as u32;
        let descriptor = Self { start: field(0), leading: field(16), stride: field(32), swizzle };
        match bits >> 49 & 7 {
            base if base != 0 && swizzle != Swizzle::None => Err(DescriptorError::BaseOffset(base)),
            _ => Ok(descriptor),
        }
    }

    /// Where the 16-byte unit lies that begins with element (`i`, `k`) of `bits` bits.
    #[inline]
    pub fn unit(&self, major: Major, i: usize, k: usize, bits: usize) -> u32 {
        let (unit, span, rows) = (UNIT as u32, self.swizzle.span(), self.swizzle.rows());
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
                    + k % rows * span
                    + k / rows * self.stride
            }
        };
        self.swizzle.apply(self.start + offset)
    }
}
