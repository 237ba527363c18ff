//! Attention with powers of two by polynomials is as exact as with those of the special-function
//! unit, but for what rounding the output may add.

use std::fmt;

use tilewright::attention::blackwell::{Config, Schedule};
use tilewright::attention::{DataType, Mask, Parameter, Problem};
use tilewright::case::{Case, execute};
use tilewright::device::Simulator;
use tilewright::half::{bf16, f16};
use tilewright::reference::Values;
use tilewright_tests::attention::{kernel, problem, small_blackwell};

/// The largest of some errors, and the root of their mean square.
#[derive(Clone, Copy)]
struct Error {
    largest: f64,
    rms: f64,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2e} at most, {:.2e} on average", self.largest, self.rms)
    }
}

impl Error {
    fn of(found: impl Iterator<Item = f64>, exact: &[f64]) -> Self {
        let (mut largest, mut squares) = (0.0, 0.0);
        for (found, exact) in found.zip(exact) {
            let error = (found - exact).abs();
            assert!(error.is_finite());
            largest = error.max(largest);
            squares += error * error;
        }
        Self { largest, rms: (squares / exact.len() as f64).sqrt() }
    }
}

/// The attention output of a config.
fn output(case: &Case, config: &Config) -> impl Iterator<Item = f64> {
    let problem = case.problem();
    let (kernel, module) = kernel(problem, *config, &small_blackwell());
    let mut device = Simulator::default();
    let scale = case.softmax_scale();
    let outputs = execute(&mut device, problem, scale, case.inputs(), &kernel, &module).unwrap();
    let dtype = problem.dtype;
    let elements: Vec<[u8; 2]> = outputs[0].as_chunks().0.to_vec();
    elements.into_iter().map(move |bytes| match dtype {
        DataType::F16 => f16::from_le_bytes(bytes).to_f64(),
        _ => bf16::from_le_bytes(bytes).to_f64(),
    })
}

/// Holds the error of `share` of sixteen powers by polynomials to that without any, for each degree.
fn check(problem: Problem, degrees: &[u32], share: u32, values: Values, seed: u64) {
    let case = Case::random(&problem, values, seed).unwrap();
    let exact = case.expected().values(Parameter::Output).unwrap();
    let round = |&x: &f64| match problem.dtype {
        DataType::F16 => f16::from_f64(x).to_f64(),
        _ => bf16::from_f64(x).to_f64(),
    };
    let rounding = Error::of(exact.iter().map(round), exact);
    let hardware = Config {
        polynomials: 0,
        tile_n: 64,
        schedule: Schedule::Single,
        ..Config::default_for(&problem, &small_blackwell())
    };
    let without = Error::of(output(&case, &hardware), exact);
    for &degree in degrees {
        let config = Config { polynomials: share, degree, ..hardware };
        let with = Error::of(output(&case, &config), exact);
        println!("{config}: {with}; without {without}; of rounding alone {rounding}");
        assert!(with.largest <= without.largest + rounding.largest, "{config}: largest error");
        assert!(with.rms <= without.rms + rounding.rms, "{config}: mean error");
    }
}

#[test]
fn polynomials_are_as_good_as_the_special_function_unit() {
    for (seed, values) in [Values::Normal, Values::Outliers].into_iter().enumerate() {
        for (mask, share) in [(Mask::Full, 2), (Mask::Causal, 6)] {
            let of = |dtype| problem(dtype, (64, 64), (256, 300), mask);
            check(of(DataType::Bf16), &[3, 4, 5], share, values, seed as u64);
            check(of(DataType::F16), &[3, 5], share, values, seed as u64 + 2);
        }
    }
}
