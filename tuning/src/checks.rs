//! The cases that a kernel is executed on before its row counts.

use tilewright::attention::{Config, Mask, Problem};
use tilewright::case::{Case, Outcome};
use tilewright::device::{self, Device, Simulator};
use tilewright::reference::Values;
use tilewright::sim::Options;

use crate::emit::Emitted;

/// What the simulator found.
#[derive(Debug)]
pub enum Verdict {
    /// Every output of every case was right; the largest error of any.
    Right {
        /// Of the attention output.
        max_error: f64,
    },
    /// An output was not.
    Wrong {
        /// Of the attention output, in that case.
        max_error: f64,
        /// Which output of which problem, and how it differs.
        reason: String,
    },
    /// The kernel is at fault, or could not be executed.
    Failed {
        /// What the simulator reported.
        reason: String,
    },
}

/// Executes a kernel on the simulator, on small problems of the kind of `problem`, one for each
/// seed, until one is not right. Outputs hold NaN beforehand; races and reads of what nothing wrote
/// are looked for.
pub fn check(problem: &Problem, config: &Config, emitted: &Emitted, seeds: &[u64]) -> Verdict {
    let mut run = |case: &Case, seed| {
        let options = Options { seed, jobs: 1, ..Options::default() };
        case.run(&mut Simulator::new(options), &emitted.kernel, &emitted.module)
    };
    check_by(&mut run, problem, config, seeds)
}

/// As [`check`], but on `device`.
pub fn check_on(
    device: &mut dyn Device,
    problem: &Problem,
    config: &Config,
    emitted: &Emitted,
    seeds: &[u64],
) -> Verdict {
    let mut run = |case: &Case, _| case.run(device, &emitted.kernel, &emitted.module);
    check_by(&mut run, problem, config, seeds)
}

/// Runs a case; the number is its seed.
type Run<'r> = &'r mut dyn FnMut(&Case, u64) -> Result<Outcome, device::Error>;

fn check_by(run: Run<'_>, problem: &Problem, config: &Config, seeds: &[u64]) -> Verdict {
    let mut largest = 0f64;
    for (index, &seed) in seeds.iter().enumerate() {
        let small = small_problem(problem, config, index);
        let values = if index % 2 == 0 { Values::Normal } else { Values::Outliers };
        let case = Case::random(&small, values, seed).expect("small problems are small");
        let outcome = match run(&case, seed) {
            Ok(outcome) => outcome,
            Err(error) => return Verdict::Failed { reason: one_line(&error.to_string()) },
        };
        let max_error = outcome.largest_error();
        if let Some((name, comparison)) = outcome.mismatch() {
            let Problem { seqlen_q, seqlen_kv, .. } = small;
            let reason =
                format!("{name} of {seqlen_q} × {seqlen_kv} rows, seed {seed}: {comparison}");
            return Verdict::Wrong { max_error, reason: one_line(&reason) };
        }
        largest = largest.max(max_error);
    }
    Verdict::Right { max_error: largest }
}

/// A small problem of the kind of `problem`: same type, head dimensions, mask and sharing of heads.
///
/// The first goes through every stage of the pipeline and once more, with tiles that end early. In
/// the second there are fewer keys than queries, so that a causal mask leaves rows without any; in
/// the third one query has many keys. They then repeat, with other data.
fn small_problem(problem: &Problem, config: &Config, index: usize) -> Problem {
    let (tile_m, tile_n, stages) = (config.tile_m(), config.tile_n(), config.stages());
    let (batch, kv_heads, seqlen_q, seqlen_kv) = match index % 3 {
        0 => (1, 1, tile_m + 17, tile_n * (stages + 2) + 13),
        1 => (2, 2, tile_m / 2 + 3, tile_n / 2 + 5),
        _ => (1, 1, 1, tile_n * 3 + 1),
    };
    // Four query heads show whether heads are told apart; more only take time.
    let group = (problem.heads / problem.kv_heads).clamp(1, 4);
    let mask = match problem.mask {
        // A window as wide as the model's would hide nothing of a small problem.
        Mask::Window { left, right } => {
            Mask::Window { left: left.min(tile_n + tile_n / 2), right: right.min(tile_n / 2 + 1) }
        }
        mask => mask,
    };
    Problem { batch, kv_heads, heads: kv_heads * group, seqlen_q, seqlen_kv, mask, ..*problem }
}

/// A text for a cell of a table.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
