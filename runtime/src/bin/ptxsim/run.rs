//! `ptxsim run`.

use tilewright::device::{self, Device, DeviceName, Module, Timing};
use tilewright::launch_file::{Error, Launch};
use tilewright::ptx::Span;
use tilewright::sim::{Lints, Options};

use crate::report::{BufferReport, ErrorReport, Report};
use crate::{Outcome, RunOptions, complain, print, show};

/// Launches before the first that is timed.
const WARMUPS: u32 = 3;

pub(crate) fn run(options: &RunOptions) -> Outcome {
    let report = match attempt(options) {
        Ok(report) => report,
        Err(Failure { status, error }) => {
            Report { status, error: Some(error), ..Report::default() }
        }
    };
    if options.json {
        print(&report.json());
    } else {
        if let Some(error) = &report.error {
            complain(&error.shown);
        }
        print(&report.text());
    }
    report.outcome()
}

/// Why there is nothing to compare.
struct Failure {
    status: &'static str,
    error: ErrorReport,
}

impl Failure {
    fn unusable(error: ErrorReport) -> Failure {
        Failure { status: "unusable", error }
    }
}

fn attempt(options: &RunOptions) -> Result<Report, Failure> {
    if options.time.is_some() && options.device == DeviceName::Simulator {
        return Err(Failure::unusable(ErrorReport::plain(device::Error::NoClock)));
    }
    let launch = Launch::read(&options.launch).map_err(unusable_file)?;
    let module =
        Module::parse(launch.ptx.as_str()).map_err(|error| unusable_ptx(&launch, &error))?;
    let mut device = open(options).map_err(|error| device_failure(&launch, &error))?;
    let placed = launch.place(&mut *device, &module);
    let placed = placed.map_err(|error| device_failure(&launch, &error))?;
    let found = launch.run(&mut *device, &placed);
    let found = found.map_err(|error| device_failure(&launch, &error))?;
    if let Some(folder) = &options.out {
        launch.write(folder, &found).map_err(|error| {
            Failure::unusable(ErrorReport::plain(format!("{}: {error}", folder.display())))
        })?;
    }
    let compared = launch.compare(&found);
    let matches = compared.iter().all(|(_, comparison)| comparison.matches());
    let buffers = compared
        .iter()
        .map(|(index, comparison)| BufferReport::new(&launch.buffers[*index].name, comparison))
        .collect();
    let mut milliseconds = Vec::new();
    if let Some(samples) = options.time {
        let timing = Timing { warmups: WARMUPS, samples, launches: 1, cold: false };
        let (buffers, kernel) = (placed.buffers(), placed.kernel());
        let samples = device.time(kernel, &launch.geometry, buffers, &launch.arguments, &timing);
        let samples = samples.map_err(|error| device_failure(&launch, &error))?;
        milliseconds = samples.iter().map(|sample| sample.as_secs_f64() * 1e3).collect();
    }
    let status = if matches { "match" } else { "differ" };
    Ok(Report { status, device: Some(device.description()), buffers, milliseconds, error: None })
}

fn open(options: &RunOptions) -> Result<Box<dyn Device>, device::Error> {
    let mut lints = Lints::default();
    for name in &options.lints {
        lints.enable(name).expect("the command line takes the names of lints");
    }
    options.device.open(Options {
        seed: options.seed,
        hazards: !options.no_hazards,
        jobs: options.jobs,
        lints,
        ..Options::default()
    })
}

fn unusable_file(error: Error) -> Failure {
    let mut report = ErrorReport::plain(&error);
    if let Error::Json { line, column, .. } = error {
        report.line = u32::try_from(line).ok();
        report.column = u32::try_from(column).ok();
    }
    Failure::unusable(report)
}

fn unusable_ptx(launch: &Launch, error: &device::PtxError) -> Failure {
    let problems = error.problems();
    let first = problems.first();
    Failure::unusable(ErrorReport {
        message: error.to_string(),
        line: first.map(|(span, _)| span.line),
        column: first.map(|(span, _)| span.column),
        shown: show::problems(&launch.ptx_path, &launch.ptx, &problems),
        ..ErrorReport::default()
    })
}

fn device_failure(launch: &Launch, error: &device::Error) -> Failure {
    let status = if error.is_kernel_fault() { "fault" } else { "unusable" };
    let message = error.to_string();
    let Some(line) = error.line() else {
        return Failure { status, error: ErrorReport::plain(message) };
    };
    let site = match error {
        device::Error::Fault(fault) => fault.site.as_ref(),
        _ => None,
    };
    let error = ErrorReport {
        line: Some(line),
        column: None,
        block: site.map(|site| site.block),
        warp: site.map(|site| site.warp),
        lanes: site.map(|site| site.lanes),
        shown: show::excerpt(&launch.ptx_path, &launch.ptx, Span { line, column: 0 }, &message),
        message,
    };
    Failure { status, error }
}
