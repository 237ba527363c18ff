//! Kernels that multiply with `wgmma`, against a product in integers: every type, N, swizzle, order
//! and place of A, with matrices laid out as tensor copies write them. Of some a row or a column is
//! missing, and what depends on it is not looked at.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;
use tilewright_codegen::ptx::{check, parse};
use tilewright_sim::numeric::narrow::{Narrowing, byte_pair};
use tilewright_sim::numeric::{E4m3, E5m2, f32_to_f16};
use tilewright_sim::{Launch, Memory, Options, Program, run};

/// D and the factors.
const TYPES: [[&str; 3]; 18] = [
    ["f16", "f16", "f16"],
    ["f32", "f16", "f16"],
    ["f32", "bf16", "bf16"],
    ["f32", "tf32", "tf32"],
    ["f32", "e4m3", "e4m3"],
    ["f32", "e4m3", "e5m2"],
    ["f32", "e5m2", "e4m3"],
    ["f32", "e5m2", "e5m2"],
    ["f16", "e4m3", "e4m3"],
    ["f16", "e4m3", "e5m2"],
    ["f16", "e5m2", "e4m3"],
    ["f16", "e5m2", "e5m2"],
    ["s32", "s8", "s8"],
    ["s32", "s8", "u8"],
    ["s32", "u8", "s8"],
    ["s32", "u8", "u8"],
    ["s32.satfinite", "s8", "s8"],
    ["s32", "b1", "b1"],
];
/// Bytes of a row of the swizzle pattern, and its code in a descriptor.
const SWIZZLES: [(usize, u64); 4] = [(16, 0), (32, 3), (64, 2), (128, 1)];
const M: usize = 64;

#[derive(Clone, Debug)]
struct Case {
    types: [&'static str; 3],
    n: usize,
    /// Of A and B, indices into [`SWIZZLES`].
    swizzles: [usize; 2],
    /// Whether A and B lie along K.
    along_k: [bool; 2],
    a_in_registers: bool,
    accumulate: bool,
    negate: [bool; 2],
    /// A row of A (0) or a column of B (1) that nothing writes.
    missing: Option<(usize, usize)>,
    seed: u64,
}

fn bits(factor: &str) -> usize {
    match factor {
        "f16" | "bf16" => 16,
        "tf32" => 32,
        "b1" => 1,
        _ => 8,
    }
}

/// The encoding of a small number.
fn encode(factor: &str, value: i32) -> u32 {
    let single = (value as f32).to_bits();
    match factor {
        "f16" => f32_to_f16(value as f32).into(),
        "bf16" => single >> 16,
        // The low bits do not count.
        "tf32" => single | 0x1fff,
        "e4m3" => (byte_pair::<E4m3>(0, single, Narrowing::default()) & 0xff).into(),
        "e5m2" => (byte_pair::<E5m2>(0, single, Narrowing::default()) & 0xff).into(),
        _ => value as u32 & 0xff,
    }
}

/// Small numbers that depend on the seed; of unsigned types not negative.
fn value(factor: &str, seed: u64, i: usize, k: usize) -> i32 {
    let mixed = (seed ^ (i * 256 + k) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
    match factor {
        "b1" => mixed as i32 & 1,
        "u8" => mixed as i32,
        _ => mixed as i32 % 9 - 4,
    }
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
    fn k(&self) -> usize {
        256 / bits(self.types[1])
    }

    fn factor(&self, matrix: usize, i: usize, k: usize) -> i32 {
        value(self.types[1 + matrix], self.seed.rotate_left(matrix as u32 * 7), i, k)
    }

    /// A (0) or B (1): rows of a span below each other, spans beside each other behind them.
    fn image(&self, matrix: usize, outer: usize) -> Image {
        let (factor, k) = (self.types[1 + matrix], self.k());
        let (span, code) = SWIZZLES[self.swizzles[matrix]];
        let bits = bits(factor);
        let along_k = self.along_k[matrix];
        let (rows, columns) = if along_k { (outer, k) } else { (k, outer) };
        let each = 8 * span / bits;
        let mut bytes = vec![0; rows * columns.div_ceil(each) * span];
        let mut units = vec![BTreeSet::new(); outer];
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |c| (row, c))) {
            let (i, k) = if along_k { (row, column) } else { (column, row) };
            let element = encode(factor, self.factor(matrix, i, k));
            let (unit, bit) = (column % each * bits / 128, column % each * bits % 128);
            let turned = match span {
                32 => unit ^ (row / 4 % 2),
                64 => unit ^ (row / 2 % 4),
                128 => unit ^ (row % 8),
                _ => unit,
            };
            let line = column / each * rows + row;
            units[i].insert((line * span) / 16 + turned);
            for (j, byte) in element.to_le_bytes().iter().take(bits.div_ceil(8)).enumerate() {
                bytes[line * span + turned * 16 + bit / 8 + j] |= byte << (bit % 8);
            }
        }
        let (beside, below) = (rows * span, 8 * span);
        let (leading, stride) = match (along_k, span) {
            (true, 16) => (beside, below),
            (true, _) => (16, below),
            (false, 16) => (below, beside),
            (false, _) => (beside, below),
        };
        let field = |bytes: usize, shift: u32| ((bytes / 16) as u64) << shift;
        let descriptor = field(leading, 16) | field(stride, 32) | code << 62;
        Image { bytes, descriptor, units }
    }

    /// The units of an image that are left out because one row or column is, and all rows or columns
    /// that lack some element then.
    fn left_out(&self, matrix: usize, image: &Image) -> (BTreeSet<usize>, Vec<usize>) {
        match self.missing {
            Some((of, i)) if of == matrix => {
                let units = image.units[i].clone();
                let lacks = |i: &usize| !image.units[*i].is_disjoint(&units);
                let lacking = (0..image.units.len()).filter(lacks).collect();
                (units, lacking)
            }
            _ => (BTreeSet::new(), Vec::new()),
        }
    }

    /// Registers of A, four a thread.
    fn fragment(&self) -> Vec<u8> {
        let (factor, each) = (self.types[1], 32 / bits(self.types[1]));
        let register = |thread: usize, r: usize| {
            let (w, g, q) = (thread / 32, thread % 32 / 4, thread % 4);
            (0..each).fold(0_u32, |word, j| {
                let (row, k) = (16 * w + g + 8 * (r % 2), q * each + j + 4 * each * (r / 2));
                word | encode(factor, self.factor(0, row, k)) << (j * 32 / each)
            })
        };
        let registers = (0..128).flat_map(|thread| (0..4).map(move |r| (thread, r)));
        registers.flat_map(|(thread, r)| register(thread, r).to_le_bytes()).collect()
    }

    fn is_half(&self) -> bool {
        self.types[0] == "f16"
    }

    fn registers(&self) -> usize {
        if self.is_half() { self.n / 4 } else { self.n / 2 }
    }

    /// D as the registers of all threads hold it.
    fn sums(&self, value: impl Fn(usize, usize) -> i32) -> Vec<u8> {
        let half = |row, column| u32::from(f32_to_f16(value(row, column) as f32));
        let register = |thread: usize, r: usize| {
            let (w, g, q) = (thread / 32, thread % 32 / 4, thread % 4);
            if self.is_half() {
                let (row, column) = (16 * w + g + 8 * (r % 2), 8 * (r / 2) + 2 * q);
                return half(row, column + 1) << 16 | half(row, column);
            }
            let value = value(16 * w + g + 8 * (r / 2 % 2), 8 * (r / 4) + 2 * q + r % 2);
            match self.types[0] {
                "f32" => (value as f32).to_bits(),
                _ => value as u32,
            }
        };
        let count = self.registers();
        let registers = (0..128).flat_map(|thread| (0..count).map(move |r| (thread, r)));
        registers.flat_map(|(thread, r)| register(thread, r).to_le_bytes()).collect()
    }

    /// A kernel that leaves units out of what it multiplies, and some threads' registers of A.
    fn kernel(&self, [a, b]: [u64; 2], shared: usize, left_out: &BTreeSet<usize>) -> String {
        let [sum, a_type, b_type] = self.types;
        let (n, k, count) = (self.n, self.k(), self.registers());
        let d: Vec<String> = (0..count).map(|r| format!("%d{r}")).collect();
        let popc = if a_type == "b1" { ".and.popc" } else { "" };
        let a_operand = if self.a_in_registers { "{%a0, %a1, %a2, %a3}" } else { "%da" };
        let mut rest = String::new();
        if !sum.starts_with("s32") {
            for negate in self.negate {
                rest += if negate { ", -1" } else { ", 1" };
            }
        }
        if bits(a_type) == 16 {
            let orders = self.along_k.map(|along_k| if along_k { ", 0" } else { ", 1" });
            rest += if self.a_in_registers { "" } else { orders[0] };
            rest += orders[1];
        }
        let mut text = format!(
            ".version 8.4\n.target sm_90a\n.address_size 64\n.visible .entry multiply(\
             .param .u64 image, .param .u64 fragment, .param .u64 sums, .param .u64 kept, \
             .param .u64 results)\n{{\n\
             .shared .align 1024 .b8 tile[{shared}];\n\
             .reg .b64 %p<5>, %at, %da, %db;\n.reg .b32 %a<4>, %d<{count}>, %t, %s, %w<4>;\n\
             .reg .pred %accumulate, %kept, %other;\n\
             ld.param.u64 %p0, [image];\nld.param.u64 %p1, [fragment];\n\
             ld.param.u64 %p2, [sums];\nld.param.u64 %p3, [results];\n\
             ld.param.u64 %p4, [kept];\n\
             mov.u32 %t, %tid.x;\nmov.u32 %s, tile;\nmad.lo.u32 %s, %t, 16, %s;\n\
             mad.wide.u32 %at, %t, 16, %p0;\n"
        );
        for offset in (0..shared).step_by(2048) {
            let words = "{%w0, %w1, %w2, %w3}";
            writeln!(text, "ld.global.v4.b32 {words}, [%at+{offset}];").unwrap();
            text += "setp.ge.u32 %kept, %t, 0;\n";
            for unit in left_out.range(offset / 16..(offset + 2048) / 16) {
                writeln!(text, "setp.ne.and.u32 %kept, %t, {}, %kept;", unit % 128).unwrap();
            }
            writeln!(text, "@%kept st.shared.v4.b32 [%s+{offset}], {words};").unwrap();
        }
        text += "fence.proxy.async.shared::cta;\nbar.sync 0;\n\
                 mad.wide.u32 %at, %t, 16, %p1;\n";
        let thread = self.missing_thread().unwrap_or(128);
        writeln!(text, "setp.ne.u32 %other, %t, {thread};").unwrap();
        text += "@%other ld.global.v4.b32 {%a0, %a1, %a2, %a3}, [%at];\n";
        writeln!(text, "mad.wide.u32 %at, %t, {}, %p2;", 4 * count).unwrap();
        for (r, d) in d.iter().enumerate() {
            writeln!(text, "ld.global.b32 {d}, [%at+{}];", 4 * r).unwrap();
        }
        writeln!(text, "mov.b64 %da, {a};\nmov.b64 %db, {b};").unwrap();
        let compare = if self.accumulate { "ge" } else { "lt" };
        writeln!(text, "setp.{compare}.u32 %accumulate, %t, 0;").unwrap();
        writeln!(
            text,
            "wgmma.fence.sync.aligned;\n\
             wgmma.mma_async.sync.aligned.m64n{n}k{k}.{sum}.{a_type}.{b_type}{popc} {{{}}}, \
             {a_operand}, %db, %accumulate{rest};\n\
             wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n\
             mad.wide.u32 %at, %t, {row}, %p3;\nmad.wide.u32 %p4, %t, {row}, %p4;",
            d.join(", "),
            row = 4 * count
        )
        .unwrap();
        for (r, d) in d.iter().enumerate() {
            writeln!(text, "ld.global.b32 %w0, [%p4+{}];\nsetp.ne.u32 %kept, %w0, 0;", 4 * r)
                .unwrap();
            writeln!(text, "@%kept st.global.b32 [%at+{}], {d};", 4 * r).unwrap();
        }
        text + "ret;\n}\n"
    }

    /// The thread whose registers of A are left out.
    fn missing_thread(&self) -> Option<usize> {
        let (_, row) = self.missing.filter(|(matrix, _)| self.a_in_registers && *matrix == 0)?;
        Some(row / 16 * 32 + row % 8 * 4 + 1)
    }

    fn check(&self) {
        let (a, b) = (self.image(0, M), self.image(1, self.n));
        let (mut left_out, mut rows) = self.left_out(0, &a);
        let (of_b, columns) = self.left_out(1, &b);
        if self.a_in_registers {
            left_out.clear();
            let thread = self.missing_thread();
            let of_thread = |thread| [0, 8].map(|half| thread / 32 * 16 + thread % 32 / 4 + half);
            rows = thread.map_or(Vec::new(), |thread| of_thread(thread).to_vec());
        }
        let b_start = a.bytes.len().next_multiple_of(1024);
        left_out.extend(of_b.iter().map(|unit| unit + b_start / 16));
        let mut image = a.bytes;
        image.resize(b_start, 0);
        image.extend(b.bytes);
        image.resize(image.len().next_multiple_of(2048), 0);
        let start = |bytes: usize| (bytes / 16) as u64;
        let descriptors = [a.descriptor, b.descriptor | start(b_start)];
        let text = self.kernel(descriptors, image.len(), &left_out);
        let module = parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let checked = check(module).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let program = Program::new(&checked, None).unwrap_or_else(|error| panic!("{error}"));
        let before = |row: usize, column: usize| (row + 3 * column) as i32 % 17 - 8;
        let negate = self.negate[0] != self.negate[1] && !self.types[0].starts_with("s32");
        let expected = self.sums(|row, column| {
            let products =
                (0..self.k()).map(|k| self.factor(0, row, k) * self.factor(1, column, k));
            let product: i32 = products.sum();
            let old = if self.accumulate { before(row, column) } else { 0 };
            old + if negate { -product } else { product }
        });
        let is_defined = |row, column| !rows.contains(&row) && !columns.contains(&column);
        let run = |kept: &[u8]| {
            let mut memory = Memory::new();
            let mut launch = Launch { block: [128, 1, 1], ..Launch::default() };
            let (fragment, sums) = (self.fragment(), self.sums(before));
            for (name, bytes) in
                [("image", &image[..]), ("fragment", &fragment), ("sums", &sums), ("kept", kept)]
            {
                launch.parameters.extend(memory.allocate(name, bytes).to_le_bytes());
            }
            let results = memory.allocate_uninitialized("results", expected.len());
            launch.parameters.extend(results.to_le_bytes());
            let options = Options { seed: self.seed, jobs: 1, ..Options::default() };
            run(&program, &launch, &mut memory, &options)
                .map(|_| memory.buffer("results").unwrap().bytes())
        };
        // What lacks an element is not looked at.
        let all = self.sums(|_, _| 1);
        let defined = self.sums(|row, column| is_defined(row, column).into());
        let kept = |i: usize| defined[4 * i..4 * i + 4] == all[4 * i..4 * i + 4];
        let flags = |kept: &dyn Fn(usize) -> bool| -> Vec<u8> {
            (0..all.len() / 4).flat_map(|i| u32::from(kept(i)).to_le_bytes()).collect()
        };
        let found = run(&flags(&kept)).unwrap_or_else(|error| panic!("{error}: {self:?}\n{text}"));
        for (i, (found, expected)) in found.chunks(4).zip(expected.chunks(4)).enumerate() {
            assert!(!kept(i) || found == expected, "{self:?}\n{text}");
        }
        // Any of it that is, is a fault.
        let undefined: Vec<usize> = (0..all.len() / 4).filter(|&i| !kept(i)).collect();
        if let Some(&one) = undefined.get(self.seed as usize % undefined.len().max(1)) {
            let error = run(&flags(&|i| i == one)).expect_err("it depends on what nothing wrote");
            assert!(error.to_string().contains("nothing wrote"), "{error}: {self:?}\n{text}");
        }
    }
}

fn case() -> impl Strategy<Value = Case> {
    let flags = any::<[bool; 6]>();
    (select(&TYPES[..]), 1_usize..=32, [0_usize..4, 0_usize..4], flags, any::<u64>()).prop_map(
        |(types, eighths, swizzles, [a_k, b_k, a_in_registers, accumulate, lacks, of_b], seed)| {
            let n = match (bits(types[1]), eighths) {
                // Of integers N is 8, 24 or a multiple of 16.
                (8 | 1, 1 | 3) => 8 * eighths,
                (8 | 1, _) if types[0].starts_with("s32") => (8 * eighths).next_multiple_of(16),
                _ => 8 * eighths,
            };
            let either_order = bits(types[1]) == 16;
            Case {
                types,
                n,
                swizzles,
                along_k: [a_k || !either_order, b_k || !either_order],
                a_in_registers,
                accumulate,
                negate: [seed & 1 != 0, seed & 2 != 0],
                missing: lacks.then_some({
                    let outer = if of_b { n } else { M };
                    (usize::from(of_b), (seed >> 8) as usize % outer)
                }),
                seed,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn products_of_all_types_and_layouts(case in case()) {
        case.check();
    }
}
