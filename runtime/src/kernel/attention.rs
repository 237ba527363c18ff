//! Launches of the kernels that [`attention!`](macro@crate::attention) makes.

use std::marker::PhantomData;

use super::{ArgumentList, Pointer};
use crate::attention::{
    Argument, DataType, Grid, Mask, MaskKind, Parameter, Problem, ProblemError,
};
use crate::device::{self, Device, Geometry, KernelId, Module};
use crate::tensor_map::TensorMap;

/// A kernel as PTX, how it is launched, and what it is made for.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The module.
    pub ptx: &'static str,
    /// Name of its entry.
    pub entry: &'static str,
    /// Threads of a block.
    pub threads: u32,
    /// Bytes of dynamic shared memory.
    pub dynamic_shared: u32,
    /// Query rows that one block computes at a time.
    pub tile_m: u32,
    /// How blocks share out the query tiles.
    pub grid: Grid,
    /// The entry's parameters, in order.
    pub parameters: &'static [Parameter],
    /// Type of Q, K, V and O.
    pub dtype: DataType,
    /// Elements of a row of Q and K.
    pub head_dim: u32,
    /// Elements of a row of V and O.
    pub head_dim_v: u32,
    /// Kind of mask.
    pub mask: MaskKind,
}

impl Description {
    /// What stands beside the errors where a kernel cannot be built.
    #[doc(hidden)]
    pub const EMPTY: Self = Self {
        ptx: "",
        entry: "",
        threads: 0,
        dynamic_shared: 0,
        tile_m: 1,
        grid: Grid::Tiles,
        parameters: &[],
        dtype: DataType::Bf16,
        head_dim: 0,
        head_dim_v: 0,
        mask: MaskKind::Full,
    };
}

/// The sizes of one launch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizes {
    /// Sequences.
    pub batch: u32,
    /// Heads of Q and O.
    pub heads: u32,
    /// Heads of K and V, a divisor of `heads`.
    pub kv_heads: u32,
    /// Rows of Q and O in a sequence.
    pub seqlen_q: u32,
    /// Rows of K and V in a sequence.
    pub seqlen_kv: u32,
    /// The mask, of the kernel's kind.
    pub mask: Mask,
    /// What scores are multiplied with, positive and finite; `None` is 1/√head_dim.
    pub softmax_scale: Option<f32>,
}

/// The tensors of one launch, contiguous.
#[derive(Debug)]
pub struct Tensors<T> {
    /// Q, `[batch, seqlen_q, heads, head_dim]`.
    pub query: Pointer<T>,
    /// K, `[batch, seqlen_kv, kv_heads, head_dim]`.
    pub key: Pointer<T>,
    /// V, `[batch, seqlen_kv, kv_heads, head_dim_v]`.
    pub value: Pointer<T>,
    /// O, `[batch, seqlen_q, heads, head_dim_v]`.
    pub output: Pointer<T>,
    /// The natural logarithm of the sum of the exponentials of each row's scores,
    /// `[batch, heads, seqlen_q]`.
    pub log_sum_exp: Pointer<f32>,
}

/// Why attention was not computed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A size is out of range.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The kernel was compiled for masks of another kind.
    #[error("the kernel is for {kernel} masks, the launch asks for {launch}")]
    Mask {
        /// The kernel's kind.
        kernel: MaskKind,
        /// The launch's mask.
        launch: Mask,
    },
    /// A scale that turns the order of the scores around, or makes them no numbers.
    #[error("softmax_scale is {0}; expected a positive finite number")]
    Scale(f32),
    /// The launch failed.
    #[error(transparent)]
    Device(#[from] device::Error),
}

/// An attention kernel that one device has loaded, whose tensors hold `T`.
#[derive(Debug)]
pub struct Loaded<T> {
    kernel: KernelId,
    description: &'static Description,
    element: PhantomData<fn(T)>,
}

impl<T> Loaded<T> {
    /// Has a device load a kernel.
    ///
    /// # Errors
    /// Where the device cannot run it.
    pub fn new(
        device: &mut dyn Device,
        description: &'static Description,
    ) -> Result<Self, device::Error> {
        let module = Module::parse(description.ptx)?;
        let kernel = device.load(&module, Some(description.entry))?;
        Ok(Self { kernel, description, element: PhantomData })
    }

    /// Runs the kernel to its end, on the device that has loaded it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn launch(
        &self,
        device: &mut dyn Device,
        sizes: &Sizes,
        tensors: &Tensors<T>,
    ) -> Result<(), Error> {
        let problem = self.problem(sizes)?;
        let scale = sizes.softmax_scale.unwrap_or_else(|| problem.default_softmax_scale());
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::Scale(scale));
        }
        let mut list = ArgumentList::default();
        for parameter in self.description.parameters {
            match problem.argument(*parameter, scale) {
                Argument::U32(number) => list.push(number),
                Argument::F32(number) => list.push(number),
                Argument::Pointer if *parameter == Parameter::LogSumExp => {
                    list.push(tensors.log_sum_exp);
                }
                Argument::Pointer => list.push(tensors.of(*parameter)),
                Argument::TensorMap(map) => {
                    let tensor = tensors.of(map.tensor.pointer());
                    list.push_tensor_map(tensor, TensorMap::of_attention(&map));
                }
            }
        }
        let Description { threads, dynamic_shared, tile_m, grid, .. } = *self.description;
        let blocks = grid.blocks(&problem, tile_m);
        let geometry = Geometry {
            dynamic_shared,
            cluster: grid.cluster(),
            ..Geometry::new(blocks, [threads, 1, 1])
        };
        let ArgumentList { buffers, arguments } = list;
        Ok(device.launch(self.kernel, &geometry, &buffers, &arguments)?)
    }

    fn problem(&self, sizes: &Sizes) -> Result<Problem, Error> {
        let Description { dtype, head_dim, head_dim_v, mask: kernel, .. } = *self.description;
        let Sizes { batch, heads, kv_heads, seqlen_q, seqlen_kv, mask, .. } = *sizes;
        if mask.kind() != kernel {
            return Err(Error::Mask { kernel, launch: mask });
        }
        let problem = Problem {
            dtype,
            head_dim,
            head_dim_v,
            batch,
            heads,
            kv_heads,
            seqlen_q,
            seqlen_kv,
            mask,
        };
        problem.check()?;
        Ok(problem)
    }
}

impl<T> Tensors<T> {
    /// Q, K, V or O.
    fn of(&self, parameter: Parameter) -> Pointer<T> {
        match parameter {
            Parameter::Query => self.query,
            Parameter::Key => self.key,
            Parameter::Value => self.value,
            _ => self.output,
        }
    }
}
