//! Kernels in the embedded language, run on the simulator as their printed text reads.

mod division;
mod transpose;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tilewright::attention::{DataType, exp2};
use tilewright::device::Geometry;
use tilewright::dsl::{self, Pair, Value};
use tilewright::half::{bf16, f16};
use tilewright::ptx::tree::Module;
use tilewright::sim::Options;
use tilewright_tests::kernels::{Gemm, gemm, row_softmax, vector_add};
use tilewright_tests::run::{Arg, assert_close, f32_bytes, f32_from, geometry, reread, run};

fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut generator = SmallRng::seed_from_u64(seed);
    (0..count).map(|_| generator.random_range(-4.0..4.0)).collect()
}

/// Runs a kernel and returns the buffer at an index among its buffers.
fn output(module: Module, geometry: Geometry, args: &[Arg], buffer: usize, seed: u64) -> Vec<f32> {
    let options = Options { seed, ..Options::default() };
    match run(&reread(module), &geometry, args, options) {
        Ok((buffers, _)) => f32_from(&buffers[buffer]),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn vector_addition() {
    for (seed, n) in [1, 127, 128, 1000].into_iter().enumerate() {
        let (x, y) = (random(n, seed as u64), random(n, 100 + seed as u64));
        let args = [
            Arg::U32(n as u32),
            Arg::Buffer("x", f32_bytes(&x)),
            Arg::Buffer("y", f32_bytes(&y)),
            Arg::Output("z", 4 * n),
        ];
        let grid = [(n as u32).div_ceil(128), 1, 1];
        let module = vector_add("sm_80".parse().unwrap());
        let found = output(module, geometry(grid, 128, 0), &args, 2, seed as u64);
        let expected: Vec<f64> = x.iter().zip(&y).map(|(x, y)| f64::from(x + y)).collect();
        assert_close(&found, &expected, 0.0);
    }
}

#[test]
fn softmax_of_rows() {
    for (seed, columns) in [1, 31, 32, 33, 200].into_iter().enumerate() {
        let rows = 5;
        let x = random(rows * columns, seed as u64);
        let args = [
            Arg::U32(columns as u32),
            Arg::Buffer("x", f32_bytes(&x)),
            Arg::Output("y", 4 * rows * columns),
        ];
        let module = row_softmax("sm_80".parse().unwrap());
        let found = output(module, geometry([rows as u32, 1, 1], 32, 0), &args, 1, seed as u64);
        let mut expected = Vec::new();
        for row in x.chunks(columns) {
            let exp: Vec<f64> = row.iter().map(|&x| f64::from(x).exp()).collect();
            let sum: f64 = exp.iter().sum();
            expected.extend(exp.iter().map(|e| e / sum));
        }
        assert_close(&found, &expected, 1e-5);
    }
}

/// Multiplies random matrices of the given sizes.
fn check_gemm(shape: Gemm, [m, n, k]: [usize; 3], seed: u64) {
    let (a, b) = (random(m * k, seed), random(k * n, seed + 1));
    let round = |x: f32| match shape.dtype {
        DataType::F16 => (f16::from_f32(x).to_bits(), f16::from_f32(x).to_f64()),
        _ => (bf16::from_f32(x).to_bits(), bf16::from_f32(x).to_f64()),
    };
    let bytes = |matrix: &[f32]| -> Vec<u8> {
        matrix.iter().flat_map(|&x| round(x).0.to_le_bytes()).collect()
    };
    let args = [
        Arg::U32(n as u32),
        Arg::U32(k as u32),
        Arg::Buffer("a", bytes(&a)),
        Arg::Buffer("b", bytes(&b)),
        Arg::Output("c", 4 * m * n),
    ];
    let grid = [n as u32 / shape.tile_n, m as u32 / shape.tile_m, 1];
    let geometry = geometry(grid, shape.warps * 32, shape.shared());
    let found = output(gemm("sm_80".parse().unwrap(), shape), geometry, &args, 2, seed);
    let exact = |i: usize, j: usize| -> f64 {
        (0..k).map(|l| round(a[i * k + l]).1 * round(b[l * n + j]).1).sum()
    };
    let expected: Vec<f64> = (0..m * n).map(|at| exact(at / n, at % n)).collect();
    // Partial sums of k products up to 16 in f32.
    assert_close(&found, &expected, 16.0 * k as f64 / f64::from(1 << 24));
}

#[test]
fn matrix_product_on_tensor_cores() {
    let shape =
        Gemm { dtype: DataType::Bf16, tile_m: 64, tile_n: 64, tile_k: 32, warps: 4, stages: 3 };
    check_gemm(shape, [128, 192, 32], 1);
    check_gemm(shape, [64, 64, 160], 2);
    check_gemm(Gemm { stages: 2, tile_k: 64, ..shape }, [64, 128, 256], 3);
    check_gemm(Gemm { dtype: DataType::F16, tile_m: 128, tile_n: 96, ..shape }, [128, 96, 96], 4);
}

#[test]
fn powers_of_two_by_polynomials() {
    for degree in exp2::DEGREES {
        check_powers("sm_80", degree, |x| x.exp2_by_polynomial(degree));
        check_powers("sm_100a", degree, |x| {
            let other = x.builder().constant(-1.0);
            let [power, half] = Pair::new(x, other).exp2_by_polynomial(degree).halves();
            let [_, same] = Pair::new(other, x).exp2_by_polynomial(degree).halves();
            (same.eq(power)).and(half.lt(1.0)).select(power, f32::NAN)
        });
    }
}

/// Holds device code to what is proven of the polynomials, bit for bit.
fn check_powers(
    target: &str,
    degree: u32,
    power: impl for<'k> Fn(Value<'k, f32>) -> Value<'k, f32>,
) {
    let special = [0.0, -0.0, -126.0, -126.999, -127.0, -1e30, f32::NEG_INFINITY, 127.9];
    let wide = random(500, 2).into_iter().map(|x| 127.0 * x.sin());
    let x: Vec<f32> = random(500, 1).into_iter().chain(wide).chain(special).collect();
    let module = dsl::kernel("powers", target.parse().unwrap(), |k| {
        let x = k.pointer_parameter::<f32>("x");
        let y = k.pointer_parameter::<f32>("y");
        let i = k.block_index().x;
        y.element(i).store(power(x.element(i).load()));
    });
    let args = [Arg::Buffer("x", f32_bytes(&x)), Arg::Output("y", 4 * x.len())];
    let found = output(module, geometry([x.len() as u32, 1, 1], 1, 0), &args, 1, 0);
    for (x, found) in x.into_iter().zip(found) {
        assert_eq!(found.to_bits(), exp2::exp2(x, degree).to_bits(), "degree {degree}: {x}");
    }
}
