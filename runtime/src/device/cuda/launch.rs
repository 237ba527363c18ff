//! Launches, and how long they take.

use std::ffi::c_void;
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use cudarc::driver::{CudaEvent, result, sys};

use super::driver::call;
use super::{Allocation, Cuda, tensor_map};
use crate::device::{Argument, BufferId, Device, Error, Geometry, KernelId, Timing, arguments};

/// A launch whose arguments are bytes.
pub(super) struct Prepared {
    function: sys::CUfunction,
    geometry: Geometry,
    arguments: Vec<Vec<u8>>,
}

impl Cuda {
    /// Checks a launch against the entry and the GPU, and makes its arguments.
    pub(super) fn prepare(
        &self,
        kernel: KernelId,
        geometry: &Geometry,
        buffers: &[BufferId],
        arguments: &[Argument],
    ) -> Result<Prepared, Error> {
        use sys::CUfunction_attribute::*;
        self.bind()?;
        let kernel = &self.kernels[kernel.0];
        arguments::check(&kernel.parameters, arguments, buffers.len())?;
        let fixed = kernel.attribute(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES)?;
        self.check_limits(
            geometry,
            fixed,
            kernel.attribute(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)?,
        )?;
        if geometry.dynamic_shared > 0 {
            let bytes = geometry.dynamic_shared;
            kernel.set_attribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes)?;
        }
        if product(geometry.cluster) > 8 {
            kernel.set_attribute(CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1)?;
        }
        let address = |buffer: usize, offset| self.buffers[buffers[buffer].0].address + offset;
        let bytes = |argument: &Argument| {
            argument.to_bytes(address, |map, address| {
                self.require_hopper("tensor maps")?;
                tensor_map::encode(map, address)
            })
        };
        let arguments = arguments.iter().map(bytes).collect::<Result<_, _>>()?;
        Ok(Prepared { function: kernel.function, geometry: *geometry, arguments })
    }

    fn check_limits(&self, geometry: &Geometry, fixed: u32, threads: u32) -> Result<(), Error> {
        use sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
        let limit = self.context.attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
        let limit = u64::try_from(call("cuDeviceGetAttribute", limit)?).unwrap_or(0);
        let found = u64::from(fixed) + u64::from(geometry.dynamic_shared);
        if found > limit {
            let what = "static and dynamic shared memory of a block, in bytes,";
            return Err(Error::Limit { what, found, limit });
        }
        let found = product(geometry.block);
        if found > u64::from(threads) {
            let what = "threads of a block, for this kernel's registers,";
            return Err(Error::Limit { what, found, limit: threads.into() });
        }
        if product(geometry.cluster) > 1 {
            self.require_hopper("clusters")?;
        }
        Ok(())
    }

    /// Refuses what GPUs before Hopper lack. A driver that serves a Hopper GPU has the functions
    /// for it, which cudarc would panic about otherwise.
    fn require_hopper(&self, feature: &str) -> Result<(), Error> {
        if self.compute_capability()? < 90 {
            let feature = format!("{feature} (compute capability 9.0 does)");
            return Err(Error::Unsupported { device: self.description(), feature });
        }
        Ok(())
    }

    /// Puts a launch on the stream.
    pub(super) fn enqueue(&self, launch: &Prepared) -> Result<(), Error> {
        let Geometry { grid, block, cluster, dynamic_shared } = launch.geometry;
        // The driver reads the arguments before it returns, and writes to none.
        let pointer = |bytes: &Vec<u8>| bytes.as_ptr().cast_mut().cast::<c_void>();
        let mut pointers: Vec<*mut c_void> = launch.arguments.iter().map(pointer).collect();
        let stream = self.stream.cu_stream();
        if product(cluster) == 1 {
            // SAFETY: the function is of a loaded module, and each pointer is to as many bytes as
            // the entry's parameter has.
            return call("cuLaunchKernel", unsafe {
                let (grid, block) = (grid.into(), block.into());
                result::launch_kernel(
                    launch.function,
                    grid,
                    block,
                    dynamic_shared,
                    stream,
                    &mut pointers,
                )
            });
        }
        let mut attribute = cluster_attribute(cluster);
        let config = sys::CUlaunchConfig {
            gridDimX: grid[0],
            gridDimY: grid[1],
            gridDimZ: grid[2],
            blockDimX: block[0],
            blockDimY: block[1],
            blockDimZ: block[2],
            sharedMemBytes: dynamic_shared,
            hStream: stream,
            attrs: &mut attribute,
            numAttrs: 1,
        };
        // SAFETY: as above, and the configuration names one attribute, which outlives the call.
        let status = unsafe {
            let parameters = pointers.as_mut_ptr();
            sys::cuLaunchKernelEx(&config, launch.function, parameters, ptr::null_mut())
        };
        call("cuLaunchKernelEx", status.result())
    }

    /// Waits until the stream is empty, for as long as a kernel may take.
    pub(super) fn wait(&mut self) -> Result<(), Error> {
        let done = self.record()?;
        let start = Instant::now();
        let mut pause = Duration::from_micros(20);
        while !call("cuEventQuery", done.try_is_complete())? {
            if start.elapsed() > self.time_limit {
                self.stuck = true;
                return Err(Error::TimeLimit { limit: self.time_limit });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
        Ok(())
    }

    /// An event that takes the time when the stream comes to it.
    fn record(&self) -> Result<CudaEvent, Error> {
        let flags = sys::CUevent_flags::CU_EVENT_DEFAULT;
        let event = call("cuEventCreate", self.context.new_event(Some(flags)))?;
        call("cuEventRecord", event.record(&self.stream))?;
        Ok(event)
    }

    /// Memory twice as large as the L2 cache, which displaces the cache's contents when it is
    /// filled.
    fn allocate_scratch(&self) -> Result<Allocation, Error> {
        let cache = sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE;
        let cache = call("cuDeviceGetAttribute", self.context.attribute(cache))?;
        let size = 2 * usize::try_from(cache).unwrap_or(0).max(1 << 20);
        // SAFETY: a context is current: the launch was prepared in it.
        let address = call("cuMemAlloc", unsafe { result::malloc_sync(size) })?;
        Ok(Allocation { address, size })
    }

    /// Times a launch.
    pub(super) fn sample(
        &mut self,
        launch: &Prepared,
        timing: &Timing,
    ) -> Result<Vec<Duration>, Error> {
        for _ in 0..timing.warmups {
            self.enqueue(launch)?;
        }
        self.wait()?;
        if timing.cold && self.scratch.is_none() {
            self.scratch = Some(self.allocate_scratch()?);
        }
        let launches = timing.launches.max(1);
        let mut samples = Vec::new();
        for _ in 0..timing.samples {
            if let (true, Some(Allocation { address, size })) = (timing.cold, self.scratch) {
                let stream = self.stream.cu_stream();
                // SAFETY: the allocation has `size` bytes.
                let filled = unsafe { result::memset_d8_async(address, 0, size, stream) };
                call("cuMemsetD8Async", filled)?;
            }
            let start = self.record()?;
            for _ in 0..launches {
                self.enqueue(launch)?;
            }
            let end = self.record()?;
            self.wait()?;
            let milliseconds = call("cuEventElapsedTime", start.elapsed_ms(&end))?;
            let seconds = f64::from(milliseconds.max(0.0)) / 1e3 / f64::from(launches);
            samples.push(Duration::from_secs_f64(seconds));
        }
        Ok(samples)
    }
}

fn product(extents: [u32; 3]) -> u64 {
    extents.into_iter().map(u64::from).product()
}

fn cluster_attribute([x, y, z]: [u32; 3]) -> sys::CUlaunchAttribute {
    // SAFETY: the attribute is plain data, for which zeros are valid.
    let mut attribute: sys::CUlaunchAttribute = unsafe { std::mem::zeroed() };
    attribute.id = sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    attribute.value.clusterDim = sys::CUlaunchAttributeValue_union__bindgen_ty_1 { x, y, z };
    attribute
}
