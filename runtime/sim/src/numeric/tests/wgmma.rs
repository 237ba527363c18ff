//! Operands of `wgmma` in shared memory against the plain matrix, and its products against f64.

use proptest::prelude::*;
use proptest::sample::select;

use crate::numeric::matrix::wgmma::{Factor, M, PANEL, Product, SharedMatrix, fragment_rows};
use crate::numeric::matrix::wmma::Sum;
use crate::numeric::matrix::{Descriptor, Major, Register, Swizzle};
use crate::numeric::narrow::{e4m3_to_f32, e5m2_to_f32};
use crate::numeric::{bf16_to_f32, f16_to_f32, f32_to_f16};

const FACTORS: [Factor; 8] = [
    Factor::F16,
    Factor::Bf16,
    Factor::Tf32,
    Factor::E4m3,
    Factor::E5m2,
    Factor::S8,
    Factor::U8,
    Factor::B1,
];
const SWIZZLES: [(Swizzle, u64); 4] =
    [(Swizzle::None, 0), (Swizzle::Bytes32, 3), (Swizzle::Bytes64, 2), (Swizzle::Bytes128, 1)];

/// SplitMix64.
pub(super) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn value(factor: Factor, bits: u32) -> f32 {
    match factor {
        Factor::F16 => f16_to_f32(bits as u16),
        Factor::Bf16 => bf16_to_f32(bits as u16),
        Factor::Tf32 => f32::from_bits(bits & 0xffff_e000),
        Factor::E4m3 => e4m3_to_f32(bits as u8),
        Factor::E5m2 => e5m2_to_f32(bits as u8),
        Factor::S8 => f32::from(bits as u8 as i8),
        Factor::U8 => f32::from(bits as u8),
        Factor::B1 => f32::from(bits as u8 & 1),
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
        Factor::B1 => bits & 1,
        _ => bits & 0xff,
    }
}

/// The places of a matrix, row after row.
pub(super) fn places(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

fn matrix(factor: Factor, outer: usize, k: usize, state: &mut u64) -> Vec<Vec<u32>> {
    (0..outer).map(|_| (0..k).map(|_| random_element(factor, state)).collect()).collect()
}

/// Shared memory with a tile as a TMA box writes it: rows of a span, in each of which the units
/// change places with the number of the row.
struct Tile {
    memory: Vec<u8>,
    start: usize,
    swizzle: Swizzle,
}

impl Tile {
    /// Writes an element of `bits` bits, which begins at bit `at` of row `row`.
    fn write(&mut self, row: usize, at: usize, bits: usize, element: u32) {
        let (unit, byte) = (at / 128, at % 128 / 8);
        let (units, exchanged) = match self.swizzle {
            Swizzle::None => (1, unit),
            Swizzle::Bytes32 => (2, unit ^ (row / 4 % 2)),
            Swizzle::Bytes64 => (4, unit ^ (row / 2 % 4)),
            Swizzle::Bytes128 => (8, unit ^ (row % 8)),
            Swizzle::Bytes128Atoms32 => unreachable!("wgmma has no such swizzle"),
        };
        let address = self.start + (row * units + exchanged) * 16 + byte;
        if bits == 1 {
            self.memory[address] |= (element << (at % 8)) as u8;
            return;
        }
        let bytes = element.to_le_bytes();
        self.memory[address..address + bits / 8].copy_from_slice(&bytes[..bits / 8]);
    }
}

/// Lays a matrix out and reads it back through a descriptor. Of the `steps` instructions that the
/// tile has along K it reads number `step`.
fn check_shared(factor: Factor, major: Major, swizzle: usize, outer: usize, seed: u64) {
    let (swizzle, code) = SWIZZLES[swizzle];
    let mut state = seed;
    let (bits, k, span) = (factor.bits(), factor.k(), swizzle.span() as usize);
    let steps = 1 + next(&mut state) as usize % 4;
    let step = next(&mut state) as usize % steps;
    // A matrix by K may begin in any row of the pattern.
    let skipped = if major == Major::K { next(&mut state) as usize % 8 } else { 0 };
    let plain = matrix(factor, skipped + outer, steps * k, &mut state);
    let start = 1024 * (1 + next(&mut state) as usize % 3);
    let memory = vec![0; start + (skipped + outer) * steps * 32 + 4096 * 8];
    let mut tile = Tile { memory, start, swizzle };
    // Rows of a span stand below each other; beside each other, spans follow at a distance.
    let (rows, columns) = match major {
        Major::K => (skipped + outer, steps * k),
        Major::Mn => (steps * k, outer),
    };
    let each = 8 * span / bits;
    for (row, column) in places(rows, columns) {
        let element = match major {
            Major::K => plain[row][column],
            Major::Mn => plain[column][row],
        };
        tile.write(column / each * rows + row, column % each * bits, bits, element);
    }
    let (beside, below) = (rows * span, 8 * span);
    let (advance, leading, stride) = match (major, swizzle) {
        (Major::K, Swizzle::None) => (step * 2 * beside, beside, below),
        (Major::K, _) => (step * 32 / span * beside + step * 32 % span, 0, below),
        (Major::Mn, Swizzle::None) => (step * k / 8 * below, below, beside),
        (Major::Mn, _) => (step * k / 8 * below, beside, below),
    };
    let field = |bytes: usize, shift: u32| ((bytes / 16) as u64) << shift;
    let encoded = field(start + skipped * span + advance, 0)
        | field(leading, 16)
        | field(stride, 32)
        | code << 62;
    let descriptor = Descriptor::decode(encoded).unwrap();
    let shared = SharedMatrix { descriptor, major, factor };
    let read = |at: u32| tile.memory[at as usize..][..16].try_into().unwrap();
    let expected = |i: usize, j: usize| value(factor, plain[skipped + i][step * k + j]);
    let mut found = Vec::new();
    if outer == M {
        shared.rows(read, &mut found);
        for (i, j) in places(M, k) {
            assert_eq!(found[i * k + j].to_bits(), expected(i, j).to_bits(), "({i}, {j})");
        }
    }
    shared.panels(outer, read, &mut found);
    for (i, j) in places(outer, k) {
        // In a panel the even columns come first.
        let place = i % PANEL / 2 + i % 2 * 4;
        let element = found[(i / PANEL * k + j) * PANEL + place];
        assert_eq!(element.to_bits(), expected(i, j).to_bits(), "({i}, {j})");
    }
    let mut units: Vec<u32> = shared.units(0..outer).collect();
    units.sort_unstable();
    units.dedup();
    assert_eq!(units.len(), outer * 2, "every unit once");
    assert!(units.last().is_some_and(|&last| last + 16 <= shared.placement().bound(outer)));
}

/// A of a warp as its registers hold it.
fn fragment(factor: Factor, a: &[Vec<u32>]) -> [Register; 4] {
    let (bits, each) = (factor.bits(), 32 / factor.bits());
    std::array::from_fn(|r| {
        std::array::from_fn(|lane| {
            let (g, q) = (lane / 4, lane % 4);
            (0..each).fold(0, |word, j| {
                let column = q * each + j + 4 * each * (r / 2);
                let element = a[g + 8 * (r % 2)][column];
                word | element.unbounded_shl((j * bits) as u32)
            })
        })
    })
}

/// Register, and bit of it, of element (row, column) of the panel of D, and its lane.
fn place(sum: Sum, row: usize, column: usize) -> (usize, usize, usize) {
    let lane = row % 8 * 4 + column / 2;
    match sum {
        Sum::F16 => (row / 8, column % 2 * 16, lane),
        _ => (row / 8 * 2 + column % 2, 0, lane),
    }
}

fn check_product(a: Factor, b: Factor, sum: Sum, accumulate: bool, seed: u64) {
    let mut state = seed;
    let k = a.k();
    let (a_plain, b_plain) = (matrix(a, 16, k, &mut state), matrix(b, 8, k, &mut state));
    let (mut rows, mut panel) = (Vec::new(), vec![0.0; PANEL * k]);
    let registers = fragment(a, &a_plain);
    fragment_rows(a, registers.each_ref(), &mut rows);
    for (column, j) in places(PANEL, k) {
        panel[j * PANEL + column / 2 + column % 2 * 4] = value(b, b_plain[column][j]);
    }
    let mut d: [Register; 4] = std::array::from_fn(|_| {
        std::array::from_fn(|_| match (accumulate, sum) {
            (false, _) => u32::MAX,
            (_, Sum::F32) => (next(&mut state) as u8 as f32 / 16.0 - 8.0).to_bits(),
            (_, Sum::F16) => {
                let half = |x: u64| u32::from(f32_to_f16(x as u8 as f32 / 16.0 - 8.0));
                half(next(&mut state)) << 16 | half(next(&mut state))
            }
            (_, Sum::S32) => next(&mut state) as u32,
        })
    });
    let before = d;
    let (negate, finite) = (next(&mut state) & 1 != 0, next(&mut state) & 1 != 0);
    let negate = negate && sum != Sum::S32;
    Product { k, sum, negate, finite }.add(&mut d, accumulate, &rows, &panel);
    for (row, column) in places(16, PANEL) {
        let (register, shift, lane) = place(sum, row, column);
        let terms: Vec<f64> = (0..k)
            .map(|j| {
                let product =
                    f64::from(value(a, a_plain[row][j])) * f64::from(value(b, b_plain[column][j]));
                if negate { -product } else { product }
            })
            .collect();
        let (old, new) = (before[register][lane] >> shift, d[register][lane] >> shift);
        let single = |bits: u32| match sum {
            Sum::F16 => f64::from(f16_to_f32(bits as u16)),
            _ => f64::from(f32::from_bits(bits)),
        };
        let exact: f64 = terms.iter().sum();
        if sum == Sum::S32 {
            let c = if accumulate { i64::from(old as i32) } else { 0 };
            let exact = c + exact as i64;
            let limits = i64::from(i32::MIN)..=i64::from(i32::MAX);
            let expected = if finite { exact.clamp(*limits.start(), *limits.end()) } else { exact };
            assert_eq!(new, expected as u32, "({row}, {column})");
            continue;
        }
        let c = if accumulate { single(old) } else { 0.0 };
        let size = terms.iter().map(|x| x.abs()).sum::<f64>() + c.abs();
        // One rounding a term in f32, and one more to the type of D.
        let last = if sum == Sum::F16 { 2.0_f64.powi(-11) } else { 0.0 };
        let bound = size * (k as f64 + 1.0) * 2.0_f64.powi(-24) + (c + exact).abs() * last;
        let error = (single(new) - (c + exact)).abs();
        assert!(error <= bound + 1e-7, "({row}, {column}): {error} above {bound}");
    }
}

fn products() -> Vec<(Factor, Factor, Sum)> {
    use Factor::*;
    let mut all = vec![
        (F16, F16, Sum::F16),
        (F16, F16, Sum::F32),
        (Bf16, Bf16, Sum::F32),
        (Tf32, Tf32, Sum::F32),
        (B1, B1, Sum::S32),
    ];
    for (a, b) in [(E4m3, E4m3), (E4m3, E5m2), (E5m2, E4m3), (E5m2, E5m2)] {
        all.extend([(a, b, Sum::F32), (a, b, Sum::F16)]);
    }
    all.extend([(S8, S8), (S8, U8), (U8, S8), (U8, U8)].map(|(a, b)| (a, b, Sum::S32)));
    all
}

proptest! {
    #[test]
    fn a_descriptor_finds_every_element(
        factor in select(&FACTORS[..]), major in select(vec![Major::K, Major::Mn]),
        swizzle in 0_usize..4, panels in 1_usize..=32, seed in any::<u64>(),
    ) {
        // Only 16-bit types have the other order.
        let major = if factor.bits() == 16 { major } else { Major::K };
        // Neighbours along N fill whole spans.
        let span = SWIZZLES[swizzle].0.span() as usize;
        let outer = (8 * panels).next_multiple_of(if major == Major::Mn { span / 2 } else { 8 });
        check_shared(factor, major, swizzle, outer, seed);
        check_shared(factor, major, swizzle, M, seed);
    }

    #[test]
    fn products_are_those_of_f64(
        (a, b, sum) in select(products()), accumulate in any::<bool>(), seed in any::<u64>(),
    ) {
        check_product(a, b, sum, accumulate, seed);
    }
}

#[track_caller]
fn check_refused(bits: u64, expected: &str) {
    let error = Descriptor::decode(bits).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_no_hardware_defines_is_refused() {
    check_refused(1 << 14, "reserved bits 0x0000000000004000");
    check_refused(1 << 46 | 1 << 62, "reserved bits");
    check_refused(1 << 62 | 1 << 49, "the base offset is 1");
    // Without a swizzle a matrix begins anywhere, and its base offset means nothing.
    Descriptor::decode(3 << 49 | 0x7).unwrap();
}
