use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tilewright::DType;
use tilewright::attention::DataType;
use tilewright::device::Geometry;
use tilewright::ptxas::Ptxas;
use tilewright::sim::Options;
use tilewright::tensor_map::{Interleave, L2Promotion, OobFill, Swizzle, TensorMap};
use tilewright_tests::kernels::{HopperGemm, hopper_gemm};
use tilewright_tests::run::{Arg, geometry, reread, run};

const SHAPE: HopperGemm = HopperGemm {
    dtype: DataType::Bf16,
    consumers: 2,
    tile_n: 128,
    tile_k: 64,
    stages: 3,
    cluster: 1,
};

const SHAPES: [HopperGemm; 4] = [
    SHAPE,
    HopperGemm { consumers: 1, tile_n: 96, tile_k: 32, stages: 2, ..SHAPE },
    HopperGemm { dtype: DataType::F16, cluster: 2, ..SHAPE },
    HopperGemm { dtype: DataType::F16, consumers: 3, tile_n: 48, tile_k: 96, ..SHAPE },
];

/// The map of a matrix by rows.
fn map(dtype: DType, [columns, rows]: [usize; 2], box_shape: [u32; 2]) -> TensorMap {
    TensorMap {
        dtype,
        shape: vec![columns as u64, rows as u64],
        strides: vec![2 * columns as u64],
        box_shape: box_shape.into(),
        element_strides: vec![1; 2],
        swizzle: match 2 * box_shape[0] {
            32 => Swizzle::Bytes32,
            64 => Swizzle::Bytes64,
            _ => Swizzle::Bytes128,
        },
        interleave: Interleave::None,
        oob_fill: OobFill::Zeros,
        l2_promotion: L2Promotion::None,
    }
}

/// Multiplies random matrices of the given sizes.
fn check(shape: HopperGemm, [m, n, k]: [usize; 3], seed: u64) {
    let dtype = DType::from(shape.dtype);
    let mut random = SmallRng::seed_from_u64(seed);
    let mut matrix = |count: usize| -> (Vec<u8>, Vec<f64>) {
        let numbers = (0..count).map(|_| random.random_range(-4.0..4.0));
        let bytes = dtype.to_bytes(numbers);
        let rounded = dtype.to_f64(&bytes);
        (bytes, rounded)
    };
    let ((a_bytes, a), (b_bytes, b)) = (matrix(m * k), matrix(k * n));
    let [a_box, b_box, c_box] = shape.boxes();
    let mapped = |arg, size, box_shape| Arg::TensorMap(Box::new(arg), map(dtype, size, box_shape));
    let args = [
        mapped(Arg::Buffer("a", a_bytes), [k, m], a_box),
        mapped(Arg::Buffer("b", b_bytes), [n, k], b_box),
        mapped(Arg::Output("c", 2 * m * n), [n, m], c_box),
        Arg::U32(k as u32),
    ];
    let tiles = (m as u32).div_ceil(shape.tile_m()).next_multiple_of(shape.cluster);
    let grid = [tiles, (n as u32).div_ceil(shape.tile_n), 1];
    let geometry = Geometry {
        cluster: [shape.cluster, 1, 1],
        ..geometry(grid, shape.threads(), shape.shared())
    };
    let module = reread(hopper_gemm("sm_90a".parse().unwrap(), shape));
    let options = Options { seed, ..Options::default() };
    let (buffers, _) = run(&module, &geometry, &args, options)
        .unwrap_or_else(|error| panic!("{shape:?}, {m}×{n}×{k}: {error}"));
    for (at, found) in dtype.to_f64(&buffers[2]).into_iter().enumerate() {
        let (i, j) = (at / n, at % n);
        let expected: f64 = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
        let unit = if shape.dtype == DataType::F16 { 2f64.powi(-11) } else { 2f64.powi(-8) };
        // Rounding of the result, and of partial sums of products up to 16.
        let tolerance = unit * expected.abs() + 16.0 * k as f64 * 2f64.powi(-22);
        let error = (found - expected).abs();
        assert!(error <= tolerance, "{shape:?}, {m}×{n}×{k}: [{i}, {j}] is off by {error}");
    }
}

#[test]
fn is_right() {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        check(shape, [200, 136, 320], seed as u64);
        check(shape, [64, 48, 32], seed as u64);
    }
}

#[test]
fn assembles_without_spills_or_serialized_products() {
    for shape in SHAPES {
        let module = reread(hopper_gemm("sm_90a".parse().unwrap(), shape));
        let ptxas = Ptxas::find().unwrap_or_else(|error| panic!("{error}"));
        let report = ptxas.assemble(module.text(), "sm_90a").unwrap().report;
        assert_eq!(report.entries[0].spill_bytes(), 0, "{shape:?} spills");
        assert!(report.warnings.is_empty(), "{shape:?}: {:?}", report.warnings);
    }
}
