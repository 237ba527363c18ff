use std::fmt;
use std::str::FromStr;

/// Declares a fieldless enum whose variants have one spelling each.
macro_rules! spelled {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident $text:literal),+ $(,)? }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$inner])* $variant),+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The spelling in PTX, without a leading dot.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The variant with this spelling.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use spelled;

spelled! {
    /// A type of a register, variable or operand.
    #[allow(missing_docs)]
    ScalarType {
        Pred "pred",
        B8 "b8", B16 "b16", B32 "b32", B64 "b64", B128 "b128",
        U8 "u8", U16 "u16", U32 "u32", U64 "u64",
        S8 "s8", S16 "s16", S32 "s32", S64 "s64",
        F16 "f16", F16x2 "f16x2", Bf16 "bf16", Bf16x2 "bf16x2", Tf32 "tf32",
        F32 "f32", F64 "f64", F32x2 "f32x2",
        E4m3 "e4m3", E5m2 "e5m2", E4m3x2 "e4m3x2", E5m2x2 "e5m2x2",
        U16x2 "u16x2", S16x2 "s16x2",
    }
}

/// What the bits of a [`ScalarType`] mean, which decides what registers may hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TypeClass {
    /// A predicate.
    Predicate,
    /// Untyped bits, compatible with every type of the same size.
    Bits,
    /// Integers, signed or not, compatible with each other.
    Integer,
    /// Floating point.
    Float,
}

impl ScalarType {
    /// Size in bits; 1 for a predicate.
    pub const fn bits(self) -> u32 {
        use ScalarType::*;
        match self {
            Pred => 1,
            B8 | U8 | S8 | E4m3 | E5m2 => 8,
            B16 | U16 | S16 | F16 | Bf16 | E4m3x2 | E5m2x2 => 16,
            B32 | U32 | S32 | F32 | F16x2 | Bf16x2 | Tf32 | U16x2 | S16x2 => 32,
            B64 | U64 | S64 | F64 | F32x2 => 64,
            B128 => 128,
        }
    }

    /// Size in bytes; 1 for a predicate.
    pub const fn bytes(self) -> u32 {
        self.bits().div_ceil(8)
    }

    /// What the bits mean. Packed and alternate floating-point types live in registers of bits.
    pub const fn class(self) -> TypeClass {
        use ScalarType::*;
        match self {
            Pred => TypeClass::Predicate,
            U8 | U16 | U32 | U64 | S8 | S16 | S32 | S64 => TypeClass::Integer,
            F16 | F32 | F64 | F16x2 => TypeClass::Float,
            _ => TypeClass::Bits,
        }
    }

    /// Whether the type is a signed integer.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::S8 | Self::S16 | Self::S32 | Self::S64)
    }
}

spelled! {
    /// A state space.
    Space {
        /// The union of global, shared and local windows.
        Generic "generic",
        /// Read-only memory with initializers.
        Const "const",
        /// Memory of the device.
        Global "global",
        /// Memory of one thread.
        Local "local",
        /// Parameters of an entry or a function.
        Param "param",
        /// Memory of one block.
        Shared "shared",
    }
}

/// A PTX ISA version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Before the dot.
    pub major: u8,
    /// After the dot.
    pub minor: u8,
}

impl Version {
    /// `Version::new(7, 8)` is 7.8.
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self { major: major.parse().map_err(|_| ())?, minor: minor.parse().map_err(|_| ())? })
    }
}

/// Where something stood in the text it was parsed from; line and column count from 1, and 0 means
/// that there was no text.
///
/// Two spans are always equal, so that trees compare by what they say and not by where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Span {}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
