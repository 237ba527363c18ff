//! Data types of buffers, and their values.

use std::fmt;

use serde::{Deserialize, Serialize};
use tilewright_codegen::attention::DataType;

/// The type of a buffer's elements. All are little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// 8 bits: 4 of exponent, 3 of mantissa; no infinity, NaN where all seven bits are set.
    E4m3,
    /// 8 bits: 5 of exponent, 2 of mantissa, as IEEE 754 would have it.
    E5m2,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits.
    U8,
}

/// An element's value, exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// Of a floating-point type.
    Float(f64),
    /// Of an integer type.
    Int(i128),
}

impl Value {
    /// The value as an f64; integers beyond 2⁵³ are rounded.
    pub fn to_f64(self) -> f64 {
        match self {
            Value::Float(value) => value,
            Value::Int(value) => value as f64,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Debug prints the shortest digits that give the value back, and exponents where apt.
            Value::Float(value) => write!(f, "{value:?}"),
            Value::Int(value) => write!(f, "{value}"),
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<DataType> for DType {
    fn from(dtype: DataType) -> DType {
        match dtype {
            DataType::F16 => DType::F16,
            DataType::Bf16 => DType::Bf16,
            DataType::E4m3 => DType::E4m3,
            DataType::E5m2 => DType::E5m2,
        }
    }
}

/// How a floating-point type of at most 16 bits is laid out, below its sign bit.
#[derive(Clone, Copy)]
struct Format {
    exponent_bits: u32,
    mantissa_bits: u32,
    /// The largest finite magnitude's code.
    largest: u16,
    /// The code of infinity, where there is one.
    infinity: Option<u16>,
    nan: u16,
    /// What does not fit becomes the largest finite value, as PTX's `.satfinite` has it (and its
    /// conversions to 8-bit types must).
    saturates: bool,
}

const F16: Format = ieee(5, 10, false);
const BF16: Format = ieee(8, 7, false);
const E5M2: Format = ieee(5, 2, true);
const E4M3: Format = Format {
    exponent_bits: 4,
    mantissa_bits: 3,
    largest: 0x7e,
    infinity: None,
    nan: 0x7f,
    saturates: true,
};

const fn ieee(exponent_bits: u32, mantissa_bits: u32, saturates: bool) -> Format {
    let infinity = ((1 << exponent_bits) - 1) << mantissa_bits;
    let (largest, nan) = (infinity - 1, infinity | ((1 << mantissa_bits) - 1));
    Format { exponent_bits, mantissa_bits, largest, infinity: Some(infinity), nan, saturates }
}

impl Format {
    /// The exponent of the smallest normal number.
    fn least_exponent(self) -> i32 {
        2 - (1 << (self.exponent_bits - 1))
    }

    fn sign_bit(self) -> u16 {
        1 << (self.exponent_bits + self.mantissa_bits)
    }

    fn decode(self, code: u16) -> f64 {
        let magnitude = code & (self.sign_bit() - 1);
        let value = if Some(magnitude) == self.infinity {
            f64::INFINITY
        } else if magnitude > self.largest {
            f64::NAN
        } else {
            let implicit = 1 << self.mantissa_bits;
            let exponent = i32::from(magnitude >> self.mantissa_bits);
            let mantissa = magnitude & (implicit - 1);
            let mantissa = if exponent > 0 { mantissa | implicit } else { mantissa };
            let scale = self.least_exponent() + (exponent - 1).max(0) - self.mantissa_bits as i32;
            f64::from(mantissa) * 2f64.powi(scale)
        };
        if code & self.sign_bit() != 0 { -value } else { value }
    }

    /// Rounds to nearest, ties to even.
    fn encode(self, value: f64) -> u16 {
        let sign = if value.is_sign_negative() { self.sign_bit() } else { 0 };
        if value.is_nan() {
            return sign | self.nan;
        }
        let exponent = ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        let exponent = exponent.max(self.least_exponent());
        let too_large = if self.saturates { Some(self.largest) } else { self.infinity };
        let too_large = sign | too_large.unwrap_or(self.largest);
        if exponent > self.least_exponent() + (1 << self.exponent_bits) {
            return too_large;
        }
        // A power of two divides exactly, so this is the only rounding.
        let quantum = 2f64.powi(exponent - self.mantissa_bits as i32);
        let mantissa = (value.abs() / quantum).round_ties_even() as u32;
        // The implicit bit, and a carry out of the mantissa, add one to the exponent.
        let code = (((exponent - self.least_exponent()) as u32) << self.mantissa_bits) + mantissa;
        if code > u32::from(self.largest) { too_large } else { sign | code as u16 }
    }
}

impl DType {
    /// Every data type.
    pub const ALL: [DType; 11] = [
        DType::F32,
        DType::F16,
        DType::Bf16,
        DType::E4m3,
        DType::E5m2,
        DType::I32,
        DType::U32,
        DType::I64,
        DType::U64,
        DType::I8,
        DType::U8,
    ];

    /// The name in launch files and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F16 => "f16",
            DType::Bf16 => "bf16",
            DType::E4m3 => "e4m3",
            DType::E5m2 => "e5m2",
            DType::I32 => "i32",
            DType::U32 => "u32",
            DType::I64 => "i64",
            DType::U64 => "u64",
            DType::I8 => "i8",
            DType::U8 => "u8",
        }
    }

    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            DType::I64 | DType::U64 => 8,
            DType::F32 | DType::I32 | DType::U32 => 4,
            DType::F16 | DType::Bf16 => 2,
            DType::E4m3 | DType::E5m2 | DType::I8 | DType::U8 => 1,
        }
    }

    /// Whether it is a floating-point type.
    pub fn is_float(self) -> bool {
        self.format().is_some() || self == DType::F32
    }

    fn format(self) -> Option<Format> {
        match self {
            DType::F16 => Some(F16),
            DType::Bf16 => Some(BF16),
            DType::E4m3 => Some(E4M3),
            DType::E5m2 => Some(E5M2),
            _ => None,
        }
    }

    /// The value that the first [`size`](Self::size) bytes of `bytes` stand for.
    ///
    /// # Panics
    /// Where `bytes` is shorter than an element.
    ///
    /// ```
    /// use tilewright::{DType, Value};
    /// assert_eq!(DType::Bf16.value(&[0x80, 0x3f]), Value::Float(1.0));
    /// ```
    pub fn value(self, bytes: &[u8]) -> Value {
        let mut word = [0; 8];
        word[..self.size()].copy_from_slice(&bytes[..self.size()]);
        let word = u64::from_le_bytes(word);
        match self {
            DType::F32 => Value::Float(f32::from_bits(word as u32).into()),
            DType::F16 => Value::Float(F16.decode(word as u16)),
            DType::Bf16 => Value::Float(BF16.decode(word as u16)),
            DType::E4m3 => Value::Float(E4M3.decode(word as u16)),
            DType::E5m2 => Value::Float(E5M2.decode(word as u16)),
            DType::I64 => Value::Int((word as i64).into()),
            DType::I32 => Value::Int((word as i32).into()),
            DType::I8 => Value::Int((word as i8).into()),
            DType::U64 | DType::U32 | DType::U8 => Value::Int(word.into()),
        }
    }

    /// The element nearest to `value`, in the first [`size`](Self::size) bytes of the result.
    ///
    /// Floating-point types round to nearest, ties to even; beyond the largest finite value f32,
    /// f16 and bf16 give infinity, e4m3 and e5m2 their largest value, as PTX's conversions do.
    /// Integer types round likewise, and clamp; NaN gives 0.
    pub fn encode(self, value: f64) -> [u8; 8] {
        let integer = value.round_ties_even();
        let word = match self {
            DType::F32 => u64::from((value as f32).to_bits()),
            DType::I64 => integer as i64 as u64,
            DType::I32 => integer as i32 as u64,
            DType::I8 => integer as i8 as u64,
            DType::U64 => integer as u64,
            DType::U32 => integer as u32 as u64,
            DType::U8 => integer as u8 as u64,
            DType::F16 => F16.encode(value).into(),
            DType::Bf16 => BF16.encode(value).into(),
            DType::E4m3 => E4M3.encode(value).into(),
            DType::E5m2 => E5M2.encode(value).into(),
        };
        word.to_le_bytes()
    }

    /// The values of `bytes`, as f64.
    pub fn to_f64(self, bytes: &[u8]) -> Vec<f64> {
        bytes.chunks_exact(self.size()).map(|element| self.value(element).to_f64()).collect()
    }

    /// The bytes of the elements nearest to `values`, as by [`encode`](Self::encode).
    pub fn to_bytes(self, values: impl IntoIterator<Item = f64>) -> Vec<u8> {
        let element = |value| self.encode(value).into_iter().take(self.size());
        values.into_iter().flat_map(element).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Checks one type against another implementation: all codes decoded, and all values that lie
    /// at, near and between them encoded.
    fn check(dtype: DType, decode: impl Fn(u16) -> f64) {
        let codes = 1u32 << (8 * dtype.size());
        let encode = |value| dtype.encode(value)[..2].try_into().map(u16::from_le_bytes).unwrap();
        for code in (0..codes).map(|code| code as u16) {
            let (expected, found) = (decode(code), dtype.value(&code.to_le_bytes()).to_f64());
            if expected.is_nan() {
                assert!(found.is_nan(), "{dtype} {code:#x}: {found}");
                continue;
            }
            assert_eq!(found.to_bits(), expected.to_bits(), "{dtype} {code:#x}");
            if found.is_infinite() && dtype.size() == 1 {
                continue;
            }
            assert_eq!(encode(found), code, "{dtype} {found}");
            // The next code's magnitude is larger by one quantum; half way, the even one wins.
            let next = decode(code + 1);
            if found.is_infinite() || !next.is_finite() || code as u32 + 1 == codes {
                continue;
            }
            let middle = (found + next) / 2.0;
            let (small, large) = (middle * (1.0 - 1e-15), middle * (1.0 + 1e-15));
            if found.is_sign_negative() == next.is_sign_negative() {
                assert_eq!(encode(middle), code + (code & 1), "{dtype} {middle}");
                assert_eq!(encode(small), code, "{dtype} {small}");
                assert_eq!(encode(large), code + 1, "{dtype} {large}");
            }
        }
    }

    #[test]
    fn halves_agree_with_the_half_crate() {
        check(DType::F16, |code| half::f16::from_bits(code).to_f64());
        check(DType::Bf16, |code| half::bf16::from_bits(code).to_f64());
    }

    #[test]
    fn bytes_agree_with_the_float8_crate() {
        check(DType::E4m3, |code| float8::F8E4M3::from_bits(code as u8).to_f64());
        check(DType::E5m2, |code| float8::F8E5M2::from_bits(code as u8).to_f64());
    }

    #[test]
    fn what_does_not_fit() {
        let check = |dtype: DType, value: f64, expected: f64| {
            let found = dtype.value(&dtype.encode(value)).to_f64();
            assert!(found == expected, "{dtype} {value}: {found}");
        };
        check(DType::F16, 65519.9, 65504.0);
        check(DType::F16, 65520.0, f64::INFINITY);
        check(DType::Bf16, -1e300, f64::NEG_INFINITY);
        check(DType::F32, 1e300, f64::INFINITY);
        check(DType::E4m3, 1e9, 448.0);
        check(DType::E4m3, f64::NEG_INFINITY, -448.0);
        check(DType::E5m2, 1e300, 57344.0);
        check(DType::E5m2, 1e-300, 0.0);
        check(DType::F16, 5e-324, 0.0);
        check(DType::I8, 300.0, 127.0);
        check(DType::U8, -3.0, 0.0);
        check(DType::I32, f64::NAN, 0.0);
        for dtype in DType::ALL.into_iter().filter(|dtype| dtype.is_float()) {
            assert!(dtype.value(&dtype.encode(f64::NAN)).to_f64().is_nan(), "{dtype}");
        }
    }

    #[test]
    fn names_are_those_of_the_launch_file() {
        for dtype in DType::ALL {
            let json = format!("{:?}", dtype.name());
            assert_eq!(serde_json::to_string(&dtype).unwrap(), json);
            assert_eq!(serde_json::from_str::<DType>(&json).unwrap(), dtype);
        }
    }

    proptest! {
        /// No code is nearer to a value than the one chosen.
        #[test]
        fn encodes_to_the_nearest(value in -600.0..600.0f64, dtype in 0..4usize) {
            let dtype = [DType::F16, DType::Bf16, DType::E4m3, DType::E5m2][dtype];
            let error = |code: u16| (dtype.value(&code.to_le_bytes()).to_f64() - value).abs();
            let chosen = u16::from_le_bytes(dtype.encode(value)[..2].try_into().unwrap());
            let best = error(chosen);
            for other in [chosen.wrapping_sub(1), chosen.wrapping_add(1)] {
                let other = other & (((1u32 << (8 * dtype.size())) - 1) as u16);
                let beaten = error(other) < best;
                prop_assert!(!beaten, "{dtype} {value}: {other:#x} beats {chosen:#x}");
            }
        }
    }
}
