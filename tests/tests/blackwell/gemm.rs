use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tilewright::DType;
use tilewright::attention::DataType;
use tilewright::device::{Geometry, Module};
use tilewright::dsl::{CtaGroup, Major};
use tilewright::ptx::tree;
use tilewright::ptxas::Ptxas;
use tilewright::sim::Options;
use tilewright::tensor_map::{Interleave, L2Promotion, OobFill, Swizzle, TensorMap};
use tilewright_tests::kernels::{BlackwellGemm, blackwell_gemm};
use tilewright_tests::mutation::{LINTS, conclude, mutate};
use tilewright_tests::run::{Arg, geometry, reread, run};

const SHAPE: BlackwellGemm = BlackwellGemm {
    dtype: DataType::Bf16,
    b_major: Major::Depth,
    group: CtaGroup::One,
    tile_n: 64,
    tile_k: 64,
    stages: 3,
};

const SHAPES: [BlackwellGemm; 7] = [
    SHAPE,
    BlackwellGemm { dtype: DataType::F16, b_major: Major::Columns, tile_n: 96, ..SHAPE },
    BlackwellGemm { dtype: DataType::E4m3, tile_k: 128, stages: 2, ..SHAPE },
    BlackwellGemm { dtype: DataType::E5m2, b_major: Major::Columns, tile_k: 96, ..SHAPE },
    BlackwellGemm { group: CtaGroup::Two, tile_n: 128, ..SHAPE },
    BlackwellGemm { b_major: Major::Columns, group: CtaGroup::Two, tile_k: 32, ..SHAPE },
    BlackwellGemm { dtype: DataType::E4m3, group: CtaGroup::Two, stages: 4, ..SHAPE },
];

/// The map of a matrix by rows.
fn map(dtype: DType, [columns, rows]: [usize; 2], box_shape: [u32; 2]) -> TensorMap {
    let bytes = dtype.size();
    TensorMap {
        dtype,
        shape: vec![columns as u64, rows as u64],
        strides: vec![(bytes * columns) as u64],
        box_shape: box_shape.into(),
        element_strides: vec![1; 2],
        swizzle: match bytes as u32 * box_shape[0] {
            32 => Swizzle::Bytes32,
            64 => Swizzle::Bytes64,
            _ => Swizzle::Bytes128,
        },
        interleave: Interleave::None,
        oob_fill: OobFill::Zeros,
        l2_promotion: L2Promotion::None,
    }
}

/// Multiplies random matrices of the given sizes on two multiprocessors, and compares with the
/// product in double precision.
fn multiply(
    shape: BlackwellGemm,
    module: &Module,
    [m, n, k]: [usize; 3],
    options: Options,
) -> Result<(), String> {
    let (dtype, output) = (DType::from(shape.dtype), DType::from(shape.dtype.output()));
    let mut random = SmallRng::seed_from_u64(options.seed);
    let mut matrix = |count: usize| -> (Vec<u8>, Vec<f64>) {
        let numbers = (0..count).map(|_| random.random_range(-4.0..4.0));
        let bytes = dtype.to_bytes(numbers);
        let rounded = dtype.to_f64(&bytes);
        (bytes, rounded)
    };
    let ((a_bytes, a), (b_bytes, b)) = (matrix(m * k), matrix(k * n));
    let [a_box, b_box, c_box] = shape.boxes();
    let mapped = |arg, of: DType, size, shape| Arg::TensorMap(Box::new(arg), map(of, size, shape));
    let b_size = match shape.b_major {
        Major::Depth => [k, n],
        Major::Columns => [n, k],
    };
    let args = [
        mapped(Arg::Buffer("a", a_bytes), dtype, [k, m], a_box),
        mapped(Arg::Buffer("b", b_bytes), dtype, b_size, b_box),
        mapped(Arg::Output("c", 2 * m * n), output, [n, m], c_box),
        Arg::U32(m as u32),
        Arg::U32(n as u32),
        Arg::U32(k as u32),
    ];
    let geometry = Geometry {
        cluster: [shape.group.blocks(), 1, 1],
        ..geometry([2, 1, 1], BlackwellGemm::THREADS, shape.shared())
    };
    let (buffers, _) = run(module, &geometry, &args, options).map_err(|e| e.to_string())?;
    for (at, found) in output.to_f64(&buffers[2]).into_iter().enumerate() {
        let (i, j) = (at / n, at % n);
        let b_at = |l: usize| match shape.b_major {
            Major::Depth => b[j * k + l],
            Major::Columns => b[l * n + j],
        };
        let expected: f64 = (0..k).map(|l| a[i * k + l] * b_at(l)).sum();
        let unit = if output == DType::F16 { 2f64.powi(-11) } else { 2f64.powi(-8) };
        // Rounding of the result, and of partial sums of products up to 16.
        let tolerance = unit * expected.abs() + 16.0 * k as f64 * 2f64.powi(-22);
        let error = (found - expected).abs();
        if error.is_nan() || error > tolerance {
            return Err(format!("[{i}, {j}] is {found}, expected {expected}"));
        }
    }
    Ok(())
}

fn kernel(shape: BlackwellGemm, target: &str) -> tree::Module {
    blackwell_gemm(target.parse().unwrap(), shape)
}

#[test]
fn is_right() {
    for (seed, shape) in (0..).zip(SHAPES) {
        let module = reread(kernel(shape, "sm_100a"));
        // Several tiles for each group, with ragged edges, and less than one.
        for sizes in [[300, 144, 208], [64, 48, 32]] {
            let options = Options { seed, ..Options::default() };
            multiply(shape, &module, sizes, options)
                .unwrap_or_else(|error| panic!("{shape:?}, {sizes:?}: {error}"));
        }
    }
}

#[test]
fn no_fence_wait_arrival_or_count_can_be_wrong_unnoticed() {
    let outcomes = [CtaGroup::One, CtaGroup::Two].map(|group| {
        let shape = BlackwellGemm { group, tile_n: 32, tile_k: 32, stages: 2, ..SHAPE };
        // Many tiles and steps, and one of each.
        const SIZES: [[usize; 3]; 2] = [[520, 64, 160], [100, 24, 32]];
        const SEEDS: usize = 4;
        let trials = SIZES.len() * SEEDS;
        mutate(&format!("{group:?}"), &kernel(shape, "sm_100a"), trials, |module, trial| {
            let seed = (trial % SEEDS) as u64;
            let options = Options { seed, jobs: 1, lints: LINTS, ..Options::default() };
            multiply(shape, module, SIZES[trial / SEEDS], options)
        })
    });
    conclude(outcomes);
}

#[test]
fn assembles_without_spills() {
    for shape in SHAPES {
        for target in ["sm_100a", "sm_103a"] {
            let module = reread(kernel(shape, target));
            let ptxas = Ptxas::find().unwrap_or_else(|error| panic!("{error}"));
            let report = ptxas.assemble(module.text(), target).unwrap().report;
            assert_eq!(report.entries[0].spill_bytes(), 0, "{shape:?} spills");
            assert!(report.warnings.is_empty(), "{shape:?}: {:?}", report.warnings);
        }
    }
}
