//! The quantizing pass on the simulator against the same in double precision.

use tilewright::DType;
use tilewright::attention::DataType;
use tilewright::attention::quantize::{LARGEST, Quantize};
use tilewright::attention::{Mask, Problem};
use tilewright::reference::{Inputs, Values};
use tilewright::sim::Options;
use tilewright_tests::run::{Arg, f32_from, geometry, reread, run};

#[derive(Clone, Copy)]
struct Shape {
    batch: usize,
    seqlen: usize,
    heads: usize,
    kv_heads: usize,
}

/// Random queries with outliers.
fn queries(quantize: Quantize, shape: Shape, seed: u64) -> Vec<f64> {
    let problem = Problem {
        dtype: quantize.from,
        head_dim: quantize.head_dim,
        head_dim_v: quantize.head_dim,
        batch: shape.batch as u32,
        heads: shape.heads as u32,
        kv_heads: shape.kv_heads as u32,
        seqlen_q: shape.seqlen as u32,
        seqlen_kv: 1,
        mask: Mask::Full,
    };
    Inputs::random(&problem, Values::Outliers, seed).query
}

fn check(quantize: Quantize, shape: Shape, seed: u64) {
    let Shape { batch, seqlen, heads, kv_heads } = shape;
    let dim = quantize.head_dim as usize;
    let values = queries(quantize, shape, seed);
    let count = values.len();
    let args = [
        Arg::Buffer("source", DType::from(quantize.from).to_bytes(values.iter().copied())),
        Arg::Output("quantized", count),
        Arg::Output("descale", 4 * batch * kv_heads),
        Arg::U32(seqlen as u32),
        Arg::U32(heads as u32),
        Arg::U32(kv_heads as u32),
    ];
    let grid = [kv_heads as u32, batch as u32, 1];
    let geometry = geometry(grid, Quantize::THREADS, 0);
    let module = reread(quantize.kernel("sm_90a".parse().unwrap()).unwrap());
    let options = Options { seed, ..Options::default() };
    let (buffers, _) = run(&module, &geometry, &args, options).unwrap_or_else(|e| panic!("{e}"));
    let found = DType::E4m3.to_f64(&buffers[1]);
    let descales = f32_from(&buffers[2]);

    let rotated: Vec<f64> = values.chunks(dim).flat_map(|row| quantize.rotated(row)).collect();
    let group_of =
        |row: usize| row / (seqlen * heads) * kv_heads + row % heads / (heads / kv_heads);
    let mut largest = vec![0.0_f64; batch * kv_heads];
    for (row, rotated) in rotated.chunks(dim).enumerate() {
        let largest = &mut largest[group_of(row)];
        *largest = rotated.iter().fold(*largest, |most, x| most.max(x.abs()));
    }
    for (found, largest) in descales.iter().zip(&largest) {
        let expected = largest / f64::from(LARGEST);
        assert!((f64::from(*found) - expected).abs() <= 1e-6 * expected, "{found}, {expected}");
    }
    for (i, (found, expected)) in found.iter().zip(&rotated).enumerate() {
        let descale = f64::from(descales[group_of(i / dim)]);
        // Half a unit in the last place of three bits, or of the smallest number.
        let rounding = (expected.abs() / 16.0).max(descale * 2f64.powi(-10));
        let error = (found * descale - expected).abs();
        assert!(error <= rounding * 1.00001, "element {i}: {found} · {descale}, {expected}");
    }
}

#[test]
fn rows_are_rotated_scaled_and_rounded() {
    let shape = Shape { batch: 2, seqlen: 37, heads: 4, kv_heads: 2 };
    for (seed, head_dim) in [32, 64, 96, 128, 192, 256].into_iter().enumerate() {
        for (from, rotate) in
            [(DataType::F16, true), (DataType::Bf16, true), (DataType::F16, false)]
        {
            check(Quantize { from, head_dim, rotate }, shape, seed as u64);
        }
    }
}

#[test]
fn a_single_row_of_many_heads() {
    let quantize = Quantize { from: DataType::Bf16, head_dim: 64, rotate: true };
    check(quantize, Shape { batch: 1, seqlen: 1, heads: 6, kv_heads: 1 }, 9);
}
