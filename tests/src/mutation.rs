//! Kernels with one mistake in their synchronization, and whether the simulator notices.

use rayon::prelude::*;
use tilewright::attention::{Config, Problem};
use tilewright::case::Case;
use tilewright::device::Module;
use tilewright::gpu::Gpu;
use tilewright::ptx::Opcode;
use tilewright::ptx::tree::{self, Instruction, Item, Literal, Operand, Statement};
use tilewright::reference::{Inputs, Values};
use tilewright::sim::{Lints, Options};

use crate::attention::{growing, kernel, run};
use crate::run::reread;

/// What became of the mutations of a kernel.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many there are.
    pub count: usize,
    /// What was said of those that nobody noticed.
    pub missed: Vec<String>,
}

/// What mutants are held to beyond what is always asked of a kernel.
pub const LINTS: Lints = Lints {
    exit_before_bulk_reads: true,
    unfenced_write_after_read: false,
    unfenced_product_after_read: true,
    arrivals_in_two_phases: true,
    unfenced_tensor_memory: true,
    unreleased_tensor_addresses: true,
    unwaited_tensor_loads: true,
    unwaited_tensor_stores: true,
    tensor_lanes_of_another_warp: true,
    unpipelined_tensor_operations: false,
};

/// A change of a kernel that makes it wrong.
#[derive(Clone, Copy, Debug)]
enum Mutation {
    /// Statements are removed: a wait goes with the branch that repeats it.
    Remove(usize),
    /// A count, the operand of this number, is changed by so much.
    Change(usize, i128),
}

/// Tries every mutation of a kernel in turn: every barrier, fence, wait, arrival and commit removed,
/// every count of arrivals and bytes changed. `is_right` runs a module in one of several `trials`.
/// One wait or fence of several may be implied by the others, but not all of them by what is left.
///
/// # Panics
///
/// Where the kernel is not right as it is.
pub fn mutate(
    name: &str,
    kernel: &tree::Module,
    trials: usize,
    is_right: impl Fn(&Module, usize) -> Result<(), String> + Sync,
) -> Outcome {
    let whole = reread(kernel.clone());
    for trial in 0..trials {
        is_right(&whole, trial).unwrap_or_else(|error| panic!("{name}, whole: {error}"));
    }
    let mut module = kernel.clone();
    let body = body(&mut module);
    let mut all = Vec::new();
    for (place, statement) in body.iter().enumerate() {
        let Statement::Instruction(instruction) = statement else { continue };
        all.extend(mutations(instruction).into_iter().map(|mutation| (place, mutation)));
    }
    all.retain(|(place, mutation)| mutant(kernel, &[*place], *mutation).is_some());
    let is_caught = |places: &[usize], mutation| {
        let module = reread(mutant(kernel, places, mutation).expect("it was tried"));
        (0..trials).any(|trial| is_right(&module, trial).is_err())
    };
    let count = all.len();
    let missed = all.into_par_iter().filter_map(|(place, mutation)| {
        let likes = likes(body, place);
        let caught =
            is_caught(&[place], mutation) || likes.len() > 1 && is_caught(&likes, mutation);
        let statement = &body[place];
        (!caught).then(|| format!("{name}, {mutation:?} at {place}: {statement:?}"))
    });
    Outcome { count, missed: missed.collect() }
}

/// Tries every mutation of an attention kernel on problems that differ in their lengths, with normal
/// inputs and such whose scores grow.
pub fn mutate_attention(
    problems: &[Problem],
    config: impl Into<Config>,
    gpu: &Gpu,
    seeds: u64,
) -> Outcome {
    let config = config.into();
    let (kernel, _) = kernel(&problems[0], config, gpu);
    // Blackwell's blocks read the answers to their requests for work where the next ones come.
    let unfenced_write_after_read = matches!(config, Config::Blackwell(_));
    let lints = Lints { unfenced_write_after_read, ..LINTS };
    // Problems in turn: most mutations show on the first of them.
    let seeds = 0..seeds;
    let trials = seeds.flat_map(|seed| problems.iter().map(move |problem| (*problem, seed)));
    let trials: Vec<(Case, Options)> = trials
        .map(|(problem, seed)| {
            let inputs = match seed % 2 {
                0 => Inputs::random(&problem, Values::Normal, seed),
                _ => growing(&problem, seed),
            };
            let case = Case::new(&problem, inputs).expect("inputs are drawn for the problem");
            (case, Options { seed, jobs: 1, lints, ..Options::default() })
        })
        .collect();
    let name = format!("{config}, {:?}", problems[0].mask);
    mutate(&name, &kernel.module, trials.len(), |module, trial| {
        let (case, options) = &trials[trial];
        run(case, &kernel, module, options.clone())
    })
}

/// Prints how many mutations are caught.
///
/// # Panics
///
/// Where not all are.
pub fn conclude(outcomes: impl IntoIterator<Item = Outcome>) {
    let (mut count, mut missed) = (0, Vec::new());
    for outcome in outcomes {
        count += outcome.count;
        missed.extend(outcome.missed);
    }
    println!("{} of {count} mutations are caught", count - missed.len());
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Where the likes of a wait or a fence are, itself among them: waits at mbarriers of the same ring,
/// fences of `wgmma`, and those of tensor memory in the same direction.
fn likes(body: &[Statement], place: usize) -> Vec<usize> {
    let kind = |statement: &Statement| match statement {
        Statement::Instruction(instruction) => match instruction.mnemonic.opcode() {
            Opcode::WgmmaFence | Opcode::Tcgen05Fence => {
                Some((instruction.mnemonic.to_string(), None))
            }
            Opcode::MbarrierTryWait => match &instruction.operands[1] {
                Operand::Address(address) => Some((String::new(), Some(address.offset))),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let own = kind(&body[place]);
    let is_like = |at: &usize| own.is_some() && kind(&body[*at]) == own;
    (0..body.len()).filter(is_like).collect()
}

fn mutations(instruction: &Instruction) -> Vec<Mutation> {
    match instruction.mnemonic.opcode() {
        Opcode::BarSync
        | Opcode::BarArrive
        | Opcode::BarrierClusterArrive
        | Opcode::BarrierClusterWait
        | Opcode::Fence
        | Opcode::CpAsyncCommitGroup
        | Opcode::CpAsyncWaitGroup
        | Opcode::CpAsyncWaitAll
        | Opcode::WgmmaFence
        | Opcode::WgmmaCommitGroup
        | Opcode::WgmmaWaitGroup
        | Opcode::CpAsyncBulkCommitGroup
        | Opcode::CpAsyncBulkWaitGroup
        | Opcode::Tcgen05Dealloc
        | Opcode::Tcgen05Fence
        | Opcode::Tcgen05Wait
        | Opcode::Tcgen05Commit => vec![Mutation::Remove(1)],
        Opcode::MbarrierTryWait => vec![Mutation::Remove(2)],
        Opcode::MbarrierInit => vec![Mutation::Change(1, 1), Mutation::Change(1, -1)],
        Opcode::MbarrierArrive => match instruction.operands.len() {
            // With expected bytes.
            3 => vec![Mutation::Remove(1), Mutation::Change(2, 16), Mutation::Change(2, -16)],
            _ => vec![Mutation::Remove(1)],
        },
        _ => Vec::new(),
    }
}

fn body(module: &mut tree::Module) -> &mut Vec<Statement> {
    let function = module.items.iter_mut().find_map(|item| match item {
        Item::Function(function) => function.body.as_mut(),
        _ => None,
    });
    function.expect("the kernel has a body")
}

/// The kernel with a mutation of the statements at `places`, in order; none where that is no kernel.
fn mutant(kernel: &tree::Module, places: &[usize], mutation: Mutation) -> Option<tree::Module> {
    let mut module = kernel.clone();
    let body = body(&mut module);
    match mutation {
        Mutation::Remove(count) => {
            for &place in places.iter().rev() {
                body.drain(place..place + count);
            }
        }
        Mutation::Change(operand, by) => {
            let Statement::Instruction(instruction) = &mut body[places[0]] else { return None };
            let Operand::Literal(Literal::Integer(count)) = &mut instruction.operands[operand]
            else {
                return None;
            };
            *count += by;
            if *count == 0 {
                return None;
            }
        }
    }
    Some(module)
}
