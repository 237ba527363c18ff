//! *Integer Arithmetic Instructions* and *Extended-Precision Integer Arithmetic Instructions*.
//!
//! All wrap around; what saturates says so.

/// A two's-complement or unsigned integer of 8 to 64 bits.
pub trait Integer: Copy + Eq + Ord + std::fmt::Debug {
    /// Its width.
    const BITS: u32;
    /// Whether it has a sign.
    const SIGNED: bool;
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
    /// Twice as wide, same signedness; 64 bits stay 64.
    type Wide: Integer;

    /// The low bits, read as this type.
    fn from_bits(bits: u64) -> Self;
    /// The bits, zero-extended.
    fn bits(self) -> u64;
    /// The value.
    fn value(self) -> i128;
    /// The value modulo 2^64, extended by its sign.
    fn extended(self) -> u64;
    /// The low bits of a value.
    fn wrap(value: i128) -> Self;
    /// a + b.
    fn plus(self, other: Self) -> Self;
    /// a − b.
    fn minus(self, other: Self) -> Self;
    /// The low half of a · b.
    fn times(self, other: Self) -> Self;
    /// a / b towards zero, wrapped; `None` for b = 0.
    fn quotient(self, other: Self) -> Option<Self>;
    /// a − b·(a / b), which has the sign of a; `None` for b = 0.
    fn remainder(self, other: Self) -> Option<Self>;
    /// a >> amount, filled with the sign; `amount` < width.
    fn shifted_right(self, amount: u32) -> Self;
}

macro_rules! integer {
    ($($ty:ty, $unsigned:ty, $wide:ty);* $(;)?) => {$(
        impl Integer for $ty {
            const BITS: u32 = <$ty>::BITS;
            #[allow(unused_comparisons)]
            const SIGNED: bool = <$ty>::MIN < 0;
            const MIN: Self = <$ty>::MIN;
            const MAX: Self = <$ty>::MAX;
            type Wide = $wide;

            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                bits as $ty
            }
            #[inline(always)]
            fn bits(self) -> u64 {
                u64::from(self as $unsigned)
            }
            #[inline(always)]
            fn value(self) -> i128 {
                i128::from(self)
            }
            #[inline(always)]
            fn extended(self) -> u64 {
                self as u64
            }
            #[inline(always)]
            fn wrap(value: i128) -> Self {
                value as $ty
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn quotient(self, other: Self) -> Option<Self> {
                (other != 0).then(|| self.wrapping_div(other))
            }
            #[inline(always)]
            fn remainder(self, other: Self) -> Option<Self> {
                (other != 0).then(|| self.wrapping_rem(other))
            }
            #[inline(always)]
            fn shifted_right(self, amount: u32) -> Self {
                self >> amount
            }
        }
    )*};
}
integer! {
    u8, u8, u16;
    i8, u8, i16;
    u16, u16, u32;
    i16, u16, i32;
    u32, u32, u64;
    i32, u32, i64;
    u64, u64, u64;
    i64, u64, i64;
}

/// `add`.
#[inline(always)]
pub fn add<T: Integer>(a: T, b: T) -> T {
    a.plus(b)
}

/// `sub`.
#[inline(always)]
pub fn subtract<T: Integer>(a: T, b: T) -> T {
    a.minus(b)
}

/// `add.sat`, clamped to the type's range.
#[inline(always)]
pub fn add_saturating<T: Integer>(a: T, b: T) -> T {
    saturate(a.value() + b.value())
}

/// `sub.sat`, clamped to the type's range.
#[inline(always)]
pub fn subtract_saturating<T: Integer>(a: T, b: T) -> T {
    saturate(a.value() - b.value())
}

/// The nearest value of a type.
#[inline(always)]
pub(super) fn saturate<T: Integer>(value: i128) -> T {
    T::wrap(value.clamp(T::MIN.value(), T::MAX.value()))
}

/// `mul.lo`: the low half of a · b.
#[inline(always)]
pub fn multiply_low<T: Integer>(a: T, b: T) -> T {
    a.times(b)
}

/// `mul.hi`: the high half of a · b.
#[inline(always)]
pub fn multiply_high<T: Integer>(a: T, b: T) -> T {
    if T::BITS < 64 {
        let product = multiply_wide(a, b);
        return T::from_bits(product.bits() >> T::BITS);
    }
    if T::SIGNED {
        T::wrap(a.value().wrapping_mul(b.value()) >> T::BITS)
    } else {
        let product = u128::from(a.bits()) * u128::from(b.bits());
        T::from_bits((product >> 64) as u64)
    }
}

/// `mul.wide` of 16- and 32-bit types: a · b, twice as wide.
#[inline(always)]
pub fn multiply_wide<T: Integer>(a: T, b: T) -> T::Wide {
    T::Wide::from_bits(a.extended()).times(T::Wide::from_bits(b.extended()))
}

/// `mad.lo`: the low half of a · b, plus c.
#[inline(always)]
pub fn multiply_add_low<T: Integer>(a: T, b: T, c: T) -> T {
    multiply_low(a, b).plus(c)
}

/// `mad.hi`: the high half of a · b, plus c.
#[inline(always)]
pub fn multiply_add_high<T: Integer>(a: T, b: T, c: T) -> T {
    multiply_high(a, b).plus(c)
}

/// `mad.hi.sat.s32`: the high half of a · b, plus c, clamped to the type's range.
#[inline(always)]
pub fn multiply_add_high_saturating(a: i32, b: i32, c: i32) -> i32 {
    multiply_high(a, b).saturating_add(c)
}

/// `mad.wide` of 16- and 32-bit types: a · b + c, twice as wide.
#[inline(always)]
pub fn multiply_add_wide<T: Integer>(a: T, b: T, c: T::Wide) -> T::Wide {
    multiply_wide(a, b).plus(c)
}

/// The 48-bit product of the low 24 bits, extended by their sign for a signed type.
#[inline(always)]
fn product24<T: Integer>(a: T, b: T) -> u64 {
    debug_assert!(T::BITS == 32);
    let low = |x: T| {
        let top = x.bits() << 40;
        if T::SIGNED { (top as i64 >> 40) as u64 } else { top >> 40 }
    };
    low(a).wrapping_mul(low(b))
}

/// `mul24.lo` of `.u32` or `.s32`: bits 31..0 of the product of the low 24 bits.
#[inline(always)]
pub fn multiply24_low<T: Integer>(a: T, b: T) -> T {
    T::from_bits(product24(a, b))
}

/// `mul24.hi` of `.u32` or `.s32`: bits 47..16 of the product of the low 24 bits.
#[inline(always)]
pub fn multiply24_high<T: Integer>(a: T, b: T) -> T {
    T::from_bits(product24(a, b) >> 16)
}

/// `mad24.lo`.
#[inline(always)]
pub fn multiply_add24_low<T: Integer>(a: T, b: T, c: T) -> T {
    multiply24_low(a, b).plus(c)
}

/// `mad24.hi`.
#[inline(always)]
pub fn multiply_add24_high<T: Integer>(a: T, b: T, c: T) -> T {
    multiply24_high(a, b).plus(c)
}

/// `mad24.hi.sat.s32`.
#[inline(always)]
pub fn multiply_add24_high_saturating(a: i32, b: i32, c: i32) -> i32 {
    multiply24_high(a, b).saturating_add(c)
}

/// `sad`: c + |a − b|.
#[inline(always)]
pub fn sum_of_absolute_difference<T: Integer>(a: T, b: T, c: T) -> T {
    c.plus(if a < b { b.minus(a) } else { a.minus(b) })
}

/// `div`: a / b towards zero. PTX leaves division by zero open; it gives all ones here, as
/// current GPUs do.
#[inline(always)]
pub fn divide<T: Integer>(a: T, b: T) -> T {
    a.quotient(b).unwrap_or(T::from_bits(u64::MAX))
}

/// `rem`: the remainder, with the sign of a. PTX leaves the remainder by zero open; it is a here.
#[inline(always)]
pub fn remainder<T: Integer>(a: T, b: T) -> T {
    a.remainder(b).unwrap_or(a)
}

/// `abs`; the smallest value stays.
#[inline(always)]
pub fn absolute<T: Integer>(a: T) -> T {
    if a < T::from_bits(0) { negate(a) } else { a }
}

/// `neg`; the smallest value stays.
#[inline(always)]
pub fn negate<T: Integer>(a: T) -> T {
    T::from_bits(0).minus(a)
}

/// `min`.
#[inline(always)]
pub fn minimum<T: Integer>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

/// `max`.
#[inline(always)]
pub fn maximum<T: Integer>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

/// `.relu` of `min` and `max`: negative becomes 0.
#[inline(always)]
pub fn relu<T: Integer>(a: T) -> T {
    maximum(a, T::from_bits(0))
}

/// A sum and what it carries out; `add.cc`, and with a carry in `addc.cc`.
#[inline(always)]
pub fn add_with_carry<T: Integer>(a: T, b: T, carry: bool) -> (T, bool) {
    let sum = u128::from(a.bits()) + u128::from(b.bits()) + u128::from(carry);
    (T::from_bits(sum as u64), sum >> T::BITS != 0)
}

/// A difference and what it borrows; `sub.cc`, and with a borrow in `subc.cc`. PTX keeps the
/// borrow in the carry flag.
#[inline(always)]
pub fn subtract_with_borrow<T: Integer>(a: T, b: T, borrow: bool) -> (T, bool) {
    let taken = u128::from(b.bits()) + u128::from(borrow);
    (T::from_bits(a.bits().wrapping_sub(taken as u64)), u128::from(a.bits()) < taken)
}

/// `mad.lo.cc`, and with a carry in `madc.lo.cc`.
#[inline(always)]
pub fn multiply_add_low_with_carry<T: Integer>(a: T, b: T, c: T, carry: bool) -> (T, bool) {
    add_with_carry(multiply_low(a, b), c, carry)
}

/// `mad.hi.cc`, and with a carry in `madc.hi.cc`.
#[inline(always)]
pub fn multiply_add_high_with_carry<T: Integer>(a: T, b: T, c: T, carry: bool) -> (T, bool) {
    add_with_carry(multiply_high(a, b), c, carry)
}

/// Bytes of a register as integers: `.u32` zero-extended, `.s32` sign-extended.
#[inline(always)]
fn byte(register: u32, index: u32, signed: bool) -> i32 {
    let byte = (register >> (8 * index)) as u8;
    if signed { i32::from(byte as i8) } else { i32::from(byte) }
}

/// `dp4a`: c plus the dot product of four bytes of a and b, each signed or not.
#[inline(always)]
pub fn dot4(a: u32, b: u32, c: u32, a_signed: bool, b_signed: bool) -> u32 {
    let products = (0..4).map(|i| byte(a, i, a_signed) * byte(b, i, b_signed));
    products.fold(c, |sum, product| sum.wrapping_add(product as u32))
}

/// `dp2a`: c plus the dot product of the two halves of a and two bytes of b, the low ones or the
/// `high` ones.
#[inline(always)]
pub fn dot2(a: u32, b: u32, c: u32, a_signed: bool, b_signed: bool, high: bool) -> u32 {
    let half = |i: u32| {
        let half = (a >> (16 * i)) as u16;
        if a_signed { i32::from(half as i16) } else { i32::from(half) }
    };
    let first = if high { 2 } else { 0 };
    let products = (0..2).map(|i| half(i) * byte(b, first + i, b_signed));
    products.fold(c, |sum, product| sum.wrapping_add(product as u32))
}
