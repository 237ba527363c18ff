use crate::ptx::ScalarType;
use crate::ptx::tree::Literal;

/// A Rust type that a [`Value`](super::Value) may have: what it is called in PTX and how its
/// constants are written.
pub trait Scalar: Copy + PartialEq + 'static {
    /// The type in PTX.
    const TYPE: ScalarType;
    /// Copies a register or a constant.
    const MOVE: &'static str;
    /// Reads memory; what follows the state space.
    const MEMORY: &'static str;

    /// The bits of a constant, zero-extended.
    fn bits(self) -> u64;

    /// A constant by its bits.
    fn from_bits(bits: u64) -> Self;

    /// A constant by its bits, as PTX writes it.
    fn literal(bits: u64) -> Literal;
}

/// A type with arithmetic.
#[allow(missing_docs)]
pub trait Numeric: Scalar {
    const ADD: &'static str;
    const SUB: &'static str;
    const MUL: &'static str;
    const DIV: &'static str;
    const MULTIPLY_ADD: &'static str;
    const MIN: &'static str;
    const MAX: &'static str;
    const NEG: &'static str;
    /// Comparison suffix: `.u32` in `setp.lt.u32`.
    const COMPARE: Comparisons;
    const SELECT: &'static str;
}

/// The six comparisons of a type.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Comparisons {
    pub eq: &'static str,
    pub ne: &'static str,
    pub lt: &'static str,
    pub le: &'static str,
    pub gt: &'static str,
    pub ge: &'static str,
}

/// A type with bits and whole numbers.
#[allow(missing_docs)]
pub trait Integer: Numeric {
    const REM: &'static str;
    /// The upper half of a product.
    const MULTIPLY_HIGH: &'static str;
    const AND: &'static str;
    const OR: &'static str;
    const XOR: &'static str;
    const NOT: &'static str;
    const SHL: &'static str;
    const SHR: &'static str;
    /// The number that a constant stands for.
    fn number(bits: u64) -> i128;
    /// The constant of a number, wrapped to the type.
    fn wrapped(number: i128) -> u64;
}

macro_rules! numeric {
    ($rust:ty, $name:literal, $bits:literal, $rounding:literal, $mul:literal, $fma:literal, $div:literal) => {
        impl Numeric for $rust {
            const ADD: &'static str = concat!("add", $rounding, $name);
            const SUB: &'static str = concat!("sub", $rounding, $name);
            const MUL: &'static str = concat!("mul", $mul, $name);
            const DIV: &'static str = concat!("div", $div, $name);
            const MULTIPLY_ADD: &'static str = concat!($fma, $name);
            const MIN: &'static str = concat!("min", $name);
            const MAX: &'static str = concat!("max", $name);
            const NEG: &'static str = concat!("neg", $name);
            const COMPARE: Comparisons = Comparisons {
                eq: concat!("setp.eq", $name),
                ne: concat!("setp.ne", $name),
                lt: concat!("setp.lt", $name),
                le: concat!("setp.le", $name),
                gt: concat!("setp.gt", $name),
                ge: concat!("setp.ge", $name),
            };
            const SELECT: &'static str = concat!("selp", $bits);
        }
    };
}

macro_rules! integer {
    ($rust:ty, $scalar:ident, $name:literal, $bits:literal) => {
        impl Scalar for $rust {
            const TYPE: ScalarType = ScalarType::$scalar;
            const MOVE: &'static str = concat!("mov", $bits);
            const MEMORY: &'static str = $name;

            fn bits(self) -> u64 {
                Self::wrapped(self.into())
            }

            fn from_bits(bits: u64) -> Self {
                bits as $rust
            }

            fn literal(bits: u64) -> Literal {
                Literal::Integer(Self::number(bits))
            }
        }

        numeric!($rust, $name, $bits, "", ".lo", "mad.lo", "");

        impl Integer for $rust {
            const REM: &'static str = concat!("rem", $name);
            const MULTIPLY_HIGH: &'static str = concat!("mul.hi", $name);
            const AND: &'static str = concat!("and", $bits);
            const OR: &'static str = concat!("or", $bits);
            const XOR: &'static str = concat!("xor", $bits);
            const NOT: &'static str = concat!("not", $bits);
            const SHL: &'static str = concat!("shl", $bits);
            const SHR: &'static str = concat!("shr", $name);

            fn number(bits: u64) -> i128 {
                (bits as $rust).into()
            }

            fn wrapped(number: i128) -> u64 {
                let mask = u64::MAX >> (64 - Self::TYPE.bits());
                number as u64 & mask
            }
        }
    };
}

integer!(u32, U32, ".u32", ".b32");
integer!(i32, S32, ".s32", ".b32");
integer!(u64, U64, ".u64", ".b64");
integer!(i64, S64, ".s64", ".b64");

impl Scalar for f32 {
    const TYPE: ScalarType = ScalarType::F32;
    const MOVE: &'static str = "mov.f32";
    const MEMORY: &'static str = ".f32";

    fn bits(self) -> u64 {
        self.to_bits().into()
    }

    fn from_bits(bits: u64) -> Self {
        f32::from_bits(bits as u32)
    }

    fn literal(bits: u64) -> Literal {
        Literal::F32(bits as u32)
    }
}

numeric!(f32, ".f32", ".f32", ".rn", ".rn", "fma.rn", ".rn");

impl Scalar for bool {
    const TYPE: ScalarType = ScalarType::Pred;
    const MOVE: &'static str = "mov.pred";
    const MEMORY: &'static str = "";

    fn bits(self) -> u64 {
        self.into()
    }

    fn from_bits(bits: u64) -> Self {
        bits != 0
    }

    fn literal(bits: u64) -> Literal {
        Literal::Integer(bits.into())
    }
}

/// Sixteen bits: a half-precision number in memory, untouched by arithmetic.
impl Scalar for u16 {
    const TYPE: ScalarType = ScalarType::U16;
    const MOVE: &'static str = "mov.b16";
    const MEMORY: &'static str = ".u16";

    fn bits(self) -> u64 {
        self.into()
    }

    fn from_bits(bits: u64) -> Self {
        bits as u16
    }

    fn literal(bits: u64) -> Literal {
        Literal::Integer(bits.into())
    }
}
