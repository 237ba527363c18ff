use std::fmt::Display;
use std::path::Path;

use tilewright::device::{self, GpuInfo};
use tilewright::gpu::Gpu;
use tilewright::ptxas::{Error, Nvdisasm, Ptxas};
use tilewright_codegen::published::{Row, Status};
use tilewright_tuning::table;

use crate::arguments::Doctor;
use crate::say::say;
use crate::{Ending, Outcome};

/// Prints what this machine has.
pub(crate) fn run(arguments: &Doctor) -> Outcome {
    line("autotune", env!("CARGO_PKG_VERSION"));
    gpus();
    let ptxas = Ptxas::find().and_then(|tool| with_path(tool.version()?, tool.path()));
    line("ptxas", ptxas.unwrap_or_else(|error| error.to_string()));
    let nvdisasm = Nvdisasm::find().and_then(|tool| with_path(tool.version()?, tool.path()));
    line("nvdisasm", nvdisasm.unwrap_or_else(|error| error.to_string()));
    tables(&arguments.out);
    Ok(Ending::Success)
}

fn line(what: impl Display, found: impl Display) {
    say!("{what:<12}  {found}");
}

fn with_path(version: String, path: &Path) -> Result<String, Error> {
    Ok(format!("{version} at {}", path.display()))
}

fn gpus() {
    match device::driver_version() {
        Ok((major, minor)) => line("driver", format!("CUDA {major}.{minor}")),
        Err(error) => return line("driver", error),
    }
    match device::gpus() {
        Ok(gpus) if gpus.is_empty() => line("GPUs", "none"),
        Ok(gpus) => gpus.iter().for_each(gpu),
        Err(error) => line("GPUs", error),
    }
}

fn gpu(gpu: &GpuInfo) {
    let (major, minor) = gpu.compute_capability;
    let GpuInfo { ordinal, name, multiprocessors, memory_bytes, .. } = gpu;
    let memory = memory_bytes >> 30;
    line(
        format!("cuda:{ordinal}"),
        format!("{name}, sm_{major}{minor}, {multiprocessors} multiprocessors, {memory} GiB"),
    );
}

fn tables(results: &Path) {
    let mut found = false;
    for gpu in Gpu::all() {
        let path = table::path(results, gpu);
        if !path.exists() {
            continue;
        }
        found = true;
        match table::read(&path) {
            Ok((rows, damages)) => {
                line("table", format!("{}: {}", path.display(), state(&rows, gpu)));
                damages.iter().for_each(|damage| line("", format!("damaged: {damage}")));
            }
            Err(error) => line("table", error),
        }
    }
    if !found {
        line("tables", format!("none in {}", results.display()));
    }
}

/// A table in a few words.
fn state(rows: &[Row], gpu: &Gpu) -> String {
    let right = rows.iter().filter(|row| row.status == Status::Ok).count();
    let mut problems: Vec<_> = rows.iter().map(|row| (row.problem(), row.origin)).collect();
    problems.dedup();
    let mut sources: Vec<String> =
        rows.iter().map(|row| format!("{} by {}", row.origin, row.source)).collect();
    sources.sort();
    sources.dedup();
    let mut state = format!(
        "{} rows of {} problems, {right} of them right; {}",
        rows.len(),
        problems.len(),
        if sources.is_empty() { "no times".to_owned() } else { sources.join(", ") }
    );
    let stale = rows.iter().filter(|row| is_stale(row, gpu)).count();
    if stale > 0 {
        state += &format!("; {stale} are of kernels that this build emits otherwise: tune again");
    }
    state
}

/// Whether the kernel of a row is no longer the one that was tuned.
fn is_stale(row: &Row, gpu: &Gpu) -> bool {
    let Ok(config) = row.config.parse() else { return true };
    let emitted = tilewright_tuning::emit(&row.problem(), &config, gpu);
    emitted.map_or(true, |emitted| emitted.hash() != row.ptx_hash)
}
