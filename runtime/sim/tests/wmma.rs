//! Kernels that load fragments with `wmma`, multiply and store them, against a product in integers.

use tilewright_codegen::ptx::{check, parse};
use tilewright_sim::numeric::f32_to_f16;
use tilewright_sim::{Launch, Memory, Options, Program, run};

/// What a kernel multiplies, and how its matrices lie in memory.
struct Case {
    shape: [usize; 3],
    /// Of A and B, and of C and D.
    types: [&'static str; 2],
    /// Registers of A, B, and C and D.
    registers: [usize; 3],
    /// Whether A, B and D lie row after row.
    by_rows: [bool; 3],
    /// Elements added to each row, or column, in memory.
    padding: usize,
}

/// The bytes of a small number.
fn bytes(scalar: &str, value: i32) -> Vec<u8> {
    match scalar {
        "f16" => f32_to_f16(value as f32).to_le_bytes().to_vec(),
        "bf16" => ((value as f32).to_bits() >> 16).to_le_bytes()[..2].to_vec(),
        "f32" | "tf32" => (value as f32).to_le_bytes().to_vec(),
        "f64" => f64::from(value).to_le_bytes().to_vec(),
        "s8" | "u8" => vec![value as u8],
        _ => value.to_le_bytes().to_vec(),
    }
}

/// A matrix in memory; what pads it is −1.
fn matrix(
    scalar: &str,
    [rows, columns]: [usize; 2],
    by_rows: bool,
    padding: usize,
    value: impl Fn(usize, usize) -> i32,
) -> Vec<u8> {
    let (outer, inner) = if by_rows { (rows, columns) } else { (columns, rows) };
    let at = |i, j| if by_rows { value(i, j) } else { value(j, i) };
    let element = |i, j| bytes(scalar, if j < inner { at(i, j) } else { -1 });
    (0..outer).flat_map(|i| (0..inner + padding).flat_map(move |j| element(i, j))).collect()
}

impl Case {
    fn kernel(&self) -> String {
        let [m, n, k] = self.shape;
        let [factor, sum] = self.types;
        let layout = self.by_rows.map(|by_rows| if by_rows { "row" } else { "col" });
        let register = match factor {
            "f16" => "f16x2",
            "f64" => "f64",
            _ => "b32",
        };
        let held = if sum == "f16" { "f16x2" } else { sum };
        let list = |name: &str, count: usize| {
            (0..count).map(|i| format!("%{name}{i}")).collect::<Vec<_>>().join(", ")
        };
        let lengths = [[m, k], [k, n], [m, n]];
        let stride: Vec<usize> = lengths
            .iter()
            .zip(self.by_rows)
            .map(|(size, by_rows)| size[usize::from(by_rows)] + self.padding)
            .collect();
        let [ra, rb, rc] = self.registers;
        let [a, b, c] = [list("a", ra), list("b", rb), list("c", rc)];
        let types = match factor {
            "f16" => format!("{sum}.{sum}"),
            _ => format!("{sum}.{factor}.{factor}.{sum}"),
        };
        let shape = format!("m{m}n{n}k{k}");
        let [la, lb, lc] = layout;
        format!(
            ".version 8.0\n.target sm_80\n.address_size 64\n\
             .visible .entry product(.param .u64 pa, .param .u64 pb, .param .u64 pc, .param .u64 pd)\n{{\n\
             .reg .u64 %p<4>;\n.reg .{register} %a<{ra}>;\n.reg .{register} %b<{rb}>;\n.reg .{held} %c<{rc}>;\n\
             ld.param.u64 %p0, [pa];\nld.param.u64 %p1, [pb];\nld.param.u64 %p2, [pc];\nld.param.u64 %p3, [pd];\n\
             wmma.load.a.sync.aligned.{la}.{shape}.global.{factor} {{{a}}}, [%p0], {sa};\n\
             wmma.load.b.sync.aligned.{lb}.{shape}.global.{factor} {{{b}}}, [%p1], {sb};\n\
             wmma.load.c.sync.aligned.{lc}.{shape}.global.{sum} {{{c}}}, [%p2], {sc};\n\
             wmma.mma.sync.aligned.{la}.{lb}.{shape}.{types} {{{c}}}, {{{a}}}, {{{b}}}, {{{c}}};\n\
             wmma.store.d.sync.aligned.{lc}.{shape}.global.{sum} [%p3], {{{c}}}, {sc};\n\
             ret;\n}}\n",
            sa = stride[0],
            sb = stride[1],
            sc = stride[2],
        )
    }
}

fn verify(case: &Case) {
    let [m, n, k] = case.shape;
    let [factor, sum] = case.types;
    let text = case.kernel();
    let checked =
        check::check(parse::parse(&text).unwrap()).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let program = Program::new(&checked, None).unwrap();
    let a = |row: usize, column: usize| ((row * 5 + column * 3) % 7) as i32;
    let b = |row: usize, column: usize| ((row * 2 + column * 11) % 5) as i32;
    let c = |row: usize, column: usize| ((row + column * 7) % 9) as i32 - 4;
    let d = |row, column| (0..k).map(|k| a(row, k) * b(k, column)).sum::<i32>() + c(row, column);
    let padding = case.padding;
    let mut memory = Memory::new();
    let expected = matrix(sum, [m, n], case.by_rows[2], padding, d);
    let parameters = [
        memory.allocate("a", &matrix(factor, [m, k], case.by_rows[0], padding, a)),
        memory.allocate("b", &matrix(factor, [k, n], case.by_rows[1], padding, b)),
        memory.allocate("c", &matrix(sum, [m, n], case.by_rows[2], padding, c)),
        // What pads the rows must stay as it is.
        memory.allocate("d", &matrix(sum, [m, n], case.by_rows[2], padding, |_, _| 99)),
    ];
    let launch = Launch {
        block: [32, 1, 1],
        parameters: parameters.iter().flat_map(|address| address.to_le_bytes()).collect(),
        ..Launch::default()
    };
    run(&program, &launch, &mut memory, &Options::default()).unwrap();
    assert_eq!(memory.buffer("d").unwrap().bytes(), expected, "{text}");
}

#[test]
fn every_type_shape_and_layout() {
    for [m, n, k] in [[16, 16, 16], [8, 32, 16], [32, 8, 16]] {
        for layouts in 0..8 {
            let by_rows = [1, 2, 4].map(|bit| layouts & bit != 0);
            let case = |types, registers| {
                for padding in [0, 8] {
                    verify(&Case { shape: [m, n, k], types, registers, by_rows, padding });
                }
            };
            case(["f16", "f32"], [8, 8, 8]);
            case(["f16", "f16"], [8, 8, 4]);
            case(["bf16", "f32"], [m / 4, n / 4, 8]);
            case(["s8", "s32"], [m / 8, n / 8, 8]);
            case(["u8", "s32"], [m / 8, n / 8, 8]);
        }
    }
    for layouts in 0..8 {
        let by_rows = [1, 2, 4].map(|bit| layouts & bit != 0);
        let case = |shape, types, registers| {
            verify(&Case { shape, types, registers, by_rows, padding: 4 });
        };
        case([16, 16, 8], ["tf32", "f32"], [4, 4, 8]);
        case([8, 8, 4], ["f64", "f64"], [1, 1, 2]);
    }
}
