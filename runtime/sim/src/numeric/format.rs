//! Floating-point formats, and the modifiers that every floating-point instruction shares.

/// An unsigned integer that holds the bits of a number.
pub trait Bits: Copy + Eq + std::fmt::Debug + std::fmt::LowerHex {
    /// Zero-extends to 64 bits.
    fn widen(self) -> u64;
    /// Keeps the low bits.
    fn narrow(bits: u64) -> Self;
}

macro_rules! bits {
    ($($ty:ty),*) => {$(
        impl Bits for $ty {
            #[inline(always)]
            fn widen(self) -> u64 {
                u64::from(self)
            }
            #[inline(always)]
            fn narrow(bits: u64) -> Self {
                bits as $ty
            }
        }
    )*};
}
bits!(u8, u16, u32, u64);

/// A binary floating-point format: sign, exponent, fraction, from the top bit down.
pub trait Format: Copy {
    /// Holds a number; its width is the format's, but for [`Tf32`].
    type Bits: Bits;
    /// Bits of the exponent.
    const EXPONENT_BITS: u32;
    /// Bits of the fraction, without the implicit one.
    const FRACTION_BITS: u32;
    /// The NaN that instructions return: every operation that returns a NaN returns this one.
    const NAN: u64;
    /// Whether the largest exponent encodes infinity and NaN, as in IEEE 754. E4M3 has a single
    /// NaN there, all ones, and otherwise numbers.
    const IEEE: bool = true;
    /// Whether there is a NaN. A format without encodes nothing but numbers, and NaN becomes its
    /// largest.
    const HAS_NAN: bool = true;
    /// How far the number lies from the low end of its bits.
    const ALIGNMENT: u32 = 0;

    /// The sign bit.
    const SIGN: u64 = 1 << (Self::EXPONENT_BITS + Self::FRACTION_BITS);
    /// Exponent of the value one.
    const BIAS: i32 = (1 << (Self::EXPONENT_BITS - 1)) - 1;
    /// Exponent of the unit in the last place of subnormal numbers.
    const QUANTUM: i32 = 1 - Self::BIAS - Self::FRACTION_BITS as i32;
    /// Positive infinity; for a format without, the encoding that follows the largest number.
    const INFINITY: u64 = if Self::IEEE {
        ((1 << Self::EXPONENT_BITS) - 1) << Self::FRACTION_BITS
    } else {
        (1 << (Self::EXPONENT_BITS + Self::FRACTION_BITS)) - Self::HAS_NAN as u64
    };
    /// The largest finite number.
    const LARGEST: u64 = Self::INFINITY - 1;
    /// What a number beyond the largest becomes where it is rounded to nearest.
    const OVERFLOW: u64 = if Self::HAS_NAN { Self::INFINITY } else { Self::LARGEST };
    /// The value one.
    const ONE: u64 = (Self::BIAS as u64) << Self::FRACTION_BITS;

    /// Sign cleared.
    #[inline(always)]
    fn magnitude(bits: Self::Bits) -> u64 {
        bits.widen() >> Self::ALIGNMENT & (Self::SIGN - 1)
    }

    /// Whether the sign bit is set.
    #[inline(always)]
    fn is_negative(bits: Self::Bits) -> bool {
        bits.widen() >> Self::ALIGNMENT & Self::SIGN != 0
    }

    /// Whether this is not a number.
    #[inline(always)]
    fn is_nan(bits: Self::Bits) -> bool {
        let magnitude = Self::magnitude(bits);
        if Self::IEEE { magnitude > Self::INFINITY } else { magnitude == Self::INFINITY }
    }

    /// Whether this is an infinity of either sign.
    #[inline(always)]
    fn is_infinite(bits: Self::Bits) -> bool {
        Self::IEEE && Self::magnitude(bits) == Self::INFINITY
    }

    /// Whether this is a non-zero number smaller than every normal one.
    #[inline(always)]
    fn is_subnormal(bits: Self::Bits) -> bool {
        let magnitude = Self::magnitude(bits);
        magnitude != 0 && magnitude >> Self::FRACTION_BITS == 0
    }

    /// A subnormal number turned into zero of its sign, what `.ftz` does.
    #[inline(always)]
    fn flush(bits: Self::Bits) -> Self::Bits {
        let is_small = Self::magnitude(bits) >> Self::FRACTION_BITS == 0;
        let kept = if is_small { Self::SIGN } else { u64::MAX >> Self::ALIGNMENT };
        Self::Bits::narrow(bits.widen() & kept << Self::ALIGNMENT)
    }

    /// Every NaN turned into [`NAN`](Self::NAN).
    #[inline(always)]
    fn canonical(bits: Self::Bits) -> Self::Bits {
        if Self::is_nan(bits) { Self::encode(Self::NAN) } else { bits }
    }

    /// The bits of an encoding that is not yet aligned.
    #[inline(always)]
    fn encode(encoding: u64) -> Self::Bits {
        Self::Bits::narrow(encoding << Self::ALIGNMENT)
    }

    /// What `clamp` does to a result; a NaN becomes +0 under `.sat` and `.relu` keeps it.
    #[inline(always)]
    fn clamp(bits: Self::Bits, clamp: Clamp) -> Self::Bits {
        match clamp {
            Clamp::None => bits,
            Clamp::Saturate if Self::is_nan(bits) || Self::is_negative(bits) => Self::encode(0),
            Clamp::Saturate if Self::magnitude(bits) > Self::ONE => Self::encode(Self::ONE),
            Clamp::Relu if Self::is_negative(bits) && !Self::is_nan(bits) => Self::encode(0),
            Clamp::Saturate | Clamp::Relu => bits,
        }
    }
}

macro_rules! format {
    ($(#[$doc:meta])* $name:ident, $bits:ty, $exponent:literal, $fraction:literal, $nan:literal
        $(, $key:ident = $value:expr)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Format for $name {
            type Bits = $bits;
            const EXPONENT_BITS: u32 = $exponent;
            const FRACTION_BITS: u32 = $fraction;
            const NAN: u64 = $nan;
            $(const $key: bool = $value;)*
        }
    };
}

format!(
    /// `.f64`, binary64.
    F64, u64, 11, 52, 0x7ff8_0000_0000_0000
);
format!(
    /// `.f32`, binary32. Its NaN is PTX's canonical one, `0x7fffffff`.
    F32, u32, 8, 23, 0x7fff_ffff
);
format!(
    /// `.f16`, binary16.
    F16, u16, 5, 10, 0x7fff
);
format!(
    /// `.bf16`, the upper half of an `.f32`.
    Bf16, u16, 8, 7, 0x7fff
);
format!(
    /// `.e4m3`, *Alternate Floating-Point Data Formats*: no infinity, largest number 448.
    E4m3, u8, 4, 3, 0x7f, IEEE = false
);
format!(
    /// `.e5m2`, *Alternate Floating-Point Data Formats*: largest number 57344.
    E5m2, u8, 5, 2, 0x7f
);
format!(
    /// `.e3m2`, *Alternate Floating-Point Data Formats*: largest number 28.
    E3m2, u8, 3, 2, 0x1f, IEEE = false, HAS_NAN = false
);
format!(
    /// `.e2m3`, *Alternate Floating-Point Data Formats*: largest number 7.5.
    E2m3, u8, 2, 3, 0x1f, IEEE = false, HAS_NAN = false
);
format!(
    /// `.e2m1`, *Alternate Floating-Point Data Formats*: largest number 6.
    E2m1, u8, 2, 1, 0x7, IEEE = false, HAS_NAN = false
);

/// `.tf32`: the upper 19 bits of an `.f32`; what lies below is ignored when read, zero when written.
#[derive(Clone, Copy, Debug)]
pub struct Tf32;

impl Format for Tf32 {
    type Bits = u32;
    const EXPONENT_BITS: u32 = 8;
    const FRACTION_BITS: u32 = 10;
    const NAN: u64 = 0x3_ffff;
    const ALIGNMENT: u32 = 13;
}

/// How a result that the format lacks is replaced by one of its two neighbours; *Rounding Modifiers*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// `.rn`, `.rni`: the nearest, of two equally near the one with an even last bit.
    #[default]
    NearestEven,
    /// `.rna`: the nearest, of two equally near the one away from zero.
    NearestAway,
    /// `.rz`, `.rzi`: towards zero.
    TowardZero,
    /// `.rm`, `.rmi`: towards negative infinity.
    Down,
    /// `.rp`, `.rpi`: towards positive infinity.
    Up,
}

impl Rounding {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NearestEven, Self::NearestAway, Self::TowardZero, Self::Down, Self::Up];
}

/// What is done to a result before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Clamp {
    /// Nothing.
    #[default]
    None,
    /// `.sat`: into [0, 1], NaN to +0.
    Saturate,
    /// `.relu`: negative to +0, NaN to the canonical NaN.
    Relu,
}

/// The modifiers of a floating-point instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mode {
    /// `.rn` and so on; `.rn` where the instruction has none.
    pub rounding: Rounding,
    /// `.ftz`: subnormal operands and results become zero of the same sign.
    pub flush: bool,
    /// `.sat` or `.relu`.
    pub clamp: Clamp,
}

impl Mode {
    /// `.rn`, subnormals kept, nothing clamped.
    pub const NEAREST: Self =
        Self { rounding: Rounding::NearestEven, flush: false, clamp: Clamp::None };
    /// `.rn.ftz`.
    pub const NEAREST_FLUSH: Self = Self { flush: true, ..Self::NEAREST };

    /// With another rounding.
    pub const fn rounded(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// With another clamp.
    pub const fn clamped(self, clamp: Clamp) -> Self {
        Self { clamp, ..self }
    }

    /// An operand as the instruction sees it.
    #[inline(always)]
    pub(super) fn operand<F: Format>(self, bits: F::Bits) -> F::Bits {
        if self.flush { F::flush(bits) } else { bits }
    }

    /// A rounded result as the instruction stores it.
    #[inline(always)]
    pub(super) fn result<F: Format>(self, bits: F::Bits) -> F::Bits {
        let bits = F::canonical(self.operand::<F>(bits));
        F::clamp(bits, self.clamp)
    }
}
