//! Launches of the kernels that [`attention!`](macro@crate::attention) makes.

use std::marker::PhantomData;

use super::{ArgumentList, Pointer};
use crate::attention::{
    Argument, DataType, Grid, Mask, MaskKind, Parameter, Problem, ProblemError, Tensor,
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

/// The tensors of one launch, contiguous. Q, K and V hold `T`, bytes for FP8, and O holds `O`.
#[derive(Debug)]
pub struct Tensors<T, O = T> {
    /// Q, `[batch, seqlen_q, heads, head_dim]`.
    pub query: Pointer<T>,
    /// K, `[batch, seqlen_kv, kv_heads, head_dim]`.
    pub key: Pointer<T>,
    /// V, `[batch, seqlen_kv, kv_heads, head_dim_v]`.
    pub value: Pointer<T>,
    /// O, `[batch, seqlen_q, heads, head_dim_v]`.
    pub output: Pointer<O>,
    /// The natural logarithm of the sum of the exponentials of each row's scores,
    /// `[batch, heads, seqlen_q]`.
    pub log_sum_exp: Pointer<f32>,
    /// For FP8, what Q, K and V are multiplied with: positive factors, `[batch, kv_heads]` each.
    pub descales: Option<[Pointer<f32>; 3]>,
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
    /// FP8 needs factors for Q, K and V, and other types have none.
    #[error("{}", match .0 {
        true => "the kernel is for FP8, and there are no factors for Q, K and V: `descales` is None",
        false => "the kernel takes no factors for Q, K and V; `descales` must be None",
    })]
    Descales(bool),
    /// The launch failed.
    #[error(transparent)]
    Device(#[from] device::Error),
}

/// An attention kernel that one device has loaded; Q, K and V hold `T`, O holds `O`.
#[derive(Debug)]
pub struct Loaded<T, O = T> {
    kernel: KernelId,
    description: &'static Description,
    elements: PhantomData<fn(T, O)>,
}

impl<T, O> Loaded<T, O> {
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
        Ok(Self { kernel, description, elements: PhantomData })
    }

    /// Runs the kernel to its end, on the device that has loaded it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn launch(
        &self,
        device: &mut dyn Device,
        sizes: &Sizes,
        tensors: &Tensors<T, O>,
    ) -> Result<(), Error> {
        let problem = self.problem(sizes)?;
        let scale = sizes.softmax_scale.unwrap_or_else(|| problem.default_softmax_scale());
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::Scale(scale));
        }
        let takes_descales = problem.dtype.has_descales();
        if takes_descales != tensors.descales.is_some() {
            return Err(Error::Descales(takes_descales));
        }
        let mut list = ArgumentList::default();
        for parameter in self.description.parameters {
            match problem.argument(*parameter, scale) {
                Argument::U32(number) => list.push(number),
                Argument::F32(number) => list.push(number),
                Argument::Pointer => tensors.push(*parameter, &mut list),
                Argument::TensorMap(map) => {
                    let described = TensorMap::of_attention(&map);
                    match map.tensor {
                        Tensor::Query => list.push_tensor_map(tensors.query, described),
                        Tensor::Key => list.push_tensor_map(tensors.key, described),
                        Tensor::Value => list.push_tensor_map(tensors.value, described),
                        Tensor::Output => list.push_tensor_map(tensors.output, described),
                    }
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

impl<T, O> Tensors<T, O> {
    /// Passes the tensor that a parameter points to.
    fn push(&self, parameter: Parameter, list: &mut ArgumentList) {
        let descale = match parameter {
            Parameter::Query => return list.push(self.query),
            Parameter::Key => return list.push(self.key),
            Parameter::Value => return list.push(self.value),
            Parameter::Output => return list.push(self.output),
            Parameter::QueryDescale => 0,
            Parameter::KeyDescale => 1,
            Parameter::ValueDescale => 2,
            _ => return list.push(self.log_sum_exp),
        };
        if let Some(descales) = self.descales {
            list.push(descales[descale]);
        }
    }
}
