//! Text cases: each file of `cases/` is PTX with a header that says how to launch it and what must
//! come out.
//!
//! ```text
//! //! grid: 2                  blocks, 1 where it is missing; block, cluster and shared alike
//! //! buffer x: u32 = 1 2 3    an input, and a parameter
//! //! buffer y: u32 * 3        memory that nothing has written, and a parameter
//! //! tensor m: x f16, shape 16 8, strides 32, box 16 4, swizzle 32B
//! //!                          a tensor map of a buffer, and a parameter
//! //! lint: exit_before_bulk_reads
//! //!                          a lint that is on
//! //! expect y: 2 4 6          what a buffer holds afterwards, in its type
//! //! expect fault: text       the fault; of several lines, one with each seed
//! ```
//!
//! `BLESS=1 cargo test -p tilewright-sim --test cases` rewrites what is expected, to be looked at.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tilewright_codegen::ptx::{check, parse};
use tilewright_sim::{
    Element, Launch, Lints, Memory, Options, Program, RunError, Swizzle, TensorMap, run,
};

/// Each case runs with these seeds, and without looking for hazards.
const SEEDS: std::ops::Range<u64> = 0..6;

struct Buffer {
    name: String,
    scalar: String,
    /// The values, or how many there are.
    content: Result<Vec<u8>, usize>,
}

struct Case {
    launch: Launch,
    buffers: Vec<Buffer>,
    parameters: Vec<Parameter>,
    lints: Lints,
}

enum Parameter {
    /// The address of a buffer, by name.
    Address(String),
    /// A tensor map of a buffer, the address still 0.
    Tensor(String, TensorMap),
}

fn numbers(text: &str) -> impl Iterator<Item = u32> + '_ {
    text.split_whitespace().map(|word| word.parse().unwrap())
}

fn size(scalar: &str) -> usize {
    scalar[1..].parse::<usize>().unwrap() / 8
}

fn encode(scalar: &str, word: &str) -> Vec<u8> {
    match scalar {
        "f32" => word.parse::<f32>().unwrap().to_le_bytes().to_vec(),
        "f64" => word.parse::<f64>().unwrap().to_le_bytes().to_vec(),
        _ => word.parse::<i128>().unwrap().to_le_bytes()[..size(scalar)].to_vec(),
    }
}

fn decode(scalar: &str, bytes: &[u8]) -> String {
    let array: [u8; 8] = std::array::from_fn(|i| bytes.get(i).copied().unwrap_or(0));
    let bits = u64::from_le_bytes(array);
    match scalar {
        "f32" => f32::from_bits(bits as u32).to_string(),
        "f64" => f64::from_bits(bits).to_string(),
        _ if scalar.starts_with('s') => {
            let unused = 64 - 8 * size(scalar) as u32;
            ((bits << unused) as i64 >> unused).to_string()
        }
        _ => bits.to_string(),
    }
}

impl Case {
    fn read(text: &str) -> Self {
        let mut case = Self {
            launch: Launch::default(),
            buffers: Vec::new(),
            parameters: Vec::new(),
            lints: Lints::default(),
        };
        for line in text.lines().filter_map(|line| line.strip_prefix("//! ")) {
            let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("no `:` in {line}"));
            match key.split_once(' ') {
                None if key == "grid" => case.launch.grid = extent(value),
                None if key == "block" => case.launch.block = extent(value),
                None if key == "cluster" => case.launch.cluster = extent(value),
                None if key == "shared" => case.launch.dynamic_shared = value.parse().unwrap(),
                None if key == "lint" => case.lints.enable(value).unwrap(),
                Some(("buffer", name)) => {
                    case.parameters.push(Parameter::Address(name.into()));
                    case.buffers.push(Buffer::read(name, value));
                }
                Some(("tensor", _)) => case.parameters.push(tensor(value)),
                Some(("expect", _)) => {}
                _ => panic!("unknown key in {line}"),
            }
        }
        case
    }

    /// What is expected, as header lines.
    fn outcome(&self, text: &str, seed: u64, hazards: bool) -> String {
        let module = parse(text).unwrap_or_else(|error| panic!("{error}"));
        let checked = check(module).unwrap_or_else(|error| panic!("{error}"));
        let program = Program::new(&checked, None).unwrap_or_else(|error| panic!("{error}"));
        let mut memory = Memory::new();
        let mut launch = self.launch.clone();
        for buffer in &self.buffers {
            match &buffer.content {
                Ok(bytes) => memory.allocate(&buffer.name, bytes),
                Err(count) => {
                    let bytes = count * size(&buffer.scalar);
                    memory.allocate_uninitialized(&buffer.name, bytes)
                }
            };
        }
        for (layout, parameter) in program.parameters().iter().zip(&self.parameters) {
            let address = |name: &str| memory.buffer(name).unwrap().address();
            launch.parameters.resize(layout.offset as usize, 0);
            launch.parameters.extend(match parameter {
                Parameter::Address(name) => address(name).to_le_bytes().to_vec(),
                Parameter::Tensor(name, map) => {
                    TensorMap { address: address(name), ..map.clone() }.encode()
                }
            });
        }
        let lints = self.lints;
        let options = Options { seed, hazards, jobs: 2, lints, ..Options::default() };
        let mut text = String::new();
        match run(&program, &launch, &mut memory, &options) {
            Ok(_) => {
                for buffer in self.buffers.iter().filter(|buffer| buffer.content.is_err()) {
                    let bytes = memory.buffer(&buffer.name).unwrap().bytes();
                    let elements = bytes.chunks(size(&buffer.scalar));
                    let words: Vec<_> = elements.map(|e| decode(&buffer.scalar, e)).collect();
                    writeln!(text, "//! expect {}: {}", buffer.name, words.join(" ")).unwrap();
                }
            }
            Err(RunError::Fault(fault)) => {
                let kind = fault.kind.to_string();
                let line = fault.site.map_or(0, |site| site.line);
                let first = kind.lines().next().unwrap_or_default();
                writeln!(text, "//! expect fault: line {line}: {first}").unwrap();
            }
            Err(error) => panic!("{error}"),
        }
        text
    }
}

impl Buffer {
    fn read(name: &str, value: &str) -> Self {
        let (scalar, content) = match value.split_once(" = ") {
            Some((scalar, values)) => {
                let bytes = values.split_whitespace().flat_map(|word| encode(scalar, word));
                (scalar, Ok(bytes.collect()))
            }
            None => {
                let (scalar, count) = value.split_once(" * ").unwrap();
                (scalar, Err(count.parse().unwrap()))
            }
        };
        Self { name: name.into(), scalar: scalar.into(), content }
    }
}

/// A tensor map by its line in the header.
fn tensor(text: &str) -> Parameter {
    let mut parts = text.split(", ");
    let (buffer, element) = parts.next().unwrap().split_once(' ').unwrap();
    let element = match element {
        "u8" => Element::U8,
        "u32" => Element::U32,
        "f32" => Element::F32,
        "f16" => Element::F16,
        _ => panic!("unknown element type {element}"),
    };
    let mut map = TensorMap {
        element,
        address: 0,
        shape: Vec::new(),
        strides: Vec::new(),
        box_shape: Vec::new(),
        element_strides: Vec::new(),
        swizzle: Swizzle::None,
        fill_nan: false,
    };
    for part in parts {
        let (key, value) = part.split_once(' ').unwrap_or((part, ""));
        match key {
            "shape" => map.shape = numbers(value).map(u64::from).collect(),
            "strides" => map.strides = numbers(value).map(u64::from).collect(),
            "box" => map.box_shape = numbers(value).collect(),
            "steps" => map.element_strides = numbers(value).collect(),
            "nan" => map.fill_nan = true,
            "swizzle" => {
                map.swizzle = match value {
                    "32B" => Swizzle::Bytes32,
                    "64B" => Swizzle::Bytes64,
                    "128B" => Swizzle::Bytes128,
                    _ => panic!("unknown swizzle {value}"),
                };
            }
            _ => panic!("unknown key in {text}"),
        }
    }
    map.element_strides.resize(map.shape.len(), 1);
    Parameter::Tensor(buffer.into(), map)
}

fn extent(text: &str) -> [u32; 3] {
    let mut extent = [1; 3];
    for (to, from) in extent.iter_mut().zip(numbers(text)) {
        *to = from;
    }
    extent
}

/// The expectations of a case, as they stand in its header.
fn expected(text: &str) -> String {
    text.lines().filter(|line| line.starts_with("//! expect ")).fold(
        String::new(),
        |mut s, line| {
            writeln!(s, "{line}").unwrap();
            s
        },
    )
}

/// Whether what was found is expected. Which of two accesses comes second, and so is the one
/// reported, is up to the seed.
fn is_expected(expected: &str, found: &str) -> bool {
    let is_race = |line: &str| line.contains("data race");
    match found.contains("expect fault") {
        true => {
            let found = found.trim_end();
            expected.lines().any(|line| line == found || is_race(line) && is_race(found))
        }
        false => expected == found,
    }
}

/// What comes out with some seed, each outcome once.
fn outcomes(case: &Case, text: &str) -> String {
    let mut found = case.outcome(text, SEEDS.start, true);
    for seed in SEEDS.skip(1) {
        let other = case.outcome(text, seed, true);
        if !is_expected(&found, &other) {
            found += &other;
        }
    }
    found
}

fn check_case(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).unwrap();
    let case = Case::read(&text);
    if std::env::var_os("BLESS").is_some() {
        let found = outcomes(&case, &text);
        let body: Vec<&str> =
            text.lines().filter(|line| !line.starts_with("//! expect ")).collect();
        let header = body.iter().take_while(|line| line.starts_with("//!")).count();
        let (header, body) = body.split_at(header);
        fs::write(path, format!("{}\n{found}{}\n", header.join("\n"), body.join("\n"))).unwrap();
        return Ok(());
    }
    let expected = expected(&text);
    if expected.is_empty() {
        return Err("the case expects nothing; see the top of cases.rs".into());
    }
    for seed in SEEDS {
        let found = case.outcome(&text, seed, true);
        if !is_expected(&expected, &found) {
            return Err(format!("with seed {seed} expected\n{expected}found\n{found}"));
        }
    }
    if !expected.contains("expect fault") {
        let found = case.outcome(&text, 0, false);
        if found != expected {
            return Err(format!("without hazards expected\n{expected}found\n{found}"));
        }
    }
    Ok(())
}

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 20, "the cases were not found");
    let problems: Vec<String> = paths
        .iter()
        .filter_map(|path| check_case(path).err().map(|e| format!("{}: {e}", path.display())))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
