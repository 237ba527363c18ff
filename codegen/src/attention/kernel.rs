use super::{Config, DataType, Problem, Resources};
use crate::dsl::{self, Builder};
use crate::gpu::Gpu;
use crate::ptx::ScalarType;
use crate::ptx::tree::Module;

/// A kernel and how it is launched. It serves every problem of its data type, head dimensions and
/// mask kind: lengths, heads, batch, window sizes and the softmax scale are arguments.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The module, with one entry.
    pub module: Module,
    /// Name of the entry.
    pub entry: String,
    /// Threads of a block, in one dimension.
    pub threads: u32,
    /// Bytes of dynamic shared memory.
    pub dynamic_shared: u32,
    /// Query rows that one block computes at a time.
    pub tile_m: u32,
    /// How blocks share out the query tiles.
    pub grid: Grid,
    /// The entry's parameters, in order.
    pub parameters: Vec<Parameter>,
}

impl Kernel {
    /// The kernel whose entry `body` writes.
    pub(super) fn new(
        problem: &Problem,
        config: &Config,
        gpu: &Gpu,
        resources: Resources,
        (grid, parameters): (Grid, Vec<Parameter>),
        body: impl FnOnce(&Builder),
    ) -> Self {
        let entry = entry(problem, config);
        Self {
            module: dsl::kernel(&entry, gpu.target, body),
            entry,
            threads: resources.threads,
            dynamic_shared: resources.shared_bytes,
            tile_m: config.tile_m(),
            grid,
            parameters,
        }
    }

    /// The grid that covers `problem`.
    pub fn grid(&self, problem: &Problem) -> [u32; 3] {
        self.grid.blocks(problem, self.tile_m)
    }

    /// Blocks of a cluster.
    pub fn cluster(&self) -> [u32; 3] {
        self.grid.cluster()
    }

    /// The block: `threads`, in one dimension.
    pub fn block(&self) -> [u32; 3] {
        [self.threads, 1, 1]
    }
}

/// A name that tells kernels apart.
fn entry(problem: &Problem, config: &Config) -> String {
    let Problem { dtype, head_dim, head_dim_v, mask, .. } = problem;
    let v = match head_dim_v == head_dim {
        true => String::new(),
        false => format!("_{head_dim_v}"),
    };
    format!("attention_forward_{dtype}_{head_dim}{v}_{}_{config}", mask.kind())
}

/// How blocks share out the query tiles of all heads and batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grid {
    /// A block for each, in three dimensions: tiles, heads, batches.
    Tiles,
    /// In one dimension, where the kernel knows which block does what.
    Line {
        /// Neighbouring blocks that form a cluster; the tiles of a head are rounded up to whole
        /// clusters.
        cluster: u32,
        /// The most blocks, a multiple of `cluster`; each takes several tiles then.
        most: Option<u32>,
    },
}

impl Grid {
    /// The blocks that cover `problem` in tiles of `tile_m` rows.
    pub fn blocks(self, problem: &Problem, tile_m: u32) -> [u32; 3] {
        let tiles = problem.seqlen_q.div_ceil(tile_m);
        match self {
            Self::Tiles => [tiles, problem.heads, problem.batch],
            Self::Line { cluster, most } => {
                let of_a_head = u64::from(tiles.next_multiple_of(cluster));
                let heads = u64::from(problem.heads) * u64::from(problem.batch);
                let all = of_a_head.saturating_mul(heads).try_into().unwrap_or(u32::MAX);
                [most.map_or(all, |most| most.min(all)), 1, 1]
            }
        }
    }

    /// Blocks of a cluster.
    pub fn cluster(self) -> [u32; 3] {
        match self {
            Self::Tiles => [1; 3],
            Self::Line { cluster, .. } => [cluster, 1, 1],
        }
    }
}

/// A parameter of an attention kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// Address of Q, 16-byte aligned.
    Query,
    /// Address of K, 16-byte aligned.
    Key,
    /// Address of V, 16-byte aligned.
    Value,
    /// Address of O, 16-byte aligned.
    Output,
    /// Address of LSE.
    LogSumExp,
    /// Address of the f32 by which Q is multiplied, `[batch, kv_heads]`; that of K, and of V.
    QueryDescale,
    /// See [`Parameter::QueryDescale`].
    KeyDescale,
    /// See [`Parameter::QueryDescale`].
    ValueDescale,
    /// A tensor map of Q, K, V or O.
    TensorMap(TensorBox),
    /// Independent sequences.
    Batch,
    /// Rows of Q.
    SeqlenQ,
    /// Rows of K and V.
    SeqlenKv,
    /// Heads of Q.
    Heads,
    /// Heads of K and V.
    KvHeads,
    /// What scores are multiplied with, positive and finite.
    SoftmaxScale,
    /// Keys seen before the position of a query.
    WindowLeft,
    /// Keys seen after the position of a query.
    WindowRight,
}

impl Parameter {
    /// Its name in the entry's parameter list.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "q",
            Self::Key => "k",
            Self::Value => "v",
            Self::Output => "o",
            Self::LogSumExp => "lse",
            Self::QueryDescale => "q_descale",
            Self::KeyDescale => "k_descale",
            Self::ValueDescale => "v_descale",
            Self::TensorMap(map) => match map.tensor {
                Tensor::Query => "q",
                Tensor::Key => "k",
                Tensor::Value => "v",
                Tensor::Output => "o",
            },
            Self::Batch => "batch",
            Self::SeqlenQ => "seqlen_q",
            Self::SeqlenKv => "seqlen_kv",
            Self::Heads => "heads",
            Self::KvHeads => "kv_heads",
            Self::SoftmaxScale => "softmax_scale",
            Self::WindowLeft => "window_left",
            Self::WindowRight => "window_right",
        }
    }

    /// Its type in PTX, or that of an element where it is an array of bytes.
    pub const fn scalar(self) -> ScalarType {
        match self {
            Self::TensorMap(_) => ScalarType::B8,
            Self::Query
            | Self::Key
            | Self::Value
            | Self::Output
            | Self::LogSumExp
            | Self::QueryDescale
            | Self::KeyDescale
            | Self::ValueDescale => ScalarType::U64,
            Self::SoftmaxScale => ScalarType::F32,
            _ => ScalarType::U32,
        }
    }
}

/// One of the tensors that tensor maps are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Tensor {
    Query,
    Key,
    Value,
    Output,
}

impl Tensor {
    /// The parameter that is the tensor's address, in kernels that take one.
    pub const fn pointer(self) -> Parameter {
        match self {
            Self::Query => Parameter::Query,
            Self::Key => Parameter::Key,
            Self::Value => Parameter::Value,
            Self::Output => Parameter::Output,
        }
    }
}

/// The box that one TMA instruction of a kernel copies: a part of `rows` rows of one head, as wide
/// as the span of the swizzle that it has in shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TensorBox {
    /// Whose.
    pub tensor: Tensor,
    /// Rows of a sequence.
    pub rows: u32,
    /// Bytes of a row, and span of the swizzle: 32, 64 or 128.
    pub width: u32,
}

/// A tensor map, as `cuTensorMapEncodeTiled` takes it: `[head_dim, heads, seqlen, batch]`, dimension
/// 0 the innermost. What is outside reads as zeros and is not written; nothing is interleaved and
/// every element is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorMap {
    /// Whose.
    pub tensor: Tensor,
    /// Type of an element.
    pub dtype: DataType,
    /// Extents in elements.
    pub shape: [u64; 4],
    /// Distances in bytes, for dimension 1 and up.
    pub strides: [u64; 3],
    /// Extents of the box in elements.
    pub box_shape: [u32; 4],
    /// Span of the swizzle in bytes: 32, 64 or 128.
    pub swizzle: u32,
}

/// What a launch passes for a [`Parameter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// The device address of the parameter's buffer.
    Pointer,
    /// A tensor map.
    TensorMap(TensorMap),
    /// A number.
    U32(u32),
    /// A number.
    F32(f32),
}
