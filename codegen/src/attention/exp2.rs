//! 2 to a power without the special-function unit, which is the bottleneck of attention on Hopper
//! and Blackwell: Cody–Waite reduction and a polynomial, as FlashAttention-4 does.
//!
//! ```text
//! 2^x = 2^⌊x⌋ · 2^(x − ⌊x⌋)      the first factor is added to the exponent of the second, p(x − ⌊x⌋)
//! ```
//!
//! p(0) is exactly 1, so that powers up to −127, that of a masked score among them, give exactly 0:
//! the exponent of 1 is 127. Among such polynomials p has the least relative error on [0, 1].

use crate::dsl::{Pair, Value};

/// Degrees of polynomials that there are. With degree 2 a log-sum-exp would be off by 2 in a thousand.
pub const DEGREES: std::ops::RangeInclusive<u32> = 3..=5;

/// The coefficients of x¹, x², … by degree, from 3 on; `cargo xtask exp2` computes them.
const COEFFICIENTS: [&[f32]; 3] = [
    &[0.69511676, 0.227645, 0.07706704],
    &[0.69304484, 0.2412802, 0.052242473, 0.013426684],
    &[0.6931513, 0.24016444, 0.055799913, 0.009017031, 0.00186713],
];

/// Powers below give 0.
const LEAST: f32 = -127.0;

/// Bits of a mantissa.
const MANTISSA: u32 = 23;

/// 1.5 · 2²³: a number of magnitude up to 2²² added to it is rounded to an integer, which then
/// stands in the low bits.
const SHIFTER: f32 = 12_582_912.0;

/// The coefficients of x¹, x², … of the polynomial of this degree.
///
/// # Panics
///
/// Where `degree` is not one of [`DEGREES`].
pub fn coefficients(degree: u32) -> &'static [f32] {
    assert!(DEGREES.contains(&degree), "there is no polynomial of degree {degree}");
    COEFFICIENTS[(degree - DEGREES.start()) as usize]
}

/// What [`Value::exp2_by_polynomial`] computes, bit for bit, for powers below 128.
pub fn exp2(x: f32, degree: u32) -> f32 {
    let x = x.max(LEAST);
    let floor = x.floor();
    let horner = |p: f32, c: &f32| p.mul_add(x - floor, *c);
    let polynomial = coefficients(degree).iter().rev().fold(0.0, horner).mul_add(x - floor, 1.0);
    let exponent = (floor as i32) << MANTISSA;
    f32::from_bits(polynomial.to_bits().wrapping_add_signed(exponent))
}

impl<'k> Value<'k, f32> {
    /// 2 to this power, which is below 128, on the pipes of additions and multiplications: four
    /// instructions, one a degree, and two for the exponent. NaN gives 0.
    ///
    /// # Panics
    ///
    /// Where `degree` is not one of [`DEGREES`].
    pub fn exp2_by_polynomial(self, degree: u32) -> Value<'k, f32> {
        let x = self.max(LEAST);
        let shifted = x.add_rounding_down(SHIFTER);
        let fraction = x - (shifted - SHIFTER);
        let (last, rest) = coefficients(degree).split_last().expect("a degree is positive");
        let k = self.builder();
        let polynomial = rest
            .iter()
            .rev()
            .fold(k.constant(*last), |p, c| p.multiply_add(fraction, *c))
            .multiply_add(fraction, 1.0);
        (polynomial.as_bits() + (shifted.as_bits() << MANTISSA)).bits_as_f32()
    }
}

impl<'k> Pair<'k> {
    /// As [`Value::exp2_by_polynomial`], of both.
    ///
    /// # Panics
    ///
    /// Where `degree` is not one of [`DEGREES`].
    pub fn exp2_by_polynomial(self, degree: u32) -> Pair<'k> {
        let [first, second] = self.halves().map(|power| power.max(LEAST));
        let k = first.builder();
        let x = Pair::new(first, second);
        let shifted = x.add_rounding_down(k.pair_of(SHIFTER));
        let fraction = x - (shifted - k.pair_of(SHIFTER));
        let (last, rest) = coefficients(degree).split_last().expect("a degree is positive");
        let polynomial = rest
            .iter()
            .rev()
            .fold(k.pair_of(*last), |p, c| p.multiply_add(fraction, k.pair_of(*c)))
            .multiply_add(fraction, k.pair_of(1.0));
        let ([p, q], [m, n]) = (polynomial.halves(), shifted.halves());
        let raise = |polynomial: Value<'k, f32>, shifted: Value<'k, f32>| {
            (polynomial.as_bits() + (shifted.as_bits() << MANTISSA)).bits_as_f32()
        };
        Pair::new(raise(p, m), raise(q, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units of the last place between what is computed and 2^x correctly rounded.
    fn ulps(x: f32, degree: u32) -> f64 {
        // Of f64, whose own error is far below.
        let correct = f64::from(x).exp2() as f32;
        let ulp = f64::from(correct.next_up()) - f64::from(correct);
        (f64::from(exp2(x, degree)) - f64::from(correct)).abs() / ulp
    }

    /// The largest error over every `step`th of all f32 from −126 to 128.
    fn largest(degree: u32, step: usize) -> f64 {
        let of_sign = |sign: f32, end: f32| {
            (0..end.to_bits()).step_by(step).map(move |bits| f32::from_bits(bits).copysign(sign))
        };
        let all = of_sign(1.0, 128.0).chain(of_sign(-1.0, 126f32.next_up()));
        all.fold(0.0, |worst, x| ulps(x, degree).max(worst))
    }

    /// Checks the largest error against a bound that may not be much larger.
    fn check(degree: u32, step: usize, bound: f64) {
        let worst = largest(degree, step);
        assert!(worst <= bound, "degree {degree}: {worst} ulp");
        assert!(worst >= bound / 1.02, "degree {degree}: the bound can be {worst} ulp");
    }

    /// Largest errors by degree, in units of the last place.
    const BOUNDS: [(u32, f64); 3] = [(3, 1437.0), (4, 49.0), (5, 3.0)];

    #[test]
    fn every_degree_has_its_accuracy() {
        // A prime, so that mantissas of neighbouring exponents differ.
        BOUNDS.into_iter().for_each(|(degree, bound)| check(degree, 1021, bound));
    }

    #[test]
    #[ignore = "takes minutes: every power that there is"]
    fn every_degree_has_its_accuracy_everywhere() {
        BOUNDS.into_iter().for_each(|(degree, bound)| check(degree, 1, bound));
    }

    /// Powers whose results are below the normal numbers lose at most half of the least of those.
    #[test]
    fn results_below_the_normal_numbers() {
        let least = f64::from(f32::MIN_POSITIVE);
        for (degree, _) in BOUNDS {
            for bits in (126f32.next_up().to_bits()..=127f32.to_bits()).step_by(7) {
                let x = -f32::from_bits(bits);
                let error = f64::from(exp2(x, degree)) - f64::from(x).exp2();
                assert!(
                    (-0.5..=1e-3).contains(&(error / least)),
                    "degree {degree}: {x}, {error:e}"
                );
            }
        }
    }

    #[test]
    fn what_is_masked_gives_nothing() {
        for degree in DEGREES {
            for x in [f32::NEG_INFINITY, f32::MIN, -1000.0, -127.0] {
                assert_eq!(exp2(x, degree).to_bits(), 0);
            }
            assert_eq!(exp2(0.0, degree), 1.0);
            assert_eq!(exp2(-3.0, degree), 0.125);
        }
    }
}
