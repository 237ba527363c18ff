//! What registers of fragments hold.

use super::Register;
use super::tile::Tile;
use crate::numeric::narrow::{e4m3_to_f32, e5m2_to_f32, small_to_f32};
use crate::numeric::{Bf16, E2m1, E2m3, E3m2, E4m3, E5m2, F16, Tf32, bf16_to_f32, f16_to_f32};

/// A type of the elements of A and B, of which the registers of four lanes hold `C`.
pub trait Element<const C: usize> {
    /// The values in a register, 8 rows of `C`: lane 4g + q holds elements q·C/4 and up of row g,
    /// lowest first.
    fn widen(register: &Register, rows: &mut Tile<8, C>);
}

/// A type of the elements of a matrix.
pub trait Number {
    /// Bits of an element.
    const BITS: usize;
    /// The value of the low bits.
    fn value(bits: u32) -> f32;
}

macro_rules! element {
    ($(#[$doc:meta])* $name:ident, $columns:literal, $bits:ty, $value:expr) => {
        impl Number for $name {
            const BITS: usize = 128 / $columns;
            #[inline(always)]
            fn value(bits: u32) -> f32 {
                $value(bits as $bits)
            }
        }

        impl Element<$columns> for $name {
            #[inline(always)]
            fn widen(register: &Register, rows: &mut Tile<8, $columns>) {
                const EACH: usize = $columns / 4;
                // Apart, both loops vectorize.
                let mut elements = [0; 8 * $columns];
                for (elements, word) in elements.chunks_exact_mut(EACH).zip(register) {
                    for (i, element) in elements.iter_mut().enumerate() {
                        *element = (word >> (i * 32 / EACH)) as $bits;
                    }
                }
                for (value, element) in rows.as_flattened_mut().iter_mut().zip(elements) {
                    *value = $value(element);
                }
            }
        }
    };
}

/// `.s8`.
#[derive(Clone, Copy, Debug)]
pub struct S8;
/// `.u8`.
#[derive(Clone, Copy, Debug)]
pub struct U8;
/// `.s4`.
#[derive(Clone, Copy, Debug)]
pub struct S4;
/// `.u4`.
#[derive(Clone, Copy, Debug)]
pub struct U4;
/// `.b1`.
#[derive(Clone, Copy, Debug)]
pub struct B1;

element!(F16, 8, u16, f16_to_f32);
element!(Bf16, 8, u16, bf16_to_f32);
element!(Tf32, 4, u32, |bits: u32| f32::from_bits(bits & !0x1fff));
element!(E4m3, 16, u8, e4m3_to_f32);
element!(E5m2, 16, u8, e5m2_to_f32);
element!(S8, 16, u8, |bits: u8| f32::from(bits as i8));
element!(U8, 16, u8, f32::from);
element!(S4, 32, u8, |bits: u8| f32::from((bits << 4) as i8 >> 4));
element!(U4, 32, u8, |bits: u8| f32::from(bits & 15));
element!(B1, 128, u8, |bits: u8| f32::from(bits & 1));

/// A format of fewer bits than a byte.
macro_rules! small {
    ($name:ident, $bits:literal) => {
        impl Number for $name {
            const BITS: usize = $bits;
            #[inline(always)]
            fn value(bits: u32) -> f32 {
                small_to_f32::<$name>((bits & ((1 << $bits) - 1)) as u8)
            }
        }
    };
}

small!(E3m2, 6);
small!(E2m3, 6);
small!(E2m1, 4);
