//! Division of whole numbers by constants. ptxas leaves it to the reciprocal of the divisor, as it
//! does where the divisor is in a register: some twenty instructions. Shifts and a multiplication
//! take one to five.

use super::scalar::Integer;
use super::value::Value;

/// The quotient, rounded towards zero; none where the division instruction is to do it.
pub(super) fn quotient<'k, T: Integer>(a: Value<'k, T>, b: Value<'k, T>) -> Option<Value<'k, T>> {
    let (bits, divisor) = (T::TYPE.bits(), positive(b)?);
    match (divisor.count_ones() == 1, T::TYPE.is_signed()) {
        (true, signed) => {
            let shift = divisor.trailing_zeros();
            Some(if signed { towards_zero(a, divisor) >> shift } else { a >> shift })
        }
        (_, true) if bits == 32 => Some(Signed::new(divisor).quotient(a)),
        (_, false) if bits == 32 => Some(Unsigned::new(divisor)?.quotient(a)),
        _ => None,
    }
}

/// The remainder, with the sign of `a`; none where the instruction is to do it.
pub(super) fn remainder<'k, T: Integer>(a: Value<'k, T>, b: Value<'k, T>) -> Option<Value<'k, T>> {
    let divisor = positive(b)?;
    match (divisor.count_ones() == 1, T::TYPE.is_signed()) {
        (true, false) => Some(a & constant(a, divisor - 1)),
        (true, true) => Some(a - (towards_zero(a, divisor) & constant(a, !(divisor - 1)))),
        _ => Some(a - quotient(a, b)? * b),
    }
}

/// A constant of more than 1.
fn positive<T: Integer>(divisor: Value<'_, T>) -> Option<i128> {
    let divisor = T::number(divisor.as_constant()?.bits());
    (divisor > 1).then_some(divisor)
}

fn constant<'k, T: Integer>(beside: Value<'k, T>, number: i128) -> Value<'k, T> {
    beside.builder().constant(T::from_bits(T::wrapped(number)))
}

/// A number that, shifted down, is divided towards zero: negative ones are raised.
fn towards_zero<'k, T: Integer>(a: Value<'k, T>, power_of_two: i128) -> Value<'k, T> {
    let negative = a >> (T::TYPE.bits() - 1);
    a + (negative & constant(a, power_of_two - 1))
}

/// Division of 32 bits without sign: a shift by what is even in the divisor, the upper half of a
/// product, and a shift. "Division by invariant integers using multiplication" (Granlund and
/// Montgomery) has the proof.
struct Unsigned {
    before: u32,
    factor: i128,
    after: u32,
}

impl Unsigned {
    /// None where the factor would take 33 bits.
    fn new(divisor: i128) -> Option<Self> {
        let before = divisor.trailing_zeros();
        let (divisor, bits) = (divisor >> before, 32 - before);
        let factor = |after: u32| (1_i128 << (32 + after)).div_euclid(divisor) + 1;
        let exact = |after: &u32| {
            let power = 32 + after;
            factor(*after) * divisor - (1 << power) <= 1 << (power - bits)
        };
        let after = (0..32).find(exact)?;
        let factor = factor(after);
        (factor < 1 << 32).then_some(Self { before, factor, after })
    }

    fn quotient<'k, T: Integer>(&self, a: Value<'k, T>) -> Value<'k, T> {
        (a >> self.before).multiply_high(constant(a, self.factor)) >> self.after
    }
}

/// Division of 32 bits with a sign: the upper half of a product, a shift, and one more for negative
/// numbers. Hacker's Delight, chapter 10, has the proof.
struct Signed {
    factor: i128,
    after: u32,
}

impl Signed {
    fn new(divisor: i128) -> Self {
        let factor = |after: u32| (1_i128 << (32 + after)).div_euclid(divisor) + 1;
        let exact =
            |after: &u32| factor(*after) * divisor - (1 << (32 + after)) <= 1 << (after + 1);
        let after = (0..32).find(exact).expect("thirty-one bits more are exact enough");
        Self { factor: factor(after), after }
    }

    fn quotient<'k, T: Integer>(&self, a: Value<'k, T>) -> Value<'k, T> {
        let product = a.multiply_high(constant(a, self.factor));
        // A factor of 32 bits reads as a negative number.
        let product = if self.factor < 1 << 31 { product } else { product + a };
        (product >> self.after) - (a >> 31_u32)
    }
}

#[cfg(test)]
mod tests {
    use super::{Signed, Unsigned};

    /// Numbers around those where a quotient changes, and the ends.
    fn around(divisor: i128, ends: [i128; 2]) -> impl Iterator<Item = i128> {
        let multiples =
            (0..33).flat_map(move |bit| [(1 << bit) / divisor, ends[1] / divisor - bit]);
        let near = multiples.flat_map(move |m| (-1..=1).map(move |by| m * divisor + by));
        let both = near.flat_map(|number| [number, -number]).chain(ends);
        both.filter(move |number| (ends[0]..=ends[1]).contains(number))
    }

    fn divisors() -> impl Iterator<Item = i128> {
        (2..5000).chain([65_537, 641_000, (1 << 31) - 1]).filter(|d: &i128| d.count_ones() > 1)
    }

    #[test]
    fn unsigned_quotients_are_exact() {
        let mut even = 0;
        for divisor in divisors() {
            let Some(Unsigned { before, factor, after }) = Unsigned::new(divisor) else { continue };
            even += i128::from(divisor % 2 == 0);
            for number in around(divisor, [0, u32::MAX.into()]) {
                let found = ((number >> before) * factor) >> (32 + after);
                assert_eq!(found, number / divisor, "{number} / {divisor}");
            }
        }
        assert!(even > 2400, "even divisors have factors of 32 bits: {even}");
    }

    #[test]
    fn signed_quotients_are_exact() {
        for divisor in divisors() {
            let Signed { factor, after } = Signed::new(divisor);
            assert!(factor < 1 << 32, "{divisor}");
            for number in around(divisor, [i32::MIN.into(), i32::MAX.into()]) {
                let found = ((number * factor) >> (32 + after)) + i128::from(number < 0);
                assert_eq!(found, number / divisor, "{number} / {divisor}");
            }
        }
    }
}
