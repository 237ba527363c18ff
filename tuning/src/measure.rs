//! Times of the best candidates on the GPU itself.

use std::time::Duration;

use tilewright::attention::{Config, Problem};
use tilewright::case;
use tilewright::device::{self, BufferId, Device, Geometry, GpuInfo, KernelId, Timing};
use tilewright::gpu::Gpu;
use tilewright::reference::{Inputs, Values};
use tilewright_codegen::published::{Origin, Row, Status, rank};

use crate::checks::{self, Verdict, one_line};
use crate::emit::{EmitError, emit};
use crate::evaluate::significant;

/// How candidates are timed: each by itself first, with what the L2 cache holds displaced before
/// every sample.
const SCREENING: Timing = Timing { warmups: 3, samples: 15, launches: 1, cold: true };

/// The candidates that then run in turns, so that a clock that drifts is fair to all of them.
const FINALISTS: usize = 3;

/// A finalist's samples in one turn, and how many turns there are.
const TURN: Timing = Timing { warmups: 1, samples: 5, launches: 1, cold: true };
const TURNS: usize = 6;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The device failed.
    #[error(transparent)]
    Device(#[from] device::Error),
    /// A kernel that was emitted before could not be emitted again.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

/// Whether a GPU that the driver knows is `gpu`: the architecture is the same, and all parts of
/// the name, such as `a100` and `sxm`, are in the driver's.
pub fn is(info: &GpuInfo, gpu: &Gpu) -> bool {
    let (major, minor) = info.compute_capability;
    let letters = info.name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "");
    major * 10 + minor == u32::from(gpu.target.sm)
        && gpu.name.split('_').all(|part| letters.contains(part))
}

/// Times the first `count` rows of a ranking on `device`, which is `gpu`; returns a measured row
/// for each of them, the fastest first.
///
/// A kernel that gives other results than the reference there, or fails, gets a row that says so.
///
/// # Errors
/// Where the device cannot hold the problem.
pub fn measure(
    device: &mut dyn Device,
    gpu: &Gpu,
    problem: &Problem,
    ranking: &[Row],
    count: usize,
    seeds: &[u64],
) -> Result<Vec<Row>, MeasureError> {
    let source = device.description();
    let buffers = allocate(device, problem)?;
    let mut measured = Vec::new();
    let mut contestants = Vec::new();
    for row in ranking.iter().filter(|row| row.status == Status::Ok).take(count) {
        let Ok(config) = row.config.parse::<Config>() else { continue };
        let mut row = Row {
            origin: Origin::Measured,
            source: source.clone(),
            time_us: None,
            tflops: None,
            ..row.clone()
        };
        match contestant(device, gpu, problem, &config, &buffers, seeds)? {
            Ok((contestant, max_error)) => {
                row.max_error = Some(significant(max_error, 3));
                contestants.push((contestant, measured.len()));
            }
            Err((status, reason)) => (row.status, row.reason) = (status, reason),
        }
        measured.push(row);
    }
    for (time, index) in times(device, contestants)? {
        let time_us = time.as_secs_f64() * 1e6;
        measured[index].time_us = Some(significant(time_us, 5));
        measured[index].tflops = Some(significant(problem.flops() / time_us * 1e-6, 4));
    }
    measured.sort_by(rank);
    Ok(measured)
}

/// A kernel that is ready to be timed.
struct Contestant {
    kernel: KernelId,
    geometry: Geometry,
    buffers: Vec<BufferId>,
    arguments: Vec<device::Argument>,
}

impl Contestant {
    fn time(
        &self,
        device: &mut dyn Device,
        timing: &Timing,
    ) -> Result<Vec<Duration>, device::Error> {
        device.time(self.kernel, &self.geometry, &self.buffers, &self.arguments, timing)
    }
}

/// A contestant and its largest error, or what its kernel did wrong: its status, and why.
type Admission = Result<(Contestant, f64), (Status, String)>;

/// Emits, loads and checks a kernel.
fn contestant(
    device: &mut dyn Device,
    gpu: &Gpu,
    problem: &Problem,
    config: &Config,
    buffers: &[BufferId],
    seeds: &[u64],
) -> Result<Admission, MeasureError> {
    let emitted = emit(problem, config, gpu)?;
    let max_error = match checks::check_on(device, problem, config, &emitted, seeds) {
        Verdict::Right { max_error } => max_error,
        Verdict::Wrong { reason, .. } => return Ok(Err((Status::Wrong, reason))),
        Verdict::Failed { reason } => return Ok(Err((Status::Failed, reason))),
    };
    let kernel = match device.load(&emitted.module, Some(&emitted.kernel.entry)) {
        Ok(kernel) => kernel,
        Err(error) => return Ok(Err((Status::Failed, one_line(&error.to_string())))),
    };
    let contestant = Contestant {
        kernel,
        geometry: case::geometry(problem, &emitted.kernel),
        buffers: buffers.to_vec(),
        arguments: case::arguments(problem, problem.default_softmax_scale(), &emitted.kernel),
    };
    Ok(Ok((contestant, max_error)))
}

/// The median time of each contestant; the fastest of them again, in turns.
fn times(
    device: &mut dyn Device,
    contestants: Vec<(Contestant, usize)>,
) -> Result<Vec<(Duration, usize)>, device::Error> {
    let mut screened = Vec::new();
    for (contestant, index) in contestants {
        let time = median(contestant.time(device, &SCREENING)?);
        screened.push((time, index, contestant));
    }
    screened.sort_by_key(|(time, ..)| *time);
    let finalists = screened.len().min(FINALISTS);
    let mut samples = vec![Vec::new(); finalists];
    for _ in 0..TURNS {
        for (samples, (.., contestant)) in samples.iter_mut().zip(&screened) {
            samples.extend(contestant.time(device, &TURN)?);
        }
    }
    for (entry, samples) in screened.iter_mut().zip(samples) {
        entry.0 = median(samples);
    }
    Ok(screened.into_iter().map(|(time, index, _)| (time, index)).collect())
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples.get(samples.len() / 2).copied().unwrap_or(Duration::MAX)
}

/// Allocates the buffers of a problem; all contestants share them.
fn allocate(device: &mut dyn Device, problem: &Problem) -> Result<Vec<BufferId>, device::Error> {
    let inputs = Inputs::random(problem, Values::Normal, 0);
    let buffers = case::buffers(problem).into_iter();
    buffers.map(|buffer| device.allocate(buffer.name(), &buffer.contents(&inputs))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_known_by_the_parts_of_its_name() {
        let check = |name: &str, compute_capability, gpu, expected| {
            let info = GpuInfo {
                ordinal: 0,
                name: name.into(),
                compute_capability,
                multiprocessors: 108,
                memory_bytes: 80 << 30,
            };
            assert_eq!(is(&info, Gpu::named(gpu).unwrap()), expected, "{name} as {gpu}");
        };
        check("NVIDIA A100-SXM4-80GB", (8, 0), "a100_sxm", true);
        check("NVIDIA A100-SXM4-80GB", (8, 0), "a100_pcie", false);
        check("NVIDIA A100 80GB PCIe", (8, 0), "a100_pcie", true);
        check("NVIDIA GeForce RTX 3090", (8, 6), "rtx3090", true);
        check("NVIDIA GeForce RTX 3090", (8, 6), "rtx4090", false);
        check("NVIDIA RTX A4000", (8, 6), "rtx3090", false);
    }

    #[test]
    fn the_median_is_the_middle_sample() {
        let samples = [9, 1, 5].map(Duration::from_micros).to_vec();
        assert_eq!(median(samples), Duration::from_micros(5));
        assert_eq!(median(Vec::new()), Duration::MAX);
    }
}
