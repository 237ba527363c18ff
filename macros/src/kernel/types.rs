//! The types of the device language.

use std::fmt;

use tilewright_codegen::ptx::ScalarType;

/// A number type or `bool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scalar {
    Bool,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

use Scalar::*;

impl Scalar {
    pub(crate) const ALL: [Self; 13] =
        [Bool, U8, U16, U32, U64, I8, I16, I32, I64, F16, Bf16, F32, F64];

    /// The type of this name; `usize` and `isize` are 64 bits wide on the device.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "usize" => Some(U64),
            "isize" => Some(I64),
            _ => Self::ALL.into_iter().find(|s| s.name() == name),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Bool => "bool",
            U8 => "u8",
            U16 => "u16",
            U32 => "u32",
            U64 => "u64",
            I8 => "i8",
            I16 => "i16",
            I32 => "i32",
            I64 => "i64",
            F16 => "f16",
            Bf16 => "bf16",
            F32 => "f32",
            F64 => "f64",
        }
    }

    /// Size in bits; a `bool` in memory is a byte.
    pub(crate) const fn bits(self) -> u32 {
        match self {
            Bool | U8 | I8 => 8,
            U16 | I16 | F16 | Bf16 => 16,
            U32 | I32 | F32 => 32,
            U64 | I64 | F64 => 64,
        }
    }

    pub(crate) const fn bytes(self) -> u64 {
        self.bits() as u64 / 8
    }

    pub(crate) const fn is_integer(self) -> bool {
        ScalarSet::INTEGER.contains(self)
    }

    pub(crate) const fn is_signed(self) -> bool {
        matches!(self, I8 | I16 | I32 | I64)
    }

    pub(crate) const fn is_float(self) -> bool {
        ScalarSet::FLOAT.contains(self)
    }

    /// The integers that an integer type holds, inclusive; none for other types.
    pub(crate) const fn range(self) -> Option<(i128, i128)> {
        let bits = self.bits();
        match self {
            U8 | U16 | U32 | U64 => Some((0, (1 << bits) - 1)),
            I8 | I16 | I32 | I64 => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
            _ => None,
        }
    }

    /// Type of an element in memory.
    pub(crate) const fn in_memory(self) -> ScalarType {
        match self {
            Bool | U8 => ScalarType::U8,
            U16 => ScalarType::U16,
            U32 => ScalarType::U32,
            U64 => ScalarType::U64,
            I8 => ScalarType::S8,
            I16 => ScalarType::S16,
            I32 => ScalarType::S32,
            I64 => ScalarType::S64,
            F16 | Bf16 => ScalarType::B16,
            F32 => ScalarType::F32,
            F64 => ScalarType::F64,
        }
    }

    /// Type that instructions compute in. PTX has no arithmetic on 8 bits: such values live
    /// extended in 16.
    pub(crate) const fn in_arithmetic(self) -> ScalarType {
        match self {
            Bool => ScalarType::Pred,
            U8 => ScalarType::U16,
            I8 => ScalarType::S16,
            F16 => ScalarType::F16,
            Bf16 => ScalarType::Bf16,
            _ => self.in_memory(),
        }
    }

    /// Type of the bits in a register.
    pub(crate) const fn as_bits(self) -> ScalarType {
        match self.bits() {
            _ if matches!(self, Bool) => ScalarType::Pred,
            8 | 16 => ScalarType::B16,
            32 => ScalarType::B32,
            _ => ScalarType::B64,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of scalar types: what a literal, an operator or a type parameter admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScalarSet(u16);

impl ScalarSet {
    pub(crate) const INTEGER: Self = Self::of(&[U8, U16, U32, U64, I8, I16, I32, I64]);
    pub(crate) const FLOAT: Self = Self::of(&[F16, Bf16, F32, F64]);
    pub(crate) const NUMBER: Self = Self(Self::INTEGER.0 | Self::FLOAT.0);
    pub(crate) const BITS: Self = Self(Self::INTEGER.0 | Self::of(&[Bool]).0);
    pub(crate) const SIGNED: Self = Self(Self::of(&[I8, I16, I32, I64]).0 | Self::FLOAT.0);
    pub(crate) const ANY: Self = Self(Self::NUMBER.0 | Self::BITS.0);

    pub(crate) const fn of(scalars: &[Scalar]) -> Self {
        let mut set = 0;
        let mut i = 0;
        while i < scalars.len() {
            set |= 1 << scalars[i] as u16;
            i += 1;
        }
        Self(set)
    }

    pub(crate) const fn contains(self, scalar: Scalar) -> bool {
        self.0 >> scalar as u16 & 1 == 1
    }

    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Scalar> {
        Scalar::ALL.into_iter().filter(move |s| self.contains(*s))
    }

    /// The type that Rust would pick where nothing else decides: `i32`, then `f64`.
    pub(crate) fn default(self) -> Option<Scalar> {
        [I32, F64].into_iter().find(|s| self.contains(*s)).or_else(|| self.iter().next())
    }
}

impl fmt::Display for ScalarSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, set) in [
            ("an integer", Self::INTEGER),
            ("a floating-point number", Self::FLOAT),
            ("a number", Self::NUMBER),
            ("an integer or `bool`", Self::BITS),
            ("a signed number", Self::SIGNED),
            ("a signed integer", Self::INTEGER.intersection(Self::SIGNED)),
        ] {
            if *self == set {
                return f.write_str(name);
            }
        }
        let names: Vec<String> = self.iter().map(|s| format!("`{s}`")).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => write!(f, "{} or {last}", rest.join(", ")),
            _ => f.write_str(&names.concat()),
        }
    }
}

/// A type, possibly not known yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Scalar(Scalar),
    /// `*const T` or `*mut T`.
    Pointer {
        mutable: bool,
        to: Box<Type>,
    },
    /// `[T; N]`.
    Array(Box<Type>, u64),
    /// `[T]`: dynamic shared memory, and nothing else.
    Slice(Box<Type>),
    /// `(A, B)`; `()` has no elements.
    Tuple(Vec<Type>),
    /// What `return` and `break` have: it stands for any type.
    Never,
    /// To be inferred.
    Variable(u32),
    /// What was wrong and has been reported: it fits everything.
    Error,
}

impl Type {
    pub(crate) const UNIT: Self = Self::Tuple(Vec::new());
    pub(crate) const BOOL: Self = Self::Scalar(Bool);
    pub(crate) const U32: Self = Self::Scalar(U32);

    pub(crate) fn pointer(mutable: bool, to: Type) -> Self {
        Self::Pointer { mutable, to: Box::new(to) }
    }

    pub(crate) fn scalar(&self) -> Option<Scalar> {
        match self {
            Self::Scalar(scalar) => Some(*scalar),
            _ => None,
        }
    }

    /// Size in bytes of a value in memory; none for what has no place there.
    pub(crate) fn bytes(&self) -> Option<u64> {
        match self {
            Self::Scalar(scalar) => Some(scalar.bytes()),
            Self::Pointer { .. } => Some(8),
            Self::Array(element, count) => element.bytes()?.checked_mul(*count),
            _ => None,
        }
    }

    /// Numbers and pointers in a value, those of arrays in arrays and of tuples counted.
    pub(crate) fn elements(&self) -> u64 {
        match self {
            Self::Array(element, count) => element.elements().saturating_mul(*count),
            Self::Tuple(elements) => {
                elements.iter().map(Self::elements).fold(0, u64::saturating_add)
            }
            _ => 1,
        }
    }

    /// The innermost element of an array, or the type itself.
    pub(crate) fn innermost(&self) -> &Type {
        match self {
            Self::Array(element, _) | Self::Slice(element) => element.innermost(),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_name_themselves() {
        assert_eq!(ScalarSet::INTEGER.to_string(), "an integer");
        assert_eq!(ScalarSet::of(&[U32]).to_string(), "`u32`");
        assert_eq!(ScalarSet::of(&[U32, I32, F32]).to_string(), "`u32`, `i32` or `f32`");
    }

    #[test]
    fn literals_default_as_in_rust() {
        assert_eq!(ScalarSet::INTEGER.default(), Some(I32));
        assert_eq!(ScalarSet::FLOAT.default(), Some(F64));
        assert_eq!(ScalarSet::of(&[U16, F32]).default(), Some(U16));
    }

    #[test]
    fn ranges() {
        assert_eq!(U64.range(), Some((0, u64::MAX.into())));
        assert_eq!(I8.range(), Some((-128, 127)));
        assert_eq!(F32.range(), None);
    }
}
