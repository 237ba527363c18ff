//! The checker and the table of instruction forms against NVIDIA's assembler: instructions made from
//! every row are taken by both or refused by both, on every target and in every PTX version. And the
//! simulator executes those that Ampere, Ada and Hopper have, but for a few that are named.

mod assembler;
mod instances;

use assembler::Assembler;
use instances::{Instance, instances};
use rayon::prelude::*;
use tilewright::gpu::{Suffix, Target};
use tilewright::ptx::isa::table;
use tilewright::ptx::{self, Opcode, Version};
use tilewright::sim::Program;

/// The PTX version that the newest ptxas known to these tests reads.
const NEWEST: Version = Version::new(9, 0);

/// PTX versions, and a target of each time.
const PAST: [(u8, u8, &str); 24] = [
    (6, 3, "sm_75"),
    (6, 4, "sm_75"),
    (6, 5, "sm_75"),
    (7, 0, "sm_80"),
    (7, 1, "sm_86"),
    (7, 2, "sm_86"),
    (7, 3, "sm_86"),
    (7, 4, "sm_86"),
    (7, 5, "sm_86"),
    (7, 6, "sm_86"),
    (7, 7, "sm_86"),
    (7, 8, "sm_89"),
    (7, 8, "sm_90"),
    (8, 0, "sm_90a"),
    (8, 1, "sm_90a"),
    (8, 2, "sm_90a"),
    (8, 3, "sm_90a"),
    (8, 4, "sm_90a"),
    (8, 5, "sm_90a"),
    (8, 6, "sm_100a"),
    (8, 7, "sm_100a"),
    (8, 7, "sm_120a"),
    (8, 8, "sm_100f"),
    (8, 8, "sm_103a"),
];

/// The targets that a ptxas of CUDA 13 has.
fn targets() -> Vec<Target> {
    let mut all = Vec::new();
    for sm in [75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121] {
        all.push(Target { sm, suffix: Suffix::Baseline });
        if sm >= 90 {
            all.push(Target { sm, suffix: Suffix::Architecture });
        }
        if sm >= 100 {
            all.push(Target { sm, suffix: Suffix::Family });
        }
    }
    all
}

fn all_instances() -> Vec<Instance> {
    let mut forms: Vec<_> = table().forms().collect();
    forms.sort_by_key(|form| form.text);
    let mut all: Vec<Instance> = forms.into_iter().flat_map(instances).collect();
    // Rows that overlap make the same instruction.
    all.sort_by(|a, b| a.text.cmp(&b.text));
    all.dedup_by(|a, b| a.text == b.text);
    all
}

/// What the checker has against an instruction.
fn checker_says(version: Version, target: Target, line: &str) -> Result<(), String> {
    let (text, _) = assembler::module(version, target, &[line]);
    let module = ptx::parse(&text).map_err(|e| e.to_string())?;
    ptx::check(module).map(drop).map_err(|e| e.to_string())
}

/// Where the checker and ptxas disagree.
fn disagreements(
    assembler: &Assembler,
    all: &[Instance],
    version: Version,
    target: Target,
) -> Vec<String> {
    let lines: Vec<&str> = all.iter().map(|i| i.text.as_str()).collect();
    let refused = assembler.refused(version, target, &lines);
    let compare = |(index, instance): (usize, &Instance)| {
        let ours = checker_says(version, target, &instance.text);
        let (us, them) = match (ours, refused.get(&index)) {
            (Ok(()), Some(message)) => ("takes it".to_string(), message.as_str()),
            (Err(error), None) => (error, "takes it"),
            _ => return None,
        };
        let row = instance.form.text;
        Some(format!("{target} {version}: {}\n  {row}\n  {us} || {them}", instance.text))
    };
    all.iter().enumerate().filter_map(compare).collect()
}

#[test]
fn the_checker_takes_what_ptxas_takes() {
    let Some(assembler) = Assembler::find() else { return };
    let all = all_instances();
    let now = targets().into_iter().map(|target| (NEWEST, target));
    let past =
        PAST.map(|(major, minor, target)| (Version::new(major, minor), target.parse().unwrap()));
    let places: Vec<(Version, Target)> = now.chain(past).collect();
    let wrong: Vec<String> = places
        .par_iter()
        .flat_map(|(version, target)| disagreements(&assembler, &all, *version, *target))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

/// What the simulator has against an instruction that the checker takes.
fn simulator_says(version: Version, target: Target, line: &str) -> Option<String> {
    let (text, _) = assembler::module(version, target, &[line]);
    let checked = ptx::check(ptx::parse(&text).ok()?).ok()?;
    Program::new(&checked, None).err().map(|e| e.to_string())
}

/// Whether the simulator executes an instance. It has no products of sparse matrices, no stack that
/// `alloca` takes memory from, no memory that several devices share, no atomic operations on 128
/// bits, no convolutions by tensor copies, and no tensors with a fifth stride, which ptxas takes.
fn is_simulated(instance: &Instance) -> bool {
    use Opcode::*;
    let without =
        [MmaSp, Alloca, Stacksave, Stackrestore, MultimemLdReduce, MultimemSt, MultimemRed];
    let sparse = ["tcgen05.mma.sp.", "tcgen05.mma.ws.sp."];
    let sparse = sparse.iter().any(|name| instance.text.starts_with(name));
    let convolution = instance.text.contains("im2col");
    let fifth_stride = instance.text.contains("global_stride") && instance.text.contains(", 4,");
    let wide = matches!(instance.form.opcode, Atom) && instance.text.contains("b128");
    !(without.contains(&instance.form.opcode) || sparse || convolution || fifth_stride || wide)
}

#[test]
fn the_simulator_executes_what_it_should() {
    let mut all = all_instances();
    all.retain(is_simulated);
    for target in ["sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_103a"] {
        let unsupported: Vec<String> = all
            .par_iter()
            .filter_map(|instance| simulator_says(NEWEST, target.parse().unwrap(), &instance.text))
            .collect();
        assert!(unsupported.is_empty(), "{target}:\n{}", unsupported.join("\n"));
    }
}
