use std::collections::BTreeSet;

use tilewright_tuning::model::compare::{Summary, comparisons};
use tilewright_tuning::model::{Analytic, Model};
use tilewright_tuning::report;

use crate::say::say;
use crate::{Ending, Outcome};

/// Prints what the model says of kernels that were measured.
pub(crate) fn run() -> Outcome {
    let all = comparisons(&Analytic);
    say!("{}", report::comparisons(&all));
    say!("TFLOPs/s of {}; measured by others:", Analytic.version());
    let sources: BTreeSet<&str> = all.iter().map(|one| one.source.as_str()).collect();
    sources.iter().for_each(|source| say!("  {source}"));
    let mut gpus: Vec<&str> = all.iter().map(|one| one.gpu.name).collect();
    gpus.dedup();
    for gpu in gpus {
        say!("{gpu}: {}", Summary::of(all.iter().filter(|one| one.gpu.name == gpu)));
    }
    say!("all: {}", Summary::of(&all));
    Ok(Ending::Success)
}
