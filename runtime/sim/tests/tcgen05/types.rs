//! The types of elements, and how small numbers are encoded in them.

use tilewright_sim::numeric::narrow::{Narrowing, byte_pair, nibble_pair};
use tilewright_sim::numeric::{E2m1, E2m3, E3m2, E4m3, E5m2, f32_to_f16};

/// The kind, the types of D, A and B, and the elements of a block with a scale.
pub(crate) type Types = (&'static str, &'static str, &'static str, &'static str, usize);

pub(crate) const TYPES: [Types; 22] = [
    ("f16", "f16", "f16", "f16", 0),
    ("f16", "f32", "f16", "f16", 0),
    ("f16", "f32", "bf16", "bf16", 0),
    ("f16", "f32", "f16", "bf16", 0),
    ("tf32", "f32", "tf32", "tf32", 0),
    ("f8f6f4", "f32", "e4m3", "e4m3", 0),
    ("f8f6f4", "f16", "e4m3", "e5m2", 0),
    ("f8f6f4", "f32", "e5m2", "e2m3", 0),
    ("f8f6f4", "f32", "e3m2", "e2m1", 0),
    ("f8f6f4", "f16", "e2m1", "e3m2", 0),
    ("f8f6f4", "f32", "e2m3", "e5m2", 0),
    ("i8", "s32", "s8", "s8", 0),
    ("i8", "s32", "u8", "s8", 0),
    ("i8", "s32", "u8", "u8", 0),
    ("i8", "s32", "s8", "u8", 0),
    ("mxf8f6f4", "f32", "e4m3", "e2m1", 32),
    ("mxf8f6f4", "f32", "e5m2", "e4m3", 32),
    ("mxf8f6f4", "f32", "e2m3", "e3m2", 32),
    ("mxf4", "f32", "packed", "packed", 32),
    ("mxf4nvf4", "f32", "packed", "packed", 32),
    ("mxf4nvf4", "f32", "packed", "packed", 16),
    ("mxf4nvf4", "f32", "packed", "packed", 17),
];

/// Bits from an element to the next, and of an element.
pub(crate) fn bits(factor: &str) -> (usize, usize) {
    match factor {
        "f16" | "bf16" => (16, 16),
        "tf32" => (32, 32),
        "e2m3" | "e3m2" => (8, 6),
        "e2m1" => (8, 4),
        "packed" => (4, 4),
        _ => (8, 8),
    }
}

/// The encoding of a small number.
pub(crate) fn encode(factor: &str, value: i32) -> u32 {
    let single = (value as f32).to_bits();
    let how = Narrowing::default();
    match factor {
        "f16" => f32_to_f16(value as f32).into(),
        "bf16" => single >> 16,
        // The low bits do not count.
        "tf32" => single | 0x1fff,
        "e4m3" => (byte_pair::<E4m3>(0, single, how) & 0xff).into(),
        "e5m2" => (byte_pair::<E5m2>(0, single, how) & 0xff).into(),
        "e2m3" => (byte_pair::<E2m3>(0, single, how) & 0xff).into(),
        "e3m2" => (byte_pair::<E3m2>(0, single, how) & 0xff).into(),
        "e2m1" | "packed" => nibble_pair::<E2m1>(0, single, how).into(),
        _ => value as u32 & 0xff,
    }
}

/// The code of a type in an instruction descriptor.
pub(crate) fn code(factor: &str) -> u32 {
    match factor {
        "f16" | "e4m3" | "u8" => 0,
        "bf16" | "e5m2" | "s8" | "packed" => 1,
        "tf32" => 2,
        "e2m3" => 3,
        "e3m2" => 4,
        _ => 5,
    }
}
