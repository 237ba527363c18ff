//! Tests against exact arithmetic on integers of any size.

mod approximate;
mod bits;
mod compare;
mod convert;
mod float;
mod integer;
mod matrix;
mod narrow;
mod oracle;
mod tcgen05;
mod wgmma;
mod wmma;

use proptest::prelude::*;
use proptest::sample::select;

use super::Format;
use super::format::Bits;

/// Encodings of a format: special ones, their neighbours, and random ones.
fn encodings<F: Format>() -> impl Strategy<Value = F::Bits> {
    let total = 1 + F::EXPONENT_BITS + F::FRACTION_BITS;
    let all_ones = u64::MAX >> (64 - total);
    let corners = [0, 1, 1 << F::FRACTION_BITS, F::ONE, F::INFINITY, F::LARGEST, F::NAN];
    let near = (select(corners.to_vec()), -3_i64..=3, any::<bool>()).prop_map(
        move |(corner, distance, negative)| {
            let magnitude = corner.wrapping_add_signed(distance) & (F::SIGN - 1);
            magnitude | if negative { F::SIGN } else { 0 }
        },
    );
    // Numbers of like size, so that sums cancel and ties occur.
    let few_bits =
        (0..all_ones, 0..=F::FRACTION_BITS).prop_map(|(bits, zeros)| bits >> zeros << zeros);
    let near_one =
        (-8_i64..8, 0..all_ones, 0..=F::FRACTION_BITS).prop_map(|(exponent, bits, zeros)| {
            let fraction = bits & ((1 << F::FRACTION_BITS) - 1);
            let exponent = (F::ONE >> F::FRACTION_BITS).wrapping_add_signed(exponent);
            let exponent = exponent.clamp(1, (1 << F::EXPONENT_BITS) - 2);
            bits & F::SIGN | exponent << F::FRACTION_BITS | fraction >> zeros << zeros
        });
    let random = 0..=all_ones;
    prop_oneof![1 => near, 2 => few_bits, 3 => near_one, 2 => random]
        .prop_map(|bits| F::encode(F::Bits::narrow(bits).widen()))
}

/// A 16-, 32- or 64-bit integer: random, small, or near an end of its range.
fn integers() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (any::<u64>(), 0_u32..64).prop_map(|(bits, shift)| bits >> shift),
        (0_u32..64, -2_i64..=2).prop_map(|(bit, near)| (1_u64 << bit).wrapping_add_signed(near)),
    ]
}
