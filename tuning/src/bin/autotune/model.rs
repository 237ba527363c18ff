use tilewright_tuning::model::compare::{Summary, comparisons};
use tilewright_tuning::model::{Analytic, Model};
use tilewright_tuning::report;

use crate::{Ending, Outcome};

/// Prints what the model says of kernels that were measured.
pub(crate) fn run() -> Outcome {
    let all = comparisons(&Analytic);
    println!("{}", report::comparisons(&all));
    println!("TFLOPs/s of {}; measured by others:", Analytic.version());
    let mut sources: Vec<&str> = all.iter().map(|one| one.source.as_str()).collect();
    sources.dedup();
    sources.iter().for_each(|source| println!("  {source}"));
    let mut gpus: Vec<&str> = all.iter().map(|one| one.gpu.name).collect();
    gpus.dedup();
    for gpu in gpus {
        println!("{gpu}: {}", Summary::of(all.iter().filter(|one| one.gpu.name == gpu)));
    }
    println!("all: {}", Summary::of(&all));
    Ok(Ending::Success)
}
