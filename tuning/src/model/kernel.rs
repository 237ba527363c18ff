//! What a model is told of a kernel, of whatever architecture.

use tilewright_codegen::gpu::Gpu;

use super::steps::Steps;
use super::{TensorMemoryKernel, WarpKernel, WarpgroupKernel};

/// A kernel, by how it multiplies.
#[derive(Debug, Clone, PartialEq)]
pub enum Kernel {
    /// Warps, with `mma.sync`.
    Warps(WarpKernel),
    /// Warpgroups, with `wgmma`.
    Warpgroups(WarpgroupKernel),
    /// One thread for all, with `tcgen05.mma`.
    TensorMemory(TensorMemoryKernel),
}

impl Kernel {
    /// Blocks that a multiprocessor holds.
    pub fn blocks(&self) -> u32 {
        match self {
            Kernel::Warps(kernel) => kernel.blocks,
            Kernel::Warpgroups(kernel) => kernel.blocks,
            Kernel::TensorMemory(kernel) => kernel.blocks,
        }
    }

    /// What was found of it when it was assembled: how many blocks a multiprocessor holds, and the
    /// instructions of the steady loop a score and thread, where they were counted.
    pub fn set_assembled(&mut self, blocks: u32, sass_per_score: Option<f64>) {
        let (held, counted) = match self {
            Kernel::Warps(kernel) => (&mut kernel.blocks, &mut kernel.sass_per_score),
            Kernel::Warpgroups(kernel) => (&mut kernel.blocks, &mut kernel.sass_per_score),
            Kernel::TensorMemory(kernel) => (&mut kernel.blocks, &mut kernel.sass_per_score),
        };
        (*held, *counted) = (blocks, sass_per_score);
    }

    /// The SASS instruction that tells how many steps the softmax loop was unrolled to: that of the
    /// products, or, where other warps have those, the conversion of probabilities.
    pub(crate) fn marker(&self) -> &'static str {
        match self {
            Kernel::Warps(_) => "HMMA",
            Kernel::Warpgroups(kernel) if kernel.bytes == 1 => "QGMMA",
            Kernel::Warpgroups(_) => "HGMMA",
            Kernel::TensorMemory(_) => "F2FP",
        }
    }

    /// How many of them a warp has in a step.
    pub(crate) fn markers_of_a_warp(&self) -> f64 {
        match self {
            Kernel::Warps(kernel) => kernel.mma_instructions() / f64::from(kernel.warps),
            Kernel::Warpgroups(kernel) => kernel.product_instructions(),
            // Probabilities are rounded two at a time.
            Kernel::TensorMemory(kernel) => kernel.scores_of_a_thread() / 2.0,
        }
    }

    /// Scores of a thread in a step.
    pub(crate) fn scores_of_a_thread(&self) -> f64 {
        match self {
            Kernel::Warps(kernel) => kernel.scores_of_a_thread(),
            Kernel::Warpgroups(kernel) => kernel.scores_of_a_thread(),
            Kernel::TensorMemory(kernel) => kernel.scores_of_a_thread(),
        }
    }

    pub(super) fn steps(&self, gpu: &Gpu) -> Steps {
        match self {
            Kernel::Warps(kernel) => kernel.steps(gpu),
            Kernel::Warpgroups(kernel) => kernel.steps(gpu),
            Kernel::TensorMemory(kernel) => kernel.steps(gpu),
        }
    }
}
