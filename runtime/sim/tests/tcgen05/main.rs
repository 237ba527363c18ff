//! Kernels that multiply with `tcgen05.mma`, against a product in integers: every kind and type, M, N,
//! swizzle, order and place of A, one block or a pair, with matrices laid out as tensor copies
//! write them and tensor memory as the tables of the manual have it. Of some a row or a column is
//! missing, and what depends on it is not looked at.

mod kernel;
mod types;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;
use tilewright_codegen::ptx::{check, parse};
use tilewright_sim::numeric::{f16_to_f32, f32_to_f16};
use tilewright_sim::{Launch, Memory, Options, Program, run};
use types::{TYPES, Types, bits, encode};

/// Bytes of a row of the swizzle pattern, its rows, and its code in a descriptor.
const SWIZZLES: [(usize, usize, u64); 5] =
    [(16, 8, 0), (32, 8, 6), (64, 8, 4), (128, 8, 2), (128, 4, 1)];
/// Columns of tensor memory that a block has: D, then A, then the scales of A and of B.
const COLUMNS: usize = 128;
const A_COLUMN: usize = 64;
const SCALE_COLUMNS: [usize; 2] = [80, 96];
const LANES: usize = 128;

#[derive(Clone, Debug)]
struct Case {
    types: Types,
    m: usize,
    n: usize,
    pair: bool,
    stationary: bool,
    /// Whether D is in the upper 16 of every 32 lanes, where it is in half of these.
    upper: bool,
    /// Of A and B, indices into [`SWIZZLES`].
    swizzles: [usize; 2],
    along_k: [bool; 2],
    a_in_tensor_memory: bool,
    accumulate: bool,
    negate: [bool; 2],
    saturate: bool,
    /// The power of two that D is divided by.
    scale: u32,
    disables: bool,
    /// Whether rows of A move down by one.
    shift: bool,
    /// Columns of B that count as zeros: how many are used, how many are zeros then, how many of the
    /// first run are left out, and whether that is one of zeros.
    zeros: Option<(usize, usize, usize, bool)>,
    /// A row of A (0) or a column of B (1), of which nothing writes what lies in shared memory.
    missing: Option<(usize, usize)>,
    seed: u64,
}

fn mix(seed: u64, i: usize, k: usize) -> u64 {
    (seed ^ (i * 256 + k) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56
}

/// A matrix in shared memory.
struct Image {
    bytes: Vec<u8>,
    /// Of which the start is still to be added.
    descriptor: u64,
    /// The units of 16 bytes in which each row or column has elements.
    units: Vec<BTreeSet<usize>>,
}

impl Case {
    fn factors(&self) -> [&'static str; 2] {
        [self.types.2, self.types.3]
    }

    fn k(&self) -> usize {
        256 / bits(self.types.2).0
    }

    fn blocks(&self) -> usize {
        1 + usize::from(self.pair)
    }

    /// Rows of A and D that a block has.
    fn rows(&self) -> usize {
        self.m / self.blocks()
    }

    /// Element (i, k) of A (0) or B (1): a small number; of unsigned types not negative.
    fn value(&self, matrix: usize, i: usize, k: usize) -> i32 {
        let mixed = mix(self.seed.rotate_left(matrix as u32 * 7), i, k) as i32;
        if self.factors()[matrix] == "u8" { mixed % 16 } else { mixed % 9 - 4 }
    }

    /// Elements with a common scale, and whether the scale is `.ue4m3`.
    fn block(&self) -> (usize, bool) {
        match self.types.4 {
            0 => (256, false),
            // One more says that scales of 16 elements are powers of two.
            17 => (16, false),
            block => (block, block == 16),
        }
    }

    /// The scale of a block of row or column `i`, an integer.
    fn scale_of(&self, matrix: usize, i: usize, block: usize) -> i32 {
        if self.types.4 == 0 {
            return 1;
        }
        let mixed = mix(self.seed.rotate_left(40 + matrix as u32), i, block) as i32;
        if self.block().1 { 1 + mixed % 5 } else { 1 << (mixed % 3) }
    }

    /// A or B of a block: rows of a span below each other, spans beside each other behind them.
    fn image(&self, matrix: usize, first: usize, outer: usize) -> Image {
        let (factor, k) = (self.factors()[matrix], self.k());
        let (span, below, code) = SWIZZLES[self.swizzles[matrix]];
        let (container, bits) = bits(factor);
        let along_k = self.along_k[matrix];
        let (rows, columns) = if along_k { (outer, k) } else { (k, outer) };
        let each = 8 * span / container;
        let mut bytes = vec![0; rows * columns.div_ceil(each) * span];
        let mut units = vec![BTreeSet::new(); outer];
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |c| (row, c))) {
            let (i, k) = if along_k { (row, column) } else { (column, row) };
            let element = encode(factor, self.value(matrix, first + i, k));
            let at = column % each * container;
            let (unit, number) = (at / 128, at % 128 / container);
            let turned = match (span, below) {
                (32, _) => unit ^ (row / 4 % 2),
                (64, _) => unit ^ (row / 2 % 4),
                (128, 8) => unit ^ (row % 8),
                (128, _) => unit ^ (2 * (row % 4)),
                _ => unit,
            };
            let line = column / each * rows + row;
            units[i].insert(line * span / 16 + turned);
            for bit in (0..bits).filter(|bit| element >> bit & 1 != 0) {
                let at = (line * span + turned * 16) * 8 + number * bits + bit;
                bytes[at / 8] |= 1 << (at % 8);
            }
        }
        let (beside, below) = (rows * span, below * span);
        let (leading, stride) = match (along_k, span) {
            (true, 16) => (beside, below),
            (true, _) => (16, below),
            (false, 16) => (below, beside),
            (false, _) => (beside, below),
        };
        let field = |bytes: usize, shift: u32| ((bytes / 16) as u64) << shift;
        let descriptor = field(leading, 16) | field(stride, 32) | 1 << 46 | code << 61;
        Image { bytes, descriptor, units }
    }

    /// The units of an image, of which the first row or column is given, that are left out because one
    /// is missing, and all rows or columns that lack some element then.
    fn left_out(
        &self,
        matrix: usize,
        first: usize,
        image: &Image,
    ) -> (BTreeSet<usize>, Vec<usize>) {
        let outer = first..first + image.units.len();
        match self.missing {
            Some((of, i)) if of == matrix && outer.contains(&i) => {
                let units = image.units[i - first].clone();
                let lacks = |i: &usize| !image.units[*i - first].is_disjoint(&units);
                let lacking = outer.filter(lacks).collect();
                (units, lacking)
            }
            _ => (BTreeSet::new(), Vec::new()),
        }
    }

    /// Lane and column of element (row, column) of a block's D.
    fn cell(&self, row: usize, n: usize) -> (usize, usize) {
        match (self.rows(), self.stationary) {
            (128, _) => (row, n),
            (64, false) if !self.pair => {
                (row % 16 + 32 * (row / 16) + 16 * usize::from(self.upper), n)
            }
            (64, _) => (row + 64 * (n / (self.n / 2)), n % (self.n / 2)),
            _ => (row + 32 * (n / (self.n / 4)), n % (self.n / 4)),
        }
    }

    /// Element (row, column) of D before the product, which can be divided by 16.
    fn before(&self, row: usize, column: usize) -> i32 {
        16 * ((row + 3 * column) as i32 % 17 - 8)
    }

    fn encode_sum(&self, value: i32) -> u32 {
        match self.types.1 {
            "f16" => f32_to_f16(value as f32).into(),
            "f32" => (value as f32).to_bits(),
            _ => value as u32,
        }
    }

    /// Tensor memory of a block before the product, lane by lane.
    fn tensor_memory(&self, block: usize) -> Vec<[u32; COLUMNS]> {
        let mut cells = vec![[0x1234_5678; COLUMNS]; LANES];
        let first = block * self.rows();
        let (container, _) = bits(self.types.2);
        let below = if self.types.2 == "e2m1" { 2 } else { 0 };
        for row in 0..self.rows() {
            for n in 0..self.n {
                let (lane, column) = self.cell(row, n);
                cells[lane][column] = self.encode_sum(self.before(first + row, n));
                // Every lane of D has its row of A.
                for k in 0..self.k() {
                    let word = &mut cells[lane][A_COLUMN + k * container / 32];
                    let shift = k * container % 32;
                    let mask = ((1_u64 << container) - 1) as u32;
                    let element = encode(self.types.2, self.value(0, first + row, k)) << below;
                    *word = *word & !(mask << shift) | element << shift;
                }
            }
        }
        let (size, is_e4m3) = self.block();
        let factors = self.k() / size.min(self.k());
        for (matrix, (first, count)) in [(first, self.rows()), (0, self.n)].into_iter().enumerate()
        {
            for i in 0..count {
                let bytes = (0..factors).map(|block| {
                    let scale = self.scale_of(matrix, first + i, block);
                    match is_e4m3 {
                        true => encode("e4m3", scale),
                        false => 127 + scale.trailing_zeros(),
                    }
                });
                let word = bytes.rev().fold(0, |word, byte| word << 8 | byte);
                let word = word << (8 * self.scale_byte(matrix));
                for quarter in 0..4 {
                    cells[i % 32 + 32 * quarter][SCALE_COLUMNS[matrix] + i / 32] = word;
                }
            }
        }
        cells
    }

    /// Whether a column of B counts as zeros.
    fn is_zero(&self, n: usize) -> bool {
        let parts = LANES / self.rows();
        let Some((used, zeros, start, is_zero)) = self.zeros else { return false };
        let at = n % (self.n / parts) + start + if is_zero { used } else { 0 };
        at % (used + zeros) >= used
    }

    /// The zero-column mask, the same in every part of the columns.
    fn zero_mask(&self) -> u64 {
        let Some((used, zeros, start, is_zero)) = self.zeros else { return 0 };
        let starts = start as u64 * 0x0101_0101;
        let first = if is_zero { 0xf << 32 } else { 0 };
        starts | first | 1 << 39 | (zeros as u64 - 1) << 40 | (used as u64 - 1) << 48
    }

    /// The byte of the first scale.
    fn scale_byte(&self, matrix: usize) -> u32 {
        let factors = (self.k() / self.block().0.min(self.k())) as u32;
        match self.types.4 {
            0 => 0,
            _ => (self.seed >> (8 * matrix)) as u32 % (4 / factors) * factors,
        }
    }

    fn is_disabled(&self, block: usize, lane: usize) -> bool {
        self.disables && mix(self.seed, block, lane) & 1 != 0
    }

    /// Tensor memory of a block after the product.
    fn expected(&self, block: usize) -> Vec<[u32; COLUMNS]> {
        let mut cells = self.tensor_memory(block);
        let negate = self.negate[0] != self.negate[1] && self.types.1 != "s32";
        let (size, _) = self.block();
        for row in 0..self.rows() {
            for n in 0..self.n {
                let (lane, column) = self.cell(row, n);
                if self.is_disabled(block, lane) {
                    continue;
                }
                let row = block * self.rows() + row;
                // The row of A that comes to lie here; the first of a block stays.
                let moves = self.shift && !row.is_multiple_of(self.rows());
                let from = if moves { row - 1 } else { row };
                let terms = (0..self.k()).filter(|_| !self.is_zero(n)).map(|k| {
                    let scale = self.scale_of(0, row, k / size) * self.scale_of(1, n, k / size);
                    self.value(0, from, k) * self.value(1, n, k) * scale
                });
                let product: i32 = terms.sum();
                let before = if self.accumulate { self.before(row, n) >> self.scale } else { 0 };
                let sum = before + if negate { -product } else { product };
                cells[lane][column] = self.encode_sum(sum);
            }
        }
        cells
    }

    fn check(&self) {
        let (rows, columns) = (self.rows(), self.n / self.blocks());
        let mut all = Vec::new();
        let mut descriptors = [0; 2];
        let mut left_out = Vec::new();
        let mut lacking = [Vec::new(), Vec::new()];
        for block in 0..self.blocks() {
            let a = self.image(0, block * rows, rows);
            let b = self.image(1, block * columns, columns);
            let (mut units, rows) = self.left_out(0, block * rows, &a);
            let (of_b, columns) = self.left_out(1, block * columns, &b);
            lacking[0].extend(rows);
            lacking[1].extend(columns);
            let b_start = a.bytes.len().next_multiple_of(1024);
            units.extend(of_b.iter().map(|unit| unit + b_start / 16));
            left_out.push(units);
            descriptors = [a.descriptor, b.descriptor | (b_start / 16) as u64];
            let mut image = a.bytes;
            image.resize(b_start, 0);
            image.extend(b.bytes);
            image.resize(image.len().next_multiple_of(2048), 0);
            all.push(image);
        }
        let text = self.kernel(descriptors, all[0].len(), &left_out);
        let module = parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let checked = check(module).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let program = Program::new(&checked, None).unwrap_or_else(|error| panic!("{error}"));
        let blocks = self.blocks() as u32;
        let cells: Vec<[u32; COLUMNS]> =
            (0..self.blocks()).flat_map(|block| self.tensor_memory(block)).collect();
        let bytes = |cells: &[[u32; COLUMNS]]| -> Vec<u8> {
            cells.as_flattened().iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        let run = |kept: &[[u32; COLUMNS]]| {
            let mut memory = Memory::new();
            let mut launch = Launch {
                grid: [blocks, 1, 1],
                cluster: [blocks, 1, 1],
                block: [128, 1, 1],
                ..Launch::default()
            };
            for (name, content) in
                [("image", &all.concat()), ("tensor", &bytes(&cells)), ("kept", &bytes(kept))]
            {
                launch.parameters.extend(memory.allocate(name, content).to_le_bytes());
            }
            let size = self.blocks() * LANES * COLUMNS * 4;
            let results = memory.allocate_uninitialized("results", size);
            launch.parameters.extend(results.to_le_bytes());
            let options = Options { seed: self.seed, jobs: 1, ..Options::default() };
            run(&program, &launch, &mut memory, &options)
                .map(|_| memory.buffer("results").unwrap().bytes())
        };
        let undefined = self.undefined(&lacking);
        let mut kept = vec![[1; COLUMNS]; cells.len()];
        undefined.iter().for_each(|&(lane, column)| kept[lane][column] = 0);
        let found = run(&kept).unwrap_or_else(|error| panic!("{self:?}: {error}\n{text}"));
        for block in 0..self.blocks() {
            for (lane, expected) in self.expected(block).iter().enumerate() {
                for (column, expected) in expected.iter().enumerate() {
                    let lane = block * LANES + lane;
                    let at = (lane * COLUMNS + column) * 4;
                    let found = u32::from_le_bytes(found[at..at + 4].try_into().unwrap());
                    let place = format!("block {block}, lane {lane}, column {column}");
                    let show = |bits: u32| match self.types.1 {
                        "f32" => f32::from_bits(bits),
                        "f16" => f16_to_f32(bits as u16),
                        _ => bits as i32 as f32,
                    };
                    let what = format!("{} for {}", show(found), show(*expected));
                    let right = kept[lane][column] == 0 || found == *expected;
                    assert!(right, "{what}, {place}: {self:?}\n{text}");
                }
            }
        }
        // Any of what depends on something missing is a fault where it is looked at.
        if let Some(&(lane, column)) = undefined.get(self.seed as usize % undefined.len().max(1)) {
            let mut kept = vec![[0; COLUMNS]; cells.len()];
            kept[lane][column] = 1;
            let error = run(&kept).expect_err("it depends on what nothing wrote");
            assert!(error.to_string().contains("nothing wrote"), "{error}: {self:?}\n{text}");
        }
    }

    /// The cells of D, with the lanes of all blocks one after the other, that depend on rows or
    /// columns.
    fn undefined(&self, [rows, columns]: &[Vec<usize>; 2]) -> Vec<(usize, usize)> {
        let all = (0..self.m).flat_map(|row| (0..self.n).map(move |n| (row, n)));
        let of_column = |n: &usize| columns.contains(n) && !self.is_zero(*n);
        let lacks = |(row, n): &(usize, usize)| rows.contains(row) || of_column(n);
        let cells = all.filter(lacks).map(|(row, n)| {
            let (lane, column) = self.cell(row % self.rows(), n);
            (row / self.rows(), lane, column)
        });
        let written = cells.filter(|&(block, lane, _)| !self.is_disabled(block, lane));
        written.map(|(block, lane, column)| (block * LANES + lane, column)).collect()
    }
}

/// M, N, whether it is a pair's and whether B is stationary.
fn shapes() -> impl Strategy<Value = (usize, usize, bool, bool)> {
    prop_oneof![
        (1_usize..=4).prop_map(|n| (128, 16 * n, false, false)),
        (1_usize..=4).prop_map(|n| (64, 16 * n, false, false)),
        (1_usize..=2).prop_map(|n| (256, 32 * n, true, false)),
        (1_usize..=4).prop_map(|n| (128, 32 * n, true, false)),
        Just((128, 64, false, true)),
        select(vec![64_usize, 128]).prop_map(|n| (64, n, false, true)),
        select(vec![64_usize, 128, 256]).prop_map(|n| (32, n, false, true)),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let flags = any::<[bool; 8]>();
    (select(&TYPES[..]), shapes(), [0_usize..4, 0_usize..4], flags, 0_u32..4, any::<u64>())
        .prop_map(|(types, shape, swizzles, flags, scale, seed)| {
            let [a_k, b_k, a_in_tensor_memory, accumulate, upper, disables, saturate, rare] = flags;
            let scaled = types.4 != 0;
            // Scaled kinds have but few shapes.
            let (m, n, pair, stationary) = match (scaled, shape) {
                (true, (.., true)) => (128, 64, false, false),
                (true, (_, n, false, _)) => (128, n, false, false),
                (_, shape) => shape,
            };
            let whole = |factor| {
                let (container, bits) = bits(factor);
                container == bits && bits >= 8
            };
            let along_k = [a_k || !whole(types.2), b_k || !whole(types.3)];
            let words = types.2 == "tf32";
            let swizzle = |matrix: usize, outer: usize| {
                let swizzle = if words && !along_k[matrix] { 4 } else { swizzles[matrix] };
                // Neighbours along M or N fill whole spans.
                let (span, ..) = SWIZZLES[swizzle];
                let each = 8 * span / bits([types.2, types.3][matrix]).0;
                match along_k[matrix] || outer.is_multiple_of(each) {
                    true => swizzle,
                    false => 0,
                }
            };
            let blocks = 1 + usize::from(pair);
            Case {
                types,
                m,
                n,
                pair,
                stationary,
                upper: upper && m == 64 && !stationary,
                swizzles: [swizzle(0, m / blocks), swizzle(1, n / blocks)],
                along_k,
                a_in_tensor_memory,
                accumulate,
                negate: [seed & 1 != 0, seed & 2 != 0],
                saturate,
                scale: if matches!(types.0, "f16" | "tf32") && !stationary { scale } else { 0 },
                disables: disables && !scaled && !stationary,
                shift: rare && a_in_tensor_memory && m == 128 * blocks && !scaled && !stationary,
                zeros: (rare && stationary).then(|| {
                    let spans = [1 + (seed >> 8) as usize % 20, 1 + (seed >> 16) as usize % 20];
                    let first = spans[(seed >> 24) as usize & 1];
                    (spans[0], spans[1], (seed >> 32) as usize % first, seed >> 24 & 1 != 0)
                }),
                missing: (seed >> 40 & 1 != 0).then(|| {
                    let matrix = usize::from(a_in_tensor_memory || seed >> 41 & 1 != 0);
                    (matrix, (seed >> 42) as usize % [m, n][matrix])
                }),
                seed,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn products_of_all_kinds_and_layouts(case in case()) {
        case.check();
    }
}
