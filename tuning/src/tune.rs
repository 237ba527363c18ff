//! The search: explore the space of each problem, evaluate the promising candidates, rank.

use std::path::Path;

use rayon::prelude::*;
use tilewright::attention::{ConfigError, Problem};
use tilewright_codegen::published::{Damage, Row, rank};

use crate::evaluate::Evaluator;
use crate::journal::Journal;
use crate::paths::FileError;
use crate::space::{Candidate, Space, explore};

/// What goes wrong with a whole run.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// No kernel can be built for a problem.
    #[error("no kernel for {problem}: {source}", problem = describe(problem))]
    Problem {
        /// The problem.
        problem: Problem,
        /// The rule that it breaks.
        source: ConfigError,
    },
    /// None of the configurations that were looked at can be built for a problem.
    #[error(
        "no configuration fits {problem}; the largest group ({count}) lacks {rule}: {example}",
        problem = describe(problem)
    )]
    Empty {
        /// The problem.
        problem: Problem,
        /// The rule that most configurations break.
        rule: &'static str,
        /// How many do.
        count: usize,
        /// What the rule says to the first of them.
        example: String,
    },
    /// A file could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A problem and the candidates for it.
#[derive(Debug)]
pub struct Task {
    /// The problem.
    pub problem: Problem,
    /// All of its space.
    pub space: Space,
    /// How many of the candidates are evaluated, from the first.
    pub shortlist: usize,
}

impl Task {
    /// The candidates that are evaluated.
    pub fn candidates(&self) -> &[Candidate] {
        &self.space.candidates[..self.shortlist]
    }
}

/// Explores the spaces of `problems`; of each, the `top` candidates that the model finds fastest
/// are to be evaluated.
///
/// # Errors
/// Where a problem has no candidates.
pub fn plan(
    problems: &[Problem],
    evaluator: &Evaluator<'_>,
    top: usize,
) -> Result<Vec<Task>, TuneError> {
    problems.iter().map(|problem| task(problem, evaluator, top)).collect()
}

fn task(problem: &Problem, evaluator: &Evaluator<'_>, top: usize) -> Result<Task, TuneError> {
    let problem = *problem;
    let space = explore(&problem, evaluator.gpu, evaluator.model)
        .map_err(|source| TuneError::Problem { problem, source })?;
    let shortlist = space.candidates.len().min(top);
    match space.refusals.first() {
        Some(refusal) if shortlist == 0 => Err(TuneError::Empty {
            problem,
            rule: refusal.rule,
            count: refusal.count,
            example: format!("{}: {}", refusal.example, refusal.error),
        }),
        _ => Ok(Task { problem, space, shortlist }),
    }
}

/// What a run has found.
#[derive(Debug)]
pub struct Found {
    /// For each task the rows of its candidates, best first ([`rank`]).
    pub rows: Vec<Vec<Row>>,
    /// How many rows an earlier run had left in the journal.
    pub resumed: usize,
}

/// Evaluates every candidate of `tasks`, in parallel; `done` hears of each.
///
/// # Errors
/// Where the journal cannot be written.
pub fn search(
    tasks: &[Task],
    evaluator: &Evaluator<'_>,
    journal: &Journal,
    done: &(dyn Fn(&Row) + Sync),
) -> Result<Found, TuneError> {
    let work: Vec<(usize, &Task, &Candidate)> = tasks
        .iter()
        .enumerate()
        .flat_map(|(index, task)| task.candidates().iter().map(move |c| (index, task, c)))
        .collect();
    let evaluated: Vec<(usize, Row, bool)> = work
        .par_iter()
        // One at a time: candidates differ much in how long they take.
        .with_max_len(1)
        .map(|&(index, task, candidate)| {
            let (row, resumed) = row(&task.problem, candidate, evaluator, journal)?;
            done(&row);
            Ok((index, row, resumed))
        })
        .collect::<Result<_, TuneError>>()?;
    let resumed = evaluated.iter().filter(|(_, _, resumed)| *resumed).count();
    let mut rows = vec![Vec::new(); tasks.len()];
    for (index, row, _) in evaluated {
        rows[index].push(row);
    }
    rows.iter_mut().for_each(|rows| rows.sort_by(rank));
    Ok(Found { rows, resumed })
}

/// The row of a candidate, and whether the journal had it.
fn row(
    problem: &Problem,
    candidate: &Candidate,
    evaluator: &Evaluator<'_>,
    journal: &Journal,
) -> Result<(Row, bool), TuneError> {
    let emitted = match evaluator.emit(problem, candidate) {
        Ok(emitted) => emitted,
        Err(error) => return Ok((evaluator.failed(problem, candidate, &error), false)),
    };
    let key = evaluator.key(problem, &emitted);
    if let Some(row) = journal.get(&key).filter(|row| row.config == candidate.config.to_string()) {
        return Ok((row.clone(), true));
    }
    let row = evaluator.evaluate(problem, candidate, &emitted);
    journal.add(&key, &row)?;
    Ok((row, false))
}

/// Opens the journal of a run whose table is at `table`.
///
/// # Errors
/// Where it cannot be read or written.
pub fn open_journal(table: &Path) -> Result<(Journal, Vec<Damage>), FileError> {
    Journal::open(&table.with_extension("journal"))
}

/// A problem in a few words.
pub fn describe(problem: &Problem) -> String {
    let Problem { dtype, head_dim, head_dim_v, batch, heads, kv_heads, .. } = problem;
    let Problem { seqlen_q, seqlen_kv, mask, .. } = problem;
    let dims = if head_dim == head_dim_v {
        head_dim.to_string()
    } else {
        format!("{head_dim},{head_dim_v}")
    };
    let heads = if heads == kv_heads { heads.to_string() } else { format!("{heads}/{kv_heads}") };
    let lengths = if seqlen_q == seqlen_kv {
        seqlen_q.to_string()
    } else {
        format!("{seqlen_q}×{seqlen_kv}")
    };
    format!("{dtype}, head dimension {dims}, {mask}, batch {batch}, {heads} heads, {lengths} long")
}
