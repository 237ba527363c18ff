//! The polynomials with which attention kernels compute powers of two.

use std::ops::RangeInclusive;

/// Points at which the error is looked at.
const GRID: usize = 1 << 14;

/// Prints the coefficients of each degree, and the largest relative error in exact arithmetic.
pub(crate) fn print(degrees: RangeInclusive<u32>) {
    for degree in degrees {
        let (coefficients, error) = fit(degree as usize);
        let rounded: Vec<f32> = coefficients.iter().map(|&c| c as f32).collect();
        println!("degree {degree}, relative error {error:.3e}: {rounded:?}");
    }
}

/// The polynomial 1 + c₁x + c₂x² + … with the least relative error to 2^x on [0, 1], and that
/// error: Remez' exchange. Where the error has the same magnitude and alternating signs at
/// `degree` + 1 points, which are its extrema, none is smaller (Chebyshev).
fn fit(degree: usize) -> (Vec<f64>, f64) {
    let mut points: Vec<f64> = (0..=degree)
        .map(|i| 0.5 - 0.5 * (std::f64::consts::PI * (i + 1) as f64 / (degree + 1) as f64).cos())
        .collect();
    loop {
        let coefficients = levelled(&points);
        let extrema = extrema(&coefficients);
        let magnitudes = extrema.iter().map(|&x| relative_error(&coefficients, x).abs());
        let (least, most) = magnitudes.fold((f64::MAX, 0.0_f64), |(a, b), e| (a.min(e), b.max(e)));
        if most - least <= 1e-6 * most || extrema.len() != points.len() {
            return (coefficients, most);
        }
        points = extrema;
    }
}

/// The polynomial whose errors at the points have the same magnitude and alternating signs.
fn levelled(points: &[f64]) -> Vec<f64> {
    let row = |(i, &x): (usize, &f64)| {
        let powers = (1..points.len() as i32).map(|power| x.powi(power) / x.exp2());
        let level = if i % 2 == 0 { 1.0 } else { -1.0 };
        powers.chain([level, 1.0 - 1.0 / x.exp2()]).collect()
    };
    let mut solution = solve(points.iter().enumerate().map(row).collect());
    solution.pop();
    solution
}

/// Solves linear equations, each given by its coefficients and its right side.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let n = rows.len();
    for column in 0..n {
        let largest =
            |a: &usize, b: &usize| rows[*a][column].abs().total_cmp(&rows[*b][column].abs());
        let pivot = (column..n).max_by(largest).unwrap_or(column);
        rows.swap(column, pivot);
        let pivot = rows[column].clone();
        for (i, row) in rows.iter_mut().enumerate() {
            let factor = if i == column { 0.0 } else { row[column] / pivot[column] };
            row.iter_mut().zip(&pivot).for_each(|(a, b)| *a -= factor * b);
        }
    }
    rows.iter().enumerate().map(|(i, row)| row[n] / row[i]).collect()
}

fn relative_error(coefficients: &[f64], x: f64) -> f64 {
    let polynomial = coefficients.iter().rev().fold(0.0, |p, c| p * x + c) * x + 1.0;
    polynomial / x.exp2() - 1.0
}

/// The extremum of the error between each two of its zeros.
fn extrema(coefficients: &[f64]) -> Vec<f64> {
    let mut extrema: Vec<(f64, f64)> = Vec::new();
    for i in 1..=GRID {
        let x = i as f64 / GRID as f64;
        let error = relative_error(coefficients, x);
        match extrema.last_mut() {
            Some(last) if last.1 * error > 0.0 => {
                if error.abs() > last.1.abs() {
                    *last = (x, error);
                }
            }
            _ => extrema.push((x, error)),
        }
    }
    extrema.into_iter().map(|(x, _)| x).collect()
}

#[cfg(test)]
mod tests {
    use tilewright_codegen::attention::exp2::{DEGREES, coefficients};

    #[test]
    fn the_kernels_have_the_best_polynomials() {
        for degree in DEGREES {
            let (best, error) = super::fit(degree as usize);
            for (best, used) in best.iter().zip(coefficients(degree)) {
                assert!((best - f64::from(*used)).abs() < error, "degree {degree}: {best}, {used}");
            }
        }
    }
}
