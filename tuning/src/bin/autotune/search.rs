use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use tilewright::device::{self, Cuda, Device, DeviceName};
use tilewright::gpu::Gpu;
use tilewright_codegen::published::{Damage, Row, Status};
use tilewright_tuning::evaluate::Evaluator;
use tilewright_tuning::measure::{self, MeasureError, measure};
use tilewright_tuning::model::{Analytic, Model};
use tilewright_tuning::table;
use tilewright_tuning::tools::Tools;
use tilewright_tuning::tune::{Found, Task, describe, open_journal, plan, search};
use tilewright_tuning::{prepare_folder, report};

use crate::arguments::Tune;
use crate::say::{complain, say};
use crate::{Ending, Outcome};

/// Cases that a kernel is executed on.
const CASES: u64 = 3;

/// Candidates of a problem that are timed, where there is a GPU.
const MEASURED: usize = 8;

/// Rows of a ranking that are printed.
const PRINTED: usize = 5;

/// Tunes every problem asked for, prints the rankings and writes the table.
pub(crate) fn run(arguments: &Tune) -> Outcome {
    let gpu = arguments.target.gpu();
    let tools = Tools::find();
    let evaluator = Evaluator {
        gpu,
        model: &Analytic,
        tools: &tools,
        seeds: (0..CASES).map(|case| arguments.seed.wrapping_add(case)).collect(),
    };
    let device = device(arguments.device, gpu)?;
    prepare_folder(&arguments.out)?;
    let path = table::path(&arguments.out, gpu);
    let (old, damages) = table::read(&path)?;
    warn(&path, &damages);
    let tasks = plan(&arguments.problems(), &evaluator, arguments.top.get())?;
    let (journal, damages) = open_journal(&path)?;
    warn(&path.with_extension("journal"), &damages);

    introduce(gpu, &tools, &tasks);
    let bar = progress(tasks.iter().map(|task| task.candidates().len()).sum());
    let jobs = arguments.jobs.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build()?;
    let done = |row: &Row| {
        bar.set_message(row.config.clone());
        bar.inc(1);
    };
    let found = pool.install(|| search(&tasks, &evaluator, &journal, &done))?;
    bar.finish_and_clear();

    conclude(&tasks, &found);
    let measured = device
        .map_or(Ok(Vec::new()), |device| measured(device, gpu, &tasks, &found, &evaluator.seeds));
    let measured = measured.unwrap_or_else(|error| {
        // What was modelled is still worth keeping.
        complain!("warning: nothing was measured: {error}");
        Vec::new()
    });
    let rows: Vec<Row> = found.rows.into_iter().chain(measured).flatten().collect();
    let right = rows.iter().filter(|row| row.status == Status::Ok).count();
    let (count, merged) = (rows.len(), table::merge(old, rows));
    table::write(&path, &merged)?;
    journal.remove()?;
    say!("wrote {}: {right} of {count} kernels are right", path.display());
    Ok(if right == count { Ending::Success } else { Ending::Wrong })
}

fn warn(path: &Path, damages: &[Damage]) {
    for damage in damages {
        complain!("warning: {}, {damage}; left out", path.display());
    }
}

/// A bar where a person is looking.
fn progress(length: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} kernels, {eta} left  {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length as u64).with_style(style)
}

/// Says what is searched, and what cannot be built and why.
fn introduce(gpu: &Gpu, tools: &Tools, tasks: &[Task]) {
    say!("{} ({}), {tools}", gpu.title, gpu.target);
    say!("times are modelled by {}", Analytic.version());
    for task in tasks {
        let Task { problem, space, .. } = task;
        let refused = space.examined - space.candidates.len() - space.needless;
        say!(
            "\n{}: {} configurations; {refused} cannot be built, {} give something up for nothing, {} \
             of the other {} are tried",
            describe(problem),
            space.examined,
            space.needless,
            task.candidates().len(),
            space.candidates.len(),
        );
        say!("{}", report::refusals(space));
    }
}

/// Measures the best candidates, and prints what came out.
fn measured(
    mut device: Cuda,
    gpu: &Gpu,
    tasks: &[Task],
    found: &Found,
    seeds: &[u64],
) -> Result<Vec<Vec<Row>>, MeasureError> {
    let mut all = Vec::new();
    for (task, ranking) in tasks.iter().zip(&found.rows) {
        let rows = measure(&mut device, gpu, &task.problem, ranking, MEASURED, seeds)?;
        say!("\n{}, measured on {}", describe(&task.problem), device.description());
        say!("{}", report::ranking(&rows, PRINTED));
        all.push(rows);
    }
    Ok(all)
}

/// The GPU to measure on: the one asked for, or else the first that is the one tuned for.
fn device(asked: Option<DeviceName>, gpu: &Gpu) -> Result<Option<Cuda>, device::Error> {
    let ordinal = match asked {
        Some(DeviceName::Simulator) => None,
        Some(DeviceName::Cuda(ordinal)) => Some(ordinal),
        None => {
            let known = device::gpus().unwrap_or_default();
            known.iter().find(|info| measure::is(info, gpu)).map(|info| info.ordinal)
        }
    };
    ordinal.map(Cuda::open).transpose()
}

/// Prints the rankings.
fn conclude(tasks: &[Task], found: &Found) {
    for (task, rows) in tasks.iter().zip(&found.rows) {
        say!("\n{}", describe(&task.problem));
        say!("{}", report::ranking(rows, PRINTED));
    }
    if found.resumed > 0 {
        say!("{} of them were found by a run that was interrupted", found.resumed);
    }
}
