use std::path::Path;

use tilewright::attention::{Config, FieldError, Problem};
use tilewright::case::Case;
use tilewright::device::{Module, Simulator};
use tilewright::gpu::Gpu;
use tilewright::launch_file::Launch;
use tilewright::reference::Values;
use tilewright::sim::Options;
use tilewright_codegen::published;
use tilewright_tuning::tune::describe;
use tilewright_tuning::{Emitted, LAUNCH_FILE, write};

use crate::arguments::{Emit, Kernel, Verify};
use crate::say::say;
use crate::tile::Tile;
use crate::{Ending, Outcome};

/// Writes a kernel and a complete check of it.
pub(crate) fn emit(arguments: &Emit) -> Outcome {
    let (emitted, case) = prepare(&arguments.kernel)?;
    write(&arguments.out, &emitted, &case)?;
    say!(
        "wrote {}; check it with: ptxsim run {}",
        arguments.out.display(),
        arguments.out.join(LAUNCH_FILE).display()
    );
    Ok(Ending::Success)
}

/// Writes a kernel and a check of it to a folder that does not stay, and runs the check.
pub(crate) fn verify(arguments: &Verify) -> Outcome {
    let (emitted, case) = prepare(&arguments.kernel)?;
    let folder = tempfile::tempdir()?;
    write(folder.path(), &emitted, &case)?;
    let jobs = arguments.jobs.map_or(0, usize::from);
    let options = Options { seed: arguments.kernel.seed, jobs, ..Options::default() };
    simulate(&folder.path().join(LAUNCH_FILE), options)
}

/// Runs a launch file, all of it read back from disk.
fn simulate(launch_file: &Path, options: Options) -> Outcome {
    let launch = Launch::read(launch_file)?;
    let module = Module::parse(launch.ptx.as_str())?;
    let mut simulator = Simulator::new(options);
    let placed = launch.place(&mut simulator, &module)?;
    let found = match launch.run(&mut simulator, &placed) {
        Ok(found) => found,
        Err(error) if error.is_kernel_fault() => {
            say!("fault: {error}");
            return Ok(Ending::Fault);
        }
        Err(error) => return Err(error.into()),
    };
    let mut ending = Ending::Success;
    for (buffer, comparison) in launch.compare(&found) {
        say!("{}: {comparison}", launch.buffers[buffer].name);
        if !comparison.matches() {
            ending = Ending::Wrong;
        }
    }
    Ok(ending)
}

fn prepare(arguments: &Kernel) -> Result<(Emitted, Case), Box<dyn std::error::Error>> {
    let (problem, gpu) = (arguments.problem(), arguments.target.gpu());
    problem.check()?;
    let (config, origin) = config(&arguments.tile, &problem, gpu)?;
    let emitted = tilewright_tuning::emit(&problem, &config, gpu)?;
    say!("{}, for {}: {config} ({origin})", describe(&problem), gpu.title);
    Ok((emitted, Case::random(&problem, Values::Normal, arguments.seed)?))
}

/// The configuration asked for, and where it is from.
fn config(tile: &Tile, problem: &Problem, gpu: &Gpu) -> Result<(Config, String), FieldError> {
    let rows = published::rows(gpu);
    let tuned = published::nearest(&rows, gpu, problem);
    let tuned = tuned.and_then(|row| Some((row.config.parse().ok()?, row)));
    let (base, origin): (Config, String) = match (tile.config, tuned) {
        (Some(config), _) => (config, "as asked for".to_owned()),
        (None, Some((config, row))) => (config, format!("tuned, {} by {}", row.origin, row.source)),
        (None, None) => (Config::default_for(problem, gpu), "nothing was tuned".to_owned()),
    };
    let mut config = base;
    tile.changes.0.iter().try_for_each(|(field, value)| config.set(field, value))?;
    Ok(match config == base {
        true => (config, origin),
        false => (config, format!("{base} changed as asked for")),
    })
}
