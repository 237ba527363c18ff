use rayon::prelude::*;
use tilewright::attention::hopper::Config;
use tilewright::attention::{DataType, Mask, Problem};
use tilewright::device::Module;
use tilewright::ptx::tree::{Instruction, Item, Literal, Operand, Statement};
use tilewright::ptx::{Opcode, tree};
use tilewright::reference::{Inputs, Values};
use tilewright::sim::{Lints, Options};
use tilewright_tests::attention::{growing, kernel, problem, run, small_hopper};
use tilewright_tests::run::reread;

/// Seeds that a mutant is run with.
const SEEDS: std::ops::Range<u64> = 0..4;

/// A change of a kernel that makes it wrong.
#[derive(Clone, Copy, Debug)]
enum Mutation {
    /// Statements are removed: a wait goes with the branch that repeats it.
    Remove(usize),
    /// A count, the operand of this number, is changed by so much.
    Change(usize, i128),
}

/// Where the likes of a wait or a fence are, itself among them: those at mbarriers of the same ring,
/// and all fences of products.
fn likes(body: &[Statement], place: usize) -> Vec<usize> {
    let kind = |statement: &Statement| match statement {
        Statement::Instruction(instruction) => match instruction.mnemonic.opcode() {
            Opcode::WgmmaFence => Some(None),
            Opcode::MbarrierTryWait => match &instruction.operands[1] {
                Operand::Address(address) => Some(Some(address.offset)),
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
        | Opcode::WgmmaFence
        | Opcode::WgmmaCommitGroup
        | Opcode::WgmmaWaitGroup
        | Opcode::CpAsyncBulkCommitGroup
        | Opcode::CpAsyncBulkWaitGroup => vec![Mutation::Remove(1)],
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

/// Tries every mutation in turn, on problems that differ in their lengths; returns how many there
/// are, and what was said of those that nobody noticed. One wait or fence of several may be implied
/// by the others, but not all of them by what is left.
fn check(problems: &[Problem], config: &Config) -> (usize, Vec<String>) {
    let gpu = &small_hopper();
    let (kernel, whole) = kernel(&problems[0], *config, gpu);
    let run = |module: &Module, problem: &Problem, seed: u64| {
        let inputs = match seed % 2 {
            0 => Inputs::random(problem, Values::Normal, seed),
            _ => growing(problem, seed),
        };
        let lints = Lints {
            exit_before_bulk_reads: true,
            unfenced_product_after_read: true,
            ..Lints::default()
        };
        let options = Options { seed, jobs: 1, lints, ..Options::default() };
        run(problem, &kernel, module, &inputs, options)
    };
    for (problem, seed) in problems.iter().flat_map(|p| SEEDS.map(move |seed| (p, seed))) {
        run(&whole, problem, seed).unwrap_or_else(|error| panic!("{config}, whole: {error}"));
    }
    let mut module = kernel.module.clone();
    let body = body(&mut module);
    let mut all = Vec::new();
    for (place, statement) in body.iter().enumerate() {
        let Statement::Instruction(instruction) = statement else { continue };
        all.extend(mutations(instruction).into_iter().map(|mutation| (place, mutation)));
    }
    all.retain(|(place, mutation)| mutant(&kernel.module, &[*place], *mutation).is_some());
    let is_caught = |places: &[usize], mutation| {
        let module = reread(mutant(&kernel.module, places, mutation).expect("it was tried"));
        let mut runs = problems.iter().flat_map(|p| SEEDS.map(move |seed| (p, seed)));
        runs.any(|(problem, seed)| run(&module, problem, seed).is_err())
    };
    let count = all.len();
    let missed = all.into_par_iter().filter_map(|(place, mutation)| {
        let likes = likes(body, place);
        let caught =
            is_caught(&[place], mutation) || likes.len() > 1 && is_caught(&likes, mutation);
        let statement = &body[place];
        let mask = problems[0].mask;
        (!caught).then(|| format!("{config}, {mask:?}, {mutation:?}: {statement:?}"))
    });
    (count, missed.collect())
}

#[test]
fn no_fence_wait_arrival_or_count_can_be_wrong_unnoticed() {
    use DataType::{Bf16, E4m3};
    let cases = [
        (Bf16, Mask::Causal, "m64n32s2ovpelfslrs"),
        (Bf16, Mask::Window { left: 150, right: 5 }, "m64n32s2ovpesl"),
        (Bf16, Mask::Full, "m64n32s2pesl"),
        (Bf16, Mask::Full, "m64n32s2peslrs"),
        (Bf16, Mask::Full, "m64n32s2ovpspesl"),
        (Bf16, Mask::Causal, "m128n32s2ovpppeslrs"),
        (Bf16, Mask::Full, "m64n32s2ovc2peslrs"),
        (Bf16, Mask::Causal, "m64n32s2ovqrdopeslrs"),
        (E4m3, Mask::Full, "m64n32s2ovpeslrs"),
    ];
    let results: Vec<_> = cases
        .par_iter()
        .map(|(dtype, mask, config)| {
            // Many key tiles, and one: what follows a tile may be the next, or the end.
            let problems = [(150, 230), (150, 64), (150, 20)]
                .map(|lengths| Problem { heads: 3, ..problem(*dtype, (64, 64), lengths, *mask) });
            check(&problems, &config.parse().unwrap())
        })
        .collect();
    let total: usize = results.iter().map(|(count, _)| count).sum();
    let missed: Vec<_> = results.into_iter().flat_map(|(_, missed)| missed).collect();
    println!("{} of {total} mutations are caught", total - missed.len());
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
