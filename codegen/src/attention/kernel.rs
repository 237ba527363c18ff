use super::Problem;
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
    /// Query rows that one block computes.
    pub tile_m: u32,
    /// The entry's parameters, in order.
    pub parameters: Vec<Parameter>,
}

impl Kernel {
    /// The grid that covers `problem`: query tiles, heads, batches.
    pub fn grid(&self, problem: &Problem) -> [u32; 3] {
        [problem.seqlen_q.div_ceil(self.tile_m), problem.heads, problem.batch]
    }

    /// The block: `threads`, in one dimension.
    pub fn block(&self) -> [u32; 3] {
        [self.threads, 1, 1]
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
            Self::SeqlenQ => "seqlen_q",
            Self::SeqlenKv => "seqlen_kv",
            Self::Heads => "heads",
            Self::KvHeads => "kv_heads",
            Self::SoftmaxScale => "softmax_scale",
            Self::WindowLeft => "window_left",
            Self::WindowRight => "window_right",
        }
    }

    /// Its type in PTX.
    pub const fn scalar(self) -> ScalarType {
        match self {
            Self::Query | Self::Key | Self::Value | Self::Output | Self::LogSumExp => {
                ScalarType::U64
            }
            Self::SoftmaxScale => ScalarType::F32,
            _ => ScalarType::U32,
        }
    }
}

/// What a launch passes for a [`Parameter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// The device address of the parameter's buffer.
    Pointer,
    /// A number.
    U32(u32),
    /// A number.
    F32(f32),
}
