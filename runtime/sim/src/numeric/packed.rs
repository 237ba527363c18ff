//! Packed types: one operation on each element of a register.
//!
//! ```
//! use tilewright_sim::numeric::{F16, Mode, float, packed};
//! // add.rn.f16x2: {2, 1} + {1, 1}
//! let sum = packed::halves2(0x4000_3c00, 0x3c00_3c00, |a, b| float::add::<F16>(a, b, Mode::NEAREST));
//! assert_eq!(sum, 0x4200_4000);
//! ```

/// On each 16-bit half: `.f16x2`, `.bf16x2`, `.u16x2`, `.s16x2`.
#[inline(always)]
pub fn halves(a: u32, operation: impl Fn(u16) -> u16) -> u32 {
    join16(operation((a >> 16) as u16), operation(a as u16))
}

/// On each 16-bit half of two operands.
#[inline(always)]
pub fn halves2(a: u32, b: u32, operation: impl Fn(u16, u16) -> u16) -> u32 {
    let high = operation((a >> 16) as u16, (b >> 16) as u16);
    join16(high, operation(a as u16, b as u16))
}

/// On each 16-bit half of three operands.
#[inline(always)]
pub fn halves3(a: u32, b: u32, c: u32, operation: impl Fn(u16, u16, u16) -> u16) -> u32 {
    let high = operation((a >> 16) as u16, (b >> 16) as u16, (c >> 16) as u16);
    join16(high, operation(a as u16, b as u16, c as u16))
}

#[inline(always)]
fn join16(high: u16, low: u16) -> u32 {
    u32::from(high) << 16 | u32::from(low)
}

/// On each 32-bit half: `.f32x2`.
#[inline(always)]
pub fn words2(a: u64, b: u64, operation: impl Fn(u32, u32) -> u32) -> u64 {
    let high = operation((a >> 32) as u32, (b >> 32) as u32);
    join32(high, operation(a as u32, b as u32))
}

/// On each 32-bit half of three operands.
#[inline(always)]
pub fn words3(a: u64, b: u64, c: u64, operation: impl Fn(u32, u32, u32) -> u32) -> u64 {
    let high = operation((a >> 32) as u32, (b >> 32) as u32, (c >> 32) as u32);
    join32(high, operation(a as u32, b as u32, c as u32))
}

#[inline(always)]
fn join32(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
