//! Operands of `tcgen05.mma` against the plain matrix, and its products against f64.

use proptest::prelude::*;
use proptest::sample::select;

use super::wgmma::{next, places};
use crate::numeric::matrix::tcgen05::{
    Accumulation, Column, Factor, Form, Instruction, Kind, LANES, Layout, Operands, PANEL, Product,
    ScaleFactors, ScaleType, SharedMatrix, lane_panels,
};
use crate::numeric::matrix::wmma::Sum;
use crate::numeric::matrix::{Descriptor, Major, Swizzle, Units};
use crate::numeric::{bf16_to_f32, f16_to_f32, f32_to_f16};

const FACTORS: [Factor; 11] = [
    Factor::F16,
    Factor::Bf16,
    Factor::Tf32,
    Factor::E4m3,
    Factor::E5m2,
    Factor::E2m3,
    Factor::E3m2,
    Factor::E2m1,
    Factor::E2m1Packed,
    Factor::S8,
    Factor::U8,
];

const SWIZZLES: [(Swizzle, u64); 5] = [
    (Swizzle::None, 0),
    (Swizzle::Bytes32, 6),
    (Swizzle::Bytes64, 4),
    (Swizzle::Bytes128, 2),
    (Swizzle::Bytes128Atoms32, 1),
];

/// Exponent bits, fraction bits and bias of the small formats.
fn small(bits: u32, exponent_bits: u32, fraction_bits: u32, bias: i32) -> f64 {
    let fraction = f64::from(bits & ((1 << fraction_bits) - 1)) / f64::from(1 << fraction_bits);
    let exponent = (bits >> fraction_bits & ((1 << exponent_bits) - 1)) as i32;
    let magnitude = match exponent {
        0 => fraction * 2.0_f64.powi(1 - bias),
        _ => (1.0 + fraction) * 2.0_f64.powi(exponent - bias),
    };
    let negative = bits >> (exponent_bits + fraction_bits) & 1 == 1;
    if negative { -magnitude } else { magnitude }
}

/// Bits of an element, those from one to the next in shared memory, and its value.
fn describe(factor: Factor) -> (usize, usize, fn(u32) -> f64) {
    match factor {
        Factor::F16 => (16, 16, |bits| f64::from(f16_to_f32(bits as u16))),
        Factor::Bf16 => (16, 16, |bits| f64::from(bf16_to_f32(bits as u16))),
        Factor::Tf32 => (32, 32, |bits| f64::from(f32::from_bits(bits & 0xffff_e000))),
        Factor::E4m3 => (8, 8, |bits| small(bits, 4, 3, 7)),
        Factor::E5m2 => (8, 8, |bits| small(bits, 5, 2, 15)),
        Factor::E2m3 => (6, 8, |bits| small(bits, 2, 3, 1)),
        Factor::E3m2 => (6, 8, |bits| small(bits, 3, 2, 3)),
        Factor::E2m1 => (4, 8, |bits| small(bits, 2, 1, 1)),
        Factor::E2m1Packed => (4, 4, |bits| small(bits, 2, 1, 1)),
        Factor::S8 => (8, 8, |bits| f64::from(bits as u8 as i8)),
        Factor::U8 => (8, 8, |bits| f64::from(bits as u8)),
    }
}

/// A number whose products and sums are far from the ends of the range of `f32`.
fn random_element(factor: Factor, state: &mut u64) -> u32 {
    let bits = next(state) as u32;
    match factor {
        Factor::F16 => bits & 0x83ff | (0x3800 - (bits >> 20 & 3) * 0x400),
        Factor::Bf16 => bits & 0x807f | (0x3f00 - (bits >> 20 & 3) * 0x80),
        Factor::Tf32 => bits & 0x807f_ffff | 0x3f00_0000,
        Factor::E4m3 | Factor::E5m2 => bits & 0xbf,
        _ => bits & ((1_u64 << describe(factor).0) - 1) as u32,
    }
}

type Plain = Vec<Vec<u32>>;

fn matrix(factor: Factor, outer: usize, k: usize, state: &mut u64) -> Plain {
    (0..outer).map(|_| (0..k).map(|_| random_element(factor, state)).collect()).collect()
}

/// Puts bits into memory.
fn put(memory: &mut [u8], at: usize, bits: usize, value: u32) {
    for bit in 0..bits {
        let value = (value >> bit & 1) as u8;
        memory[(at + bit) / 8] |= value << ((at + bit) % 8);
    }
}

/// Lays a matrix of `outer` rows and `k` columns out as boxes of a tensor do: rows of a span below
/// each other, and spans beside each other, in each of which units change places with the number of
/// the row. Gives the memory and the descriptor.
fn lay_out(
    factor: Factor,
    major: Major,
    (swizzle, code): (Swizzle, u64),
    plain: &Plain,
    start: usize,
) -> (Vec<u8>, u64) {
    let (bits, container, _) = describe(factor);
    let (outer, k) = (plain.len(), plain[0].len());
    let (rows, columns) = if major == Major::K { (outer, k) } else { (k, outer) };
    let span = swizzle.span() as usize;
    let each = 8 * span / container;
    let beside = rows * span;
    let mut memory = vec![0; start + columns.div_ceil(each) * beside + 64];
    for (row, column) in places(rows, columns) {
        let element = if major == Major::K { plain[row][column] } else { plain[column][row] };
        let within = column % each * container;
        let (unit, number) = (within / 128, within % 128 / container);
        let exchanged = match swizzle {
            Swizzle::None => unit,
            Swizzle::Bytes32 => unit ^ (row / 4 % 2),
            Swizzle::Bytes64 => unit ^ (row / 2 % 4),
            Swizzle::Bytes128 => unit ^ (row % 8),
            Swizzle::Bytes128Atoms32 => unit ^ (2 * (row % 4)),
        };
        let at = start + column / each * beside + row * span + exchanged * 16;
        put(&mut memory, 8 * at + number * bits, bits, element);
    }
    let below = swizzle.rows() as usize * span;
    let (leading, stride) = match (major, swizzle) {
        (Major::K, Swizzle::None) => (beside, below),
        (Major::K, _) => (0, below),
        (Major::Mn, Swizzle::None) => (below, beside),
        (Major::Mn, _) => (beside, below),
    };
    let field = |bytes: usize, shift: u32| ((bytes / 16) as u64) << shift;
    let encoded = field(start, 0) | field(leading, 16) | field(stride, 32) | 1 << 46 | code << 61;
    (memory, encoded)
}

fn shared(factor: Factor, major: Major, k: usize, encoded: u64) -> SharedMatrix {
    let descriptor = Descriptor::decode_tcgen05(encoded).unwrap();
    SharedMatrix { units: Units { descriptor, major, each: factor.each(), k }, factor }
}

fn check_shared(factor: Factor, major: Major, swizzle: usize, outer: usize, seed: u64) {
    let mut state = seed;
    let k = factor.each() * (2 + next(&mut state) as usize % 3);
    // Rows of K are as many as the pattern of a swizzle has.
    let k = if major == Major::Mn { k.next_multiple_of(8) } else { k };
    let swizzle = SWIZZLES[swizzle];
    // Neighbours along K lie in one span.
    if major == Major::K
        && swizzle.0 != Swizzle::None
        && k / factor.each() * 16 > swizzle.0.span() as usize
    {
        return;
    }
    let plain = matrix(factor, outer, k, &mut state);
    let start = 1024 * (next(&mut state) as usize % 3);
    let (memory, encoded) = lay_out(factor, major, swizzle, &plain, start);
    let shared = shared(factor, major, k, encoded);
    let read = |at: u32| memory[at as usize..][..16].try_into().unwrap();
    let value = describe(factor).2;
    let (mut rows, mut columns) = (Vec::new(), vec![9.0; 3]);
    shared.rows(outer, read, &mut rows);
    let chunk = if k % 16 == 0 { 16 } else { factor.each() };
    shared.columns(outer, chunk, read, &mut columns);
    assert_eq!(columns[..3], [9.0; 3], "what was there stays");
    for (i, j) in places(outer, k) {
        let expected = value(plain[i][j]);
        let row = rows[(i / PANEL * k + j) * PANEL + i % PANEL];
        assert_eq!(f64::from(row), expected, "({i}, {j})");
        let panel = &columns[3 + i / PANEL * PANEL * k..][..PANEL * k];
        let column = panel[j / chunk * chunk * PANEL + i % PANEL * chunk + j % chunk];
        assert_eq!(f64::from(column), expected, "({i}, {j})");
    }
    let mut units: Vec<u32> = shared.units.of(0..outer).map(|(_, _, at)| at).collect();
    units.sort_unstable();
    units.dedup();
    assert_eq!(units.len(), outer * k / factor.each(), "every unit once");
    assert!(units.last().is_some_and(|&last| last + 16 <= shared.units.bound(outer)));
}

/// A product of one block, or of a block of a pair.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// Rows and columns of the block.
    rows: usize,
    n: usize,
    pair: bool,
    stationary: bool,
    /// The lane of the address of D.
    lane: u32,
}

/// Lane and column of an element of D by the tables of the manual.
fn cell(shape: Shape, row: usize, n: usize) -> (usize, usize) {
    let Shape { rows, n: all, pair, stationary, lane } = shape;
    match (rows, pair, stationary) {
        (128, ..) => (row, n),
        (64, false, false) => (row % 16 + 32 * (row / 16) + lane as usize, n),
        (64, ..) => (row + 64 * (n / (all / 2)), n % (all / 2)),
        _ => (row + 32 * (n / (all / 4)), n % (all / 4)),
    }
}

/// Where A may lie.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Home {
    Shared,
    Tensor,
}

fn check_product(
    shape: Shape,
    (a, b, sum): (Factor, Factor, Sum),
    home: Home,
    scaled: Option<(ScaleType, usize)>,
    seed: u64,
) {
    let mut state = seed;
    let Shape { rows, n, pair, stationary, lane } = shape;
    let k = 2 * a.each();
    let plain_a = matrix(a, rows, k, &mut state);
    let plain_b = matrix(b, n, k, &mut state);
    let swizzle = SWIZZLES[1 + next(&mut state) as usize % 3];
    let layout = Layout::new(rows, (pair, stationary, false), lane).unwrap();
    let block = scaled.map_or(Product::chunk(k), |(_, block)| block);
    let mut operands = Operands { a_by_lanes: home == Home::Tensor, ..Operands::default() };
    match home {
        Home::Shared => {
            let (memory, encoded) = lay_out(a, Major::K, swizzle, &plain_a, 0);
            let read = |at: u32| memory[at as usize..][..16].try_into().unwrap();
            shared(a, Major::K, k, encoded).rows(rows, read, &mut operands.a);
        }
        Home::Tensor => {
            let columns = a_in_tensor_memory(a, shape, &plain_a);
            lane_panels(a, k, |column| &columns[column], &mut operands.a);
        }
    }
    let (memory, encoded) = lay_out(b, Major::K, swizzle, &plain_b, 0);
    let read = |at: u32| memory[at as usize..][..16].try_into().unwrap();
    shared(b, Major::K, k, encoded).columns(n, block, read, &mut operands.b);
    let mut scales = [vec![vec![1.0; 16]; rows], vec![vec![1.0; 16]; n]];
    if let Some((ty, block)) = scaled {
        let factors = k / block;
        let [of_a, of_b] = &mut scales;
        operands.a_scales = widen_scales(ty, factors, of_a, &mut state);
        operands.b_scales = widen_scales(ty, factors, of_b, &mut state);
    }
    let accumulate = next(&mut state) & 1 != 0;
    let exponent = next(&mut state) % 4;
    let scale = if sum == Sum::S32 { 1.0 } else { 2.0_f32.powi(-(exponent as i32)) };
    let saturate = sum == Sum::S32 && next(&mut state) & 1 != 0;
    let lanes = u128::from(next(&mut state)) << 64 | u128::from(next(&mut state));
    let lanes = if seed & 1 == 0 { u128::MAX } else { lanes };
    let mut d: Vec<Column> = (0..n / layout.parts())
        .map(|_| {
            std::array::from_fn(|_| match sum {
                Sum::F32 => (next(&mut state) as u8 as f32 / 16.0 - 8.0).to_bits(),
                Sum::F16 => f32_to_f16(next(&mut state) as u8 as f32 / 16.0 - 8.0).into(),
                Sum::S32 => next(&mut state) as u32,
            })
        })
        .collect();
    let before = d.clone();
    let product = Product { k, chunk: block, sum, saturate };
    let accumulation = Accumulation { scale: accumulate.then_some(scale), lanes };
    product.add(&mut d, layout, accumulation, &operands);
    let (value_a, value_b) = (describe(a).2, describe(b).2);
    let mut touched = vec![[false; LANES]; d.len()];
    for (row, column) in places(rows, n) {
        let (lane, at) = cell(shape, row, column);
        assert!(!std::mem::replace(&mut touched[at][lane], true), "two elements in a cell");
        let (old, new) = (before[at][lane], d[at][lane]);
        if lanes >> lane & 1 == 0 {
            assert_eq!(old, new, "a lane that is not written");
            continue;
        }
        let terms: Vec<f64> = (0..k)
            .map(|j| {
                let scale = scales[0][row][j / block] * scales[1][column][j / block];
                value_a(plain_a[row][j]) * value_b(plain_b[column][j]) * scale
            })
            .collect();
        let c = if accumulate { old } else { 0 };
        check_sum((sum, saturate), (c, f64::from(scale)), &terms, new);
    }
    for (lane, at) in places(LANES, d.len()) {
        assert!(touched[at][lane] || d[at][lane] == before[at][lane], "outside of D");
    }
}

/// Checks an element of D, which was `c`.
fn check_sum((sum, saturate): (Sum, bool), (c, scale): (u32, f64), terms: &[f64], found: u32) {
    let exact: f64 = terms.iter().sum();
    let single = |bits: u32| match sum {
        Sum::F16 => f64::from(f16_to_f32(bits as u16)),
        _ => f64::from(f32::from_bits(bits)),
    };
    if sum == Sum::S32 {
        let exact = i64::from(c as i32) + exact as i64;
        let limits = i64::from(i32::MIN)..=i64::from(i32::MAX);
        let expected = if saturate { exact.clamp(*limits.start(), *limits.end()) } else { exact };
        return assert_eq!(found, expected as u32);
    }
    let c = single(c) * scale;
    let size = terms.iter().map(|x| x.abs()).sum::<f64>() + c.abs();
    let last = if sum == Sum::F16 { 2.0_f64.powi(-11) } else { 0.0 };
    let bound = size * (terms.len() as f64 + 3.0) * 2.0_f64.powi(-24) + (c + exact).abs() * last;
    let error = (single(found) - (c + exact)).abs();
    assert!(error <= bound + 1e-7, "{error} above {bound}");
}

/// A as tensor memory holds it: elements one after the other, from the low bits up.
fn a_in_tensor_memory(factor: Factor, shape: Shape, plain: &Plain) -> Vec<Column> {
    let (_, container, _) = describe(factor);
    let mut columns = vec![[0; LANES]; 8];
    let shift = if factor == Factor::E2m1 { 2 } else { 0 };
    // Where two parts of the columns of D lie in different lanes, both have the rows of A.
    for column in [0, shape.n / 4, shape.n / 2, 3 * shape.n / 4] {
        for (row, elements) in plain.iter().enumerate() {
            let (lane, _) = cell(shape, row, column);
            for (j, &element) in elements.iter().enumerate() {
                let at = j * container;
                columns[at / 32][lane] |= element << (at % 32 + shift);
            }
        }
    }
    columns
}

/// Random scales, as they are, and as they are read from tensor memory.
fn widen_scales(
    ty: ScaleType,
    factors: usize,
    scales: &mut [Vec<f64>],
    state: &mut u64,
) -> Vec<[f32; PANEL]> {
    let rows = scales.len();
    let byte = next(state) as usize % (4 / factors) * factors;
    let mut columns = vec![[0; LANES]; rows.div_ceil(32)];
    for (row, j) in places(rows, factors) {
        let bits = match ty {
            ScaleType::Ue8m0 => 120 + next(state) as u32 % 16,
            ScaleType::Ue4m3 => next(state) as u32 & 0x77,
        };
        scales[row][j] = match ty {
            ScaleType::Ue8m0 => 2.0_f64.powi(bits as i32 - 127),
            ScaleType::Ue4m3 => small(bits, 4, 3, 7),
        };
        for quarter in 0..4 {
            columns[row / 32][row % 32 + 32 * quarter] |= bits << (8 * (byte + j));
        }
    }
    let scale_factors = ScaleFactors { ty, byte: byte as u32, factors };
    assert_eq!(scale_factors.reach(rows), columns.len());
    scale_factors.widen(rows, 0..rows, 32 * (next(state) as usize % 4), |column| &columns[column])
}

fn shapes() -> impl Strategy<Value = Shape> {
    let of = |rows, pair, stationary, lane| move |n| Shape { rows, n, pair, stationary, lane };
    prop_oneof![
        (1_usize..=4).prop_map(|n| 8 * n).prop_map(of(128, false, false, 0)),
        (1_usize..=4).prop_map(|n| 8 * n).prop_map(of(64, false, false, 0)),
        (1_usize..=4).prop_map(|n| 8 * n).prop_map(of(64, false, false, 16)),
        (1_usize..=3).prop_map(|n| 16 * n).prop_map(of(128, true, false, 0)),
        (1_usize..=3).prop_map(|n| 16 * n).prop_map(of(64, true, false, 0)),
        Just(64).prop_map(of(64, false, true, 0)),
        Just(64).prop_map(of(32, false, true, 0)),
    ]
}

fn products() -> Vec<(Factor, Factor, Sum)> {
    use Factor::*;
    let mut all = vec![
        (F16, F16, Sum::F16),
        (F16, F16, Sum::F32),
        (Bf16, Bf16, Sum::F32),
        (F16, Bf16, Sum::F32),
        (Tf32, Tf32, Sum::F32),
    ];
    for a in [E4m3, E5m2, E2m3, E3m2, E2m1] {
        all.extend([(a, E4m3, Sum::F32), (E5m2, a, Sum::F16), (a, E2m1, Sum::F32)]);
    }
    all.extend([(S8, S8), (S8, U8), (U8, S8), (U8, U8)].map(|(a, b)| (a, b, Sum::S32)));
    all
}

proptest! {
    #[test]
    fn a_descriptor_finds_every_element(
        factor in select(&FACTORS[..]), major in select(vec![Major::K, Major::Mn]),
        swizzle in 0_usize..5, panels in 1_usize..=16, seed in any::<u64>(),
    ) {
        let (bits, container, _) = describe(factor);
        // Only whole bytes have the other order, and atoms of 32 bytes are for words in that.
        let major = if bits == container && bits >= 8 { major } else { Major::K };
        let atoms = SWIZZLES[swizzle].0 == Swizzle::Bytes128Atoms32;
        let swizzle = if atoms && (factor != Factor::Tf32 || major == Major::K) { 3 } else { swizzle };
        let span = SWIZZLES[swizzle].0.span() as usize;
        let whole = if major == Major::Mn { 8 * span / container } else { 8 };
        check_shared(factor, major, swizzle, (8 * panels).next_multiple_of(whole.max(8)), seed);
    }

    #[test]
    fn products_are_those_of_f64(
        shape in shapes(), factors in select(products()),
        home in select(vec![Home::Shared, Home::Tensor]), seed in any::<u64>(),
    ) {
        check_product(shape, factors, home, None, seed);
    }

    #[test]
    fn scaled_products_are_those_of_f64(
        n in 1_usize..=5, packed in any::<bool>(), small_blocks in any::<bool>(),
        home in select(vec![Home::Shared, Home::Tensor]), seed in any::<u64>(),
    ) {
        let shape = Shape { rows: 128, n: 8 * n, pair: false, stationary: false, lane: 0 };
        let (factors, scales) = match (packed, small_blocks) {
            (false, _) => ((Factor::E4m3, Factor::E2m3), (ScaleType::Ue8m0, 32)),
            (true, false) => ((Factor::E2m1Packed, Factor::E2m1Packed), (ScaleType::Ue8m0, 32)),
            (true, true) => ((Factor::E2m1Packed, Factor::E2m1Packed), (ScaleType::Ue4m3, 16)),
        };
        check_product(shape, (factors.0, factors.1, Sum::F32), home, Some(scales), seed);
    }
}

fn form(kind: Kind) -> Form {
    Form { kind, pair: false, stationary: false, sparse: false, block: 32 }
}

#[test]
fn instructions_of_shipped_kernels_are_decoded() {
    let check = |bits, form, (m, n, k), (a, b, sum), majors| {
        let instruction = Instruction::decode(bits, form).unwrap();
        assert_eq!((instruction.m, instruction.n, instruction.k), (m, n, k));
        assert_eq!((instruction.a, instruction.b, instruction.sum), (a, b, sum));
        assert_eq!((instruction.a_major, instruction.b_major), majors);
    };
    let (f16, bf16) = (Factor::F16, Factor::Bf16);
    let k = (Major::K, Major::K);
    check(0x820_0010, form(Kind::F16), (128, 128, 16), (f16, f16, Sum::F32), k);
    check(0x810_0490, form(Kind::F16), (128, 64, 16), (bf16, bf16, Sum::F32), k);
    let mixed = (Major::K, Major::Mn);
    check(0x811_0490, form(Kind::F16), (128, 64, 16), (bf16, bf16, Sum::F32), mixed);
    let pair = Form { pair: true, ..form(Kind::F16) };
    check(0x1010_0010, pair, (256, 64, 16), (f16, f16, Sum::F32), k);
}

#[track_caller]
fn check_refused(bits: u32, form: Form, expected: &str) {
    let error = Instruction::decode(bits, form).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_no_hardware_defines_is_refused() {
    check_refused(0x820_0050, form(Kind::F16), "reserved bits 0x00000040");
    check_refused(0x820_0190, form(Kind::F16), "type of A (bits 7 to 9) is 3; expected 0 (f16)");
    check_refused(0x820_0480, form(Kind::F16), "type of D (bits 4 and 5) is 0; expected 1 (f32)");
    check_refused(0x1020_0010, form(Kind::F16), "is 256; expected 64 or 128");
    check_refused(0x800_0010, form(Kind::F16), "N (bits 17 to 22, times 8) is 0");
    check_refused(0x842_0010, form(Kind::F16), "N (bits 17 to 22, times 8) is 264");
    check_refused(0x820_0014, form(Kind::F16), "sparsity (bit 2) is 1");
    check_refused(0x820_0010, form(Kind::Mxf8f6f4), "type of the scales (bit 23) is 0");
    let descriptor = |bits: u64| Descriptor::decode_tcgen05(bits).unwrap_err().to_string();
    assert!(descriptor(2 << 61).contains("bits 46 to 48 are 0"));
    assert!(descriptor(1 << 46 | 3 << 61).contains("the swizzle is 3"));
    assert!(descriptor(1 << 46 | 2 << 61 | 1 << 49).contains("base offset"));
    assert!(descriptor(1 << 46 | 1 << 55).contains("reserved bits"));
}
