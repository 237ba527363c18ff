//! Kernels with one synchronization missing, each of which must be found out.

use tilewright::attention::ampere::Config;
use tilewright::attention::{DataType, Mask};
use tilewright::gpu::Gpu;
use tilewright::ptx::Opcode;
use tilewright::ptx::tree::{Item, Module, Statement};
use tilewright::reference::{Inputs, Values};
use tilewright::sim::Options;
use tilewright_tests::attention::{kernel, problem, run};
use tilewright_tests::run::reread;

const SEEDS: u64 = 6;

/// A synchronization that was taken out: its name, and the error that gave it away.
struct Mutant {
    removed: String,
    caught: Option<String>,
}

fn synchronizes(opcode: Opcode) -> bool {
    use Opcode::*;
    matches!(
        opcode,
        BarSync | BarArrive | BarWarpSync | CpAsyncCommitGroup | CpAsyncWaitGroup | CpAsyncWaitAll
    )
}

/// Takes the `index`-th synchronization out of a body, and says which it was; or counts down.
fn remove(body: &mut Vec<Statement>, index: &mut usize) -> Option<String> {
    for at in 0..body.len() {
        match &mut body[at] {
            Statement::Block(inner) => {
                if let Some(removed) = remove(inner, index) {
                    return Some(removed);
                }
            }
            Statement::Instruction(instruction) if synchronizes(instruction.mnemonic.opcode()) => {
                if *index == 0 {
                    let removed = instruction.mnemonic.text().to_string();
                    body.remove(at);
                    return Some(removed);
                }
                *index -= 1;
            }
            _ => {}
        }
    }
    None
}

fn without(module: &Module, mut index: usize) -> Option<(String, Module)> {
    let mut module = module.clone();
    let mut bodies = module.items.iter_mut().filter_map(|item| match item {
        Item::Function(function) => function.body.as_mut(),
        _ => None,
    });
    let removed = bodies.find_map(|body| remove(body, &mut index))?;
    Some((removed, module))
}

/// Every mutant of a config's kernel, run on a problem of several tiles that end early.
fn mutants(config: &str, mask: Mask) -> Vec<Mutant> {
    let config: Config = config.parse().unwrap();
    let problem =
        problem(DataType::F16, (64, 64), (config.tile_m + 5, 5 * config.tile_n + 3), mask);
    let (kernel, _) = kernel(&problem, &config, Gpu::named("a100_sxm").unwrap());
    (0..)
        .map_while(|index| without(&kernel.module, index))
        .map(|(removed, module)| {
            let module = reread(module);
            let caught = (0..SEEDS).find_map(|seed| {
                let inputs = Inputs::random(&problem, Values::Normal, seed);
                let options = Options { seed, ..Options::default() };
                run(&problem, &kernel, &module, &inputs, options).err()
            });
            Mutant { removed, caught }
        })
        .collect()
}

#[test]
fn every_missing_synchronization_is_caught() {
    let configs = [
        "m64n32w4s1sl",
        "m64n32w4s1qrsl",
        "m64n32w4s1qrshsl",
        "m64n32w4s2slrs",
        "m64n16w2s3qrslrl",
        "m64n32w4s4qrshsl",
        "m64n32w4s1",
    ];
    let (mut total, mut missed) = (0, Vec::new());
    for config in configs {
        for mask in [Mask::Full, Mask::Causal, Mask::Window { left: 40, right: 9 }] {
            for (index, mutant) in mutants(config, mask).into_iter().enumerate() {
                total += 1;
                if mutant.caught.is_none() {
                    missed.push(format!("{config}, {mask:?}: {} {index}", mutant.removed));
                }
            }
        }
    }
    println!("{} of {total} missing synchronizations were caught", total - missed.len());
    assert!(missed.is_empty(), "not caught:\n{}", missed.join("\n"));
}
