//! Measured rows, on a device that executes kernels like the simulator and has a clock of its own.

use std::collections::HashMap;
use std::time::Duration;

use tilewright::attention::{DataType, Mask, Problem};
use tilewright::device::{
    Argument, BufferId, Contents, Device, Error, Geometry, KernelId, Module, Simulator, Timing,
};
use tilewright::gpu::Gpu;
use tilewright_codegen::published::{Origin, Row, Status};
use tilewright_tuning::evaluate::Evaluator;
use tilewright_tuning::measure::measure;
use tilewright_tuning::model::Analytic;
use tilewright_tuning::space::explore;
use tilewright_tuning::tools::Tools;

/// A simulator whose kernels take longer the less shared memory they have.
#[derive(Default)]
struct Clocked {
    simulator: Simulator,
    /// Samples taken of each kernel.
    samples: HashMap<KernelId, u32>,
}

impl Device for Clocked {
    fn description(&self) -> String {
        "a clock".into()
    }

    fn allocate(&mut self, name: &str, contents: &Contents) -> Result<BufferId, Error> {
        self.simulator.allocate(name, contents)
    }

    fn read(&mut self, buffer: BufferId) -> Result<Vec<u8>, Error> {
        self.simulator.read(buffer)
    }

    fn load(&mut self, module: &Module, entry: Option<&str>) -> Result<KernelId, Error> {
        self.simulator.load(module, entry)
    }

    fn launch(
        &mut self,
        kernel: KernelId,
        geometry: &Geometry,
        buffers: &[BufferId],
        arguments: &[Argument],
    ) -> Result<(), Error> {
        self.simulator.launch(kernel, geometry, buffers, arguments)
    }

    fn time(
        &mut self,
        kernel: KernelId,
        geometry: &Geometry,
        _: &[BufferId],
        _: &[Argument],
        timing: &Timing,
    ) -> Result<Vec<Duration>, Error> {
        assert!(timing.warmups > 0 && timing.cold);
        *self.samples.entry(kernel).or_default() += timing.samples;
        let time = Duration::from_micros(1000 - u64::from(geometry.dynamic_shared / 1024));
        // One sample in five is an outlier, which a mean would not survive.
        let sample = |index| if index % 5 == 0 { time * 100 } else { time };
        Ok((0..timing.samples).map(sample).collect())
    }
}

#[test]
fn the_fastest_is_found_and_every_row_says_that_it_was_measured() {
    let problem = Problem {
        dtype: DataType::F16,
        head_dim: 64,
        head_dim_v: 64,
        batch: 1,
        heads: 2,
        kv_heads: 1,
        seqlen_q: 128,
        seqlen_kv: 128,
        mask: Mask::Full,
    };
    let gpu = Gpu::named("a100_sxm").unwrap();
    let tools = Tools::default();
    let evaluator = Evaluator { gpu, model: &Analytic, tools: &tools, seeds: vec![1] };
    let space = explore(&problem, gpu, &Analytic).unwrap();
    let row = |candidate| {
        let emitted = evaluator.emit(&problem, candidate).unwrap();
        evaluator.evaluate(&problem, candidate, &emitted)
    };
    let mut ranking: Vec<Row> = space.candidates.iter().step_by(40).take(5).map(row).collect();
    ranking[0].status = Status::Wrong;

    let mut device = Clocked::default();
    let rows = measure(&mut device, gpu, &problem, &ranking, 4, &[1]).unwrap();

    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.origin == Origin::Measured && row.source == "a clock"));
    assert!(rows.iter().all(|row| row.config != ranking[0].config));
    for row in &rows {
        assert_eq!(row.time_us, Some(1e3 - f64::from(row.shared_bytes / 1024)), "{}", row.config);
    }
    assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(row.shared_bytes)));
    // All are screened; three run in turns after that.
    let mut samples: Vec<u32> = device.samples.into_values().collect();
    samples.sort();
    assert_eq!(samples, [15, 45, 45, 45]);
}
