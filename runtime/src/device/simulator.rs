//! The simulator as a device.

use std::time::Duration;

use tilewright_sim::{Launch, Memory, Options, Program, RunError, Statistics, run};

mod tensor_map;

use super::{
    Argument, BufferId, Contents, Device, Error, Geometry, KernelId, Module, Timing, arguments,
};

/// A device that executes PTX on this machine's processor, and reports what a kernel does wrong.
#[derive(Debug, Default)]
pub struct Simulator {
    memory: Memory,
    programs: Vec<Program>,
    options: Options,
    statistics: Statistics,
}

impl Simulator {
    /// A simulator without buffers, which runs kernels as `options` say.
    pub fn new(options: Options) -> Simulator {
        Simulator { options, ..Simulator::default() }
    }

    /// What the last launch did.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}

impl Device for Simulator {
    fn description(&self) -> String {
        format!("the simulator, seed {}", self.options.seed)
    }

    fn allocate(&mut self, name: &str, contents: &Contents) -> Result<BufferId, Error> {
        match contents {
            Contents::Bytes(bytes) => self.memory.allocate(name, bytes),
            Contents::Uninit(size) => self.memory.allocate_uninitialized(name, *size),
        };
        Ok(BufferId(self.memory.buffers().len() - 1))
    }

    fn read(&mut self, buffer: BufferId) -> Result<Vec<u8>, Error> {
        Ok(self.memory.buffers()[buffer.0].bytes().to_vec())
    }

    fn load(&mut self, module: &Module, entry: Option<&str>) -> Result<KernelId, Error> {
        self.programs.push(Program::new(module.checked(), entry)?);
        Ok(KernelId(self.programs.len() - 1))
    }

    fn launch(
        &mut self,
        kernel: KernelId,
        geometry: &Geometry,
        buffers: &[BufferId],
        arguments: &[Argument],
    ) -> Result<(), Error> {
        let program = &self.programs[kernel.0];
        arguments::check(program.parameters(), arguments, buffers.len())?;
        let all = self.memory.buffers();
        let address = |buffer: usize, offset| all[buffers[buffer].0].address() + offset;
        let mut parameters = Vec::new();
        for (layout, argument) in program.parameters().iter().zip(arguments) {
            let bytes = argument.to_bytes(address, |map, address| {
                let map = tensor_map::encode(map, address);
                map.map_err(|feature| Error::Unsupported { device: self.description(), feature })
            })?;
            parameters.resize(layout.offset as usize, 0);
            parameters.extend(bytes);
        }
        let Geometry { grid, block, cluster, dynamic_shared } = *geometry;
        let launch = Launch { grid, block, cluster, dynamic_shared, parameters };
        let outcome = run(program, &launch, &mut self.memory, &self.options);
        self.statistics = outcome.map_err(|error| match error {
            RunError::Launch(error) => Error::Launch(error),
            RunError::Fault(fault) => Error::Fault(fault),
        })?;
        Ok(())
    }

    fn time(
        &mut self,
        _: KernelId,
        _: &Geometry,
        _: &[BufferId],
        _: &[Argument],
        _: &Timing,
    ) -> Result<Vec<Duration>, Error> {
        Err(Error::NoClock)
    }
}
