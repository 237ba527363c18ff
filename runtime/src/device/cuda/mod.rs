//! NVIDIA's GPUs, through the CUDA driver that `cudarc` opens while the program runs.

mod driver;
mod launch;
mod module;
mod tensor_map;

use std::sync::Arc;
use std::time::Duration;

use cudarc::driver::{CudaContext, CudaStream, result, sys};
use tilewright_codegen::gpu::Target;

use super::{Argument, BufferId, Contents, Device, Error, Geometry, KernelId, Module, Timing};
pub use driver::{GpuInfo, driver_version, gpus};
use driver::{call, require};
use module::Kernel;

/// What fresh memory is filled with where a buffer has no contents: NaN in every floating-point
/// type, so that what a kernel failed to write does not pass for a result.
const POISON: u8 = 0xff;

/// How long a kernel may take by default.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A GPU.
#[derive(Debug)]
pub struct Cuda {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    buffers: Vec<Allocation>,
    kernels: Vec<Kernel>,
    /// What displaces the contents of the L2 cache between samples.
    scratch: Option<Allocation>,
    time_limit: Duration,
    /// Whether a kernel never came back: the driver would wait for it before it freed anything.
    stuck: bool,
}

#[derive(Debug, Clone, Copy)]
struct Allocation {
    address: sys::CUdeviceptr,
    size: usize,
}

impl Cuda {
    /// The GPU of this ordinal.
    ///
    /// # Errors
    /// [`Error::NoDriver`] or [`Error::NoGpu`] where there is none, and what the driver says.
    pub fn open(ordinal: usize) -> Result<Cuda, Error> {
        let count = require()?;
        if ordinal >= count {
            return Err(Error::NoGpu { ordinal, count });
        }
        let context = call("cuDevicePrimaryCtxRetain", CudaContext::new(ordinal))?;
        let stream = context.default_stream();
        Ok(Cuda {
            context,
            stream,
            buffers: Vec::new(),
            kernels: Vec::new(),
            scratch: None,
            time_limit: TIME_LIMIT,
            stuck: false,
        })
    }

    /// Gives kernels `limit` to end.
    pub fn set_time_limit(&mut self, limit: Duration) {
        self.time_limit = limit;
    }

    /// Registers a thread, and bytes of local memory a thread, that the driver's compiler gave a kernel.
    ///
    /// # Errors
    /// What the driver says.
    pub fn kernel_resources(&self, kernel: KernelId) -> Result<(u32, u32), Error> {
        use sys::CUfunction_attribute::{
            CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, CU_FUNC_ATTRIBUTE_NUM_REGS,
        };
        self.bind()?;
        let kernel = &self.kernels[kernel.0];
        let registers = kernel.attribute(CU_FUNC_ATTRIBUTE_NUM_REGS)?;
        let local = kernel.attribute(CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES)?;
        Ok((registers, local))
    }

    /// Refuses what the driver would, with its reason.
    fn check_target(&self, module: &Module) -> Result<(), Error> {
        let capability = self.compute_capability()?;
        let target = module.checked().module().target;
        match Target::architecture(capability).admits(target) {
            true => Ok(()),
            false => Err(Error::Target { device: self.description(), capability, target }),
        }
    }

    /// The compute capability, major times ten plus minor.
    fn compute_capability(&self) -> Result<u16, Error> {
        let (major, minor) = call("cuDeviceGetAttribute", self.context.compute_capability())?;
        Ok(u16::try_from(major * 10 + minor).unwrap_or(0))
    }

    fn bind(&self) -> Result<(), Error> {
        call("cuCtxSetCurrent", self.context.bind_to_thread())
    }
}

impl Device for Cuda {
    fn description(&self) -> String {
        let name = self.context.name().unwrap_or_else(|_| "a GPU".into());
        format!("cuda:{}, {name}", self.context.ordinal())
    }

    fn allocate(&mut self, _: &str, contents: &Contents) -> Result<BufferId, Error> {
        self.bind()?;
        let size = contents.len();
        // SAFETY: a context is current. The driver refuses a size of 0, which a buffer may have.
        let address = call("cuMemAlloc", unsafe { result::malloc_sync(size.max(1)) })?;
        self.buffers.push(Allocation { address, size });
        match contents {
            Contents::Bytes(bytes) if size > 0 => {
                // SAFETY: the allocation has as many bytes as are copied into it.
                let copied = unsafe { result::memcpy_htod_sync(address, bytes) };
                call("cuMemcpyHtoD", copied)?;
            }
            _ => {
                // SAFETY: the allocation has `size` bytes, or one where `size` is 0.
                let filled = unsafe { result::memset_d8_sync(address, POISON, size.max(1)) };
                call("cuMemsetD8", filled)?;
            }
        }
        Ok(BufferId(self.buffers.len() - 1))
    }

    fn read(&mut self, buffer: BufferId) -> Result<Vec<u8>, Error> {
        self.bind()?;
        let Allocation { address, size } = self.buffers[buffer.0];
        let mut bytes = vec![0; size];
        if size > 0 {
            // SAFETY: the allocation has as many bytes as are copied out of it.
            call("cuMemcpyDtoH", unsafe { result::memcpy_dtoh_sync(&mut bytes, address) })?;
        }
        Ok(bytes)
    }

    fn load(&mut self, module: &Module, entry: Option<&str>) -> Result<KernelId, Error> {
        self.bind()?;
        self.check_target(module)?;
        self.kernels.push(Kernel::load(module, entry)?);
        Ok(KernelId(self.kernels.len() - 1))
    }

    fn launch(
        &mut self,
        kernel: KernelId,
        geometry: &Geometry,
        buffers: &[BufferId],
        arguments: &[Argument],
    ) -> Result<(), Error> {
        let prepared = self.prepare(kernel, geometry, buffers, arguments)?;
        self.enqueue(&prepared)?;
        self.wait()
    }

    fn time(
        &mut self,
        kernel: KernelId,
        geometry: &Geometry,
        buffers: &[BufferId],
        arguments: &[Argument],
        timing: &Timing,
    ) -> Result<Vec<Duration>, Error> {
        let prepared = self.prepare(kernel, geometry, buffers, arguments)?;
        self.sample(&prepared, timing)
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        if self.stuck || self.bind().is_err() {
            // To release the context would wait for the kernel that never ends; the process's end
            // releases it.
            std::mem::forget(self.context.clone());
            return;
        }
        // After a fault the driver refuses every call, these too; the process's end frees all.
        for kernel in &self.kernels {
            kernel.unload();
        }
        for buffer in self.buffers.iter().chain(&self.scratch) {
            // SAFETY: the driver gave this address, and it is freed once.
            let _ = unsafe { result::free_sync(buffer.address) };
        }
    }
}
