//! Which cells of tensor memory the registers of `tcgen05.ld` and `st` are, in every shape.

use std::fmt::Write as _;

use tilewright_codegen::ptx::{check, parse};
use tilewright_sim::{Launch, Memory, Options, Program, run};

/// Columns of tensor memory that the kernel allocates.
const COLUMNS: usize = 512;
/// Bytes of shared memory to copy from.
const SOURCE: usize = 4096;
/// The column of the address.
const FIRST: usize = 96;
/// The distance of the halves of `16x32bx2`.
const DISTANCE: usize = 130;

#[derive(Clone, Copy, Debug)]
struct Form {
    shape: &'static str,
    count: usize,
    packed: bool,
    /// The lane of the address in its quarter.
    lane: usize,
}

impl Form {
    /// Registers of a thread.
    fn registers(self) -> usize {
        self.count * self.each()
    }

    /// Registers for each repetition.
    fn each(self) -> usize {
        match self.shape {
            "16x128b" => 2,
            "16x256b" => 4,
            _ => 1,
        }
    }

    /// The lane and the columns in which register `r` of thread `t` lies, from the manual's tables:
    /// rows of the matrix and elements of them, of so many bits.
    fn cells(self, r: usize, t: usize) -> (usize, Vec<usize>) {
        let (row, element) = match self.shape {
            "32x32b" => (t, r),
            // Threads 0 and 2 have the first and second element of row 0, 1 and 3 those of row 8.
            "16x64b" => (t / 4 + if t % 2 == 1 { 8 } else { 0 }, 2 * r + t % 4 / 2),
            // Four threads a row; registers are rows of 8 in turn.
            "16x128b" => (t / 4 + 8 * (r % 2), r / 2 * 4 + t % 4),
            // The fragment of an accumulator: pairs of elements, then rows, then columns.
            "16x256b" => (t / 4 + r % 4 / 2 * 8, r / 4 * 8 + t % 4 * 2 + r % 2),
            _ => (t % 16, r),
        };
        let half = if self.shape == "16x32bx2" && t >= 16 { DISTANCE } else { 0 };
        let first = |element: usize| FIRST + half + element;
        match self.packed {
            false => (row, vec![first(element)]),
            true => (row, vec![first(2 * element), first(2 * element + 1)]),
        }
    }

    /// The instruction, without its operands.
    fn name(self, direction: &str) -> String {
        let pack = match (self.packed, direction) {
            (false, _) => "",
            (true, "ld") => ".pack::16b",
            (true, _) => ".unpack::16b",
        };
        let Self { shape, count, .. } = self;
        format!("tcgen05.{direction}.sync.aligned.{shape}.x{count}{pack}.b32")
    }

    fn operands(self) -> (String, String) {
        let registers: Vec<String> = (0..self.registers()).map(|r| format!("%v{r}")).collect();
        let at = format!("[%at + {FIRST}]");
        let distance =
            if self.shape == "16x32bx2" { format!(", {DISTANCE}") } else { String::new() };
        (format!("{{{}}}", registers.join(", ")), at + &distance)
    }
}

/// What four warps do with the columns of their quarters, each cell of which holds its lane and its
/// column.
fn kernel(form: Form, body: &str) -> String {
    let lane = form.lane;
    let mut text = format!(
        ".version 8.6\n.target sm_100a\n.address_size 64\n.visible .entry kernel(.param .u64 y) {{
    .shared .align 4 .b32 slot;
    .shared .align 8 .b64 bar;
    .shared .align 128 .b8 source[{SOURCE}];
    .reg .b32 %t, %lane, %base, %mine, %at, %c, %v<{}>;
    .reg .b64 %y, %offset;
    .reg .pred %first, %elected, %done;
    ld.param.u64 %y, [y];
    mov.u32 %t, %tid.x;
    setp.lt.u32 %first, %t, 32;
    setp.eq.u32 %elected, %t, 0;
    @%elected mbarrier.init.shared.b64 [bar], 1;
    @%first tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [slot], {COLUMNS};
    bar.sync 0;
    ld.shared.b32 %base, [slot];
    shr.u32 %mine, %t, 5;
    shl.b32 %mine, %mine, 21;
    add.u32 %mine, %mine, %base;
    add.u32 %at, %mine, {};
    shl.b32 %lane, %t, 16;
",
        form.registers().max(1),
        lane << 16,
    );
    for column in 0..COLUMNS {
        writeln!(text, "    add.u32 %c, %lane, {column};").unwrap();
        writeln!(text, "    tcgen05.st.sync.aligned.32x32b.x1.b32 [%mine + {column}], {{%c}};")
            .unwrap();
    }
    text += "    tcgen05.wait::st.sync.aligned;\n";
    text += body;
    text += "    tcgen05.wait::ld.sync.aligned;\n    bar.sync 0;\n";
    text += "    @%first tcgen05.dealloc.cta_group::1.sync.aligned.b32 %base, 512;\n    ret;\n}\n";
    text
}

/// Runs a kernel whose 128 threads store so many words each.
fn words(text: &str, each: usize) -> Vec<u32> {
    let checked = check(parse(text).unwrap()).unwrap_or_else(|error| panic!("{error}"));
    let program = Program::new(&checked, None).unwrap();
    let mut memory = Memory::new();
    let y = memory.allocate_uninitialized("y", 128 * each * 4);
    let parameters = y.to_le_bytes().to_vec();
    let launch = Launch { block: [128, 1, 1], parameters, ..Launch::default() };
    run(&program, &launch, &mut memory, &Options::default()).unwrap_or_else(|e| panic!("{e}"));
    let bytes = memory.buffer("y").unwrap().bytes();
    bytes.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

/// Stores registers `%v0` and so on of each thread.
fn store(each: usize) -> String {
    let mut text = format!("    mul.wide.u32 %offset, %t, {};\n", 4 * each);
    text += "    add.u64 %offset, %offset, %y;\n";
    for r in 0..each {
        writeln!(text, "    st.global.b32 [%offset + {}], %v{r};", 4 * r).unwrap();
    }
    text
}

fn check_load(form: Form) {
    let (registers, address) = form.operands();
    let body = format!("    {} {registers}, {address};\n", form.name("ld"));
    let each = form.registers();
    let found = words(&kernel(form, &(body + &store(each))), each);
    for (i, &word) in found.iter().enumerate() {
        let (thread, r) = (i / each, i % each);
        let (warp, t) = (thread / 32, thread % 32);
        let (lane, columns) = form.cells(r, t);
        let lane = 32 * warp + form.lane + lane;
        let expected = match columns[..] {
            [low, high] => low as u32 | (high as u32) << 16,
            _ => (lane << 16 | columns[0]) as u32,
        };
        assert_eq!(word, expected, "{form:?}, register {r} of thread {thread}");
    }
}

/// Stores what `%v` of each thread holds, then reads all columns of the quarter.
fn check_store(form: Form) {
    let each = form.registers();
    let value = |thread: usize, r: usize| 0x9e37_79b9_u32.wrapping_mul((thread * each + r) as u32);
    let (registers, address) = form.operands();
    let mut body = String::new();
    for r in 0..each {
        writeln!(body, "    mad.lo.u32 %v{r}, %t, {each}, {r};").unwrap();
        writeln!(body, "    mul.lo.u32 %v{r}, %v{r}, 0x9e3779b9;").unwrap();
    }
    writeln!(body, "    {} {address}, {registers};", form.name("st")).unwrap();
    body += "    tcgen05.wait::st.sync.aligned;\n";
    writeln!(body, "    mul.wide.u32 %offset, %t, {};", 4 * COLUMNS).unwrap();
    body += "    add.u64 %offset, %offset, %y;\n";
    for column in 0..COLUMNS {
        writeln!(body, "    tcgen05.ld.sync.aligned.32x32b.x1.b32 {{%c}}, [%mine + {column}];")
            .unwrap();
        writeln!(body, "    st.global.b32 [%offset + {}], %c;", 4 * column).unwrap();
    }
    let found = words(&kernel(form, &body), COLUMNS);
    let mut expected: Vec<u32> =
        (0..128 * COLUMNS).map(|i| (i / COLUMNS * 0x1_0000 + i % COLUMNS) as u32).collect();
    for (thread, r) in (0..128).flat_map(|thread| (0..each).map(move |r| (thread, r))) {
        let (lane, columns) = form.cells(r, thread % 32);
        let lane = thread / 32 * 32 + form.lane + lane;
        for (i, &column) in columns.iter().enumerate() {
            let value = value(thread, r);
            let stored = if form.packed { value >> (16 * i) & 0xffff } else { value };
            expected[lane * COLUMNS + column] = stored;
        }
    }
    assert!(found == expected, "{form:?}");
}

fn forms() -> impl Iterator<Item = Form> {
    let shapes = [("32x32b", 128), ("16x64b", 128), ("16x128b", 64), ("16x256b", 32)];
    let all = shapes.into_iter().chain([("16x32bx2", 128)]);
    all.flat_map(|(shape, most)| {
        [(1, false), (2, true), (most / 2, false), (most / 4, true)].map(move |(count, packed)| {
            let lane = if shape != "32x32b" && count != 1 { 16 } else { 0 };
            Form { shape, count, packed, lane }
        })
    })
}

#[test]
fn loads_read_the_cells_of_their_shape() {
    forms().for_each(check_load);
}

#[test]
fn stores_write_the_cells_of_their_shape() {
    forms().for_each(check_store);
}

/// The lanes of each row that is copied, and words of a row.
fn check_copy(shape: &str, words_of_row: usize, lanes: &[&dyn Fn(usize) -> usize], rows: usize) {
    let mut body = String::new();
    for i in 0..SOURCE / 512 {
        writeln!(body, "    mad.lo.u32 %c, %t, 4, {};", 512 * i).unwrap();
        writeln!(body, "    mov.u32 %lane, source;\n    add.u32 %lane, %lane, %c;").unwrap();
        writeln!(body, "    mad.lo.u32 %c, %c, 0x9e3779b9, 1;\n    st.shared.u32 [%lane], %c;")
            .unwrap();
    }
    // Rows of 16 bytes one after the other, and their second halves 2048 bytes on.
    body += "    mov.u32 %lane, source;\n    shr.u32 %lane, %lane, 4;\n    cvt.u64.u32 %offset, %lane;\n";
    body += "    or.b64 %offset, %offset, 0x0000400800800000;\n";
    body += "    fence.proxy.async.shared::cta;\n    bar.sync 0;\n";
    writeln!(body, "    @%elected tcgen05.cp.cta_group::1.{shape} [%base + {FIRST}], %offset;")
        .unwrap();
    body += "    @%elected tcgen05.commit.cta_group::1.mbarrier::arrive::one.b64 [bar];\n";
    body +=
        "wait:\n    mbarrier.try_wait.parity.shared.b64 %done, [bar], 0;\n    @!%done bra wait;\n";
    writeln!(body, "    add.u32 %at, %mine, {FIRST};").unwrap();
    body += "    tcgen05.ld.sync.aligned.32x32b.x8.b32 {%v0, %v1, %v2, %v3, %v4, %v5, %v6, %v7}, [%at];\n";
    let form = Form { shape: "32x32b", count: 8, packed: false, lane: 0 };
    let found = words(&kernel(form, &(body + &store(8))), 8);
    let mut expected: Vec<u32> =
        (0..128 * 8).map(|i| (i / 8 * 0x1_0000 + FIRST + i % 8) as u32).collect();
    for (row, word) in (0..rows).flat_map(|row| (0..words_of_row).map(move |word| (row, word))) {
        let at = 16 * row + 4 * (word % 4) + word / 4 * 2048;
        for lane in lanes {
            expected[lane(row) * 8 + word] = (at as u32).wrapping_mul(0x9e37_79b9).wrapping_add(1);
        }
    }
    assert!(found == expected, "{shape}");
}

#[test]
fn copies_spread_their_rows() {
    check_copy("128x256b", 8, &[&|r| r], 128);
    check_copy("128x128b", 4, &[&|r| r], 128);
    check_copy("4x256b", 8, &[&|r| 32 * r], 4);
    check_copy("64x128b.warpx2::02_13", 4, &[&|r| r, &|r| r + 64], 64);
    let pair = |r: usize| r / 32 * 64 + r % 32;
    check_copy("64x128b.warpx2::01_23", 4, &[&pair, &|r| pair(r) + 32], 64);
    check_copy("32x128b.warpx4", 4, &[&|r| r, &|r| r + 32, &|r| r + 64, &|r| r + 96], 32);
}

#[test]
fn loads_reduce_what_they_load() {
    // Values that differ in sign, size and order, and a NaN.
    let values = ["0f40400000", "0fC0A00000", "0f7FC00000", "0f3F800000"];
    let check = |name: &str, expected: u32| {
        let mut body = String::new();
        for (i, value) in values.iter().enumerate() {
            writeln!(body, "    mov.b32 %v{i}, {value};").unwrap();
        }
        body += "    tcgen05.st.sync.aligned.32x32b.x4.b32 [%mine], {%v0, %v1, %v2, %v3};\n";
        body += "    tcgen05.wait::st.sync.aligned;\n";
        writeln!(
            body,
            "    tcgen05.ld.red.sync.aligned.32x32b.x4.{name} {{%v4, %v1, %v2, %v3}}, %v0, [%mine];"
        )
        .unwrap();
        let form = Form { shape: "32x32b", count: 5, packed: false, lane: 0 };
        let text = kernel(form, &(body + &store(1)));
        let text = text.replace("8.6", "8.8").replace("sm_100a", "sm_103a");
        assert!(words(&text, 1).iter().all(|&word| word == expected), "{name}");
    };
    check("max.f32", 3.0_f32.to_bits());
    check("min.f32", (-5.0_f32).to_bits());
    check("max.abs.f32", 5.0_f32.to_bits());
    check("min.NaN.f32", 0x7fff_ffff);
    check("max.u32", (-5.0_f32).to_bits());
    check("min.s32", (-5.0_f32).to_bits());
    check("max.s32", 0x7fc0_0000);
}
