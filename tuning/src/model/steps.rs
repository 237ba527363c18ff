//! What the steps of all kernels have in common.

use std::fmt;

/// The steady loop of a kernel on one GPU: a step is a block's query tile against one tile of keys
/// and values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steps {
    /// Rows of Q, and of K and V.
    pub(super) tile: (u32, u32),
    /// The order in which query tiles begin.
    pub(super) order: Order,
    /// Whether the blocks that begin share out all query tiles, dealt in turns.
    pub(super) persistent: bool,
    /// The clocks that a block with each number of residents beside it, from none to one fewer than
    /// a multiprocessor holds, takes for an unmasked step.
    pub(super) times: Vec<f64>,
    /// A masked step, in unmasked ones.
    pub(super) masked: f64,
    /// What a block does before and after the steps of a query tile, in unmasked steps of a full
    /// multiprocessor.
    pub(super) overhead: f64,
    /// What limits the loop.
    pub(super) bound: Bound,
}

/// The order in which query tiles begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Those of a head one after the other, from its first.
    FirstTile,
    /// Those of a head one after the other, from its last, which has the most to do under a causal
    /// mask.
    LastTile,
    /// The last of every head, then the one before of every head.
    LastTileOfAllHeads,
}

/// What the steady loop does about the maximum of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maximum {
    /// Takes it, and rescales the output.
    Rescale,
    /// Takes it; a branch skips rescaling nearly always.
    Skip,
    /// Does not take it.
    Ignore,
}

/// What a step needs of one multiprocessor, in its clocks, were nothing else in the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clocks {
    /// The tensor cores: Q·Kᵀ and P·V.
    pub tensor: f64,
    /// The schedulers' issue slots.
    pub issue: f64,
    /// The special function units: an exponential a score.
    pub exp2: f64,
    /// Shared memory: operands that are read, and what the copies write.
    pub shared: f64,
    /// Tensor memory: what warps load of it and store to it.
    pub tensor_memory: f64,
    /// What comes from the L2 cache: the tiles of K and V.
    pub l2: f64,
}

/// What a multiprocessor waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The tensor cores.
    Tensor,
    /// Issue slots.
    Issue,
    /// Exponentials.
    Exp2,
    /// Shared memory.
    Shared,
    /// Tensor memory.
    TensorMemory,
    /// The L2 cache.
    L2,
    /// Latency: no pipe is busy all the time.
    Latency,
    /// Device memory.
    Memory,
}

impl Clocks {
    pub(super) fn longest(&self) -> (Bound, f64) {
        let pipes = [
            (Bound::Tensor, self.tensor),
            (Bound::Issue, self.issue),
            (Bound::Exp2, self.exp2),
            (Bound::Shared, self.shared),
            (Bound::TensorMemory, self.tensor_memory),
            (Bound::L2, self.l2),
        ];
        pipes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(pipes[0])
    }

    /// What limits a loop whose steps follow each other in `interval` clocks: a pipe that is busy
    /// for nine tenths of the time, or latency.
    pub(super) fn bound(&self, interval: f64) -> Bound {
        let (bound, clocks) = self.longest();
        if clocks / interval >= 0.9 { bound } else { Bound::Latency }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bound::Tensor => "tensor",
            Bound::Issue => "issue",
            Bound::Exp2 => "exp2",
            Bound::Shared => "shared",
            Bound::TensorMemory => "tensor memory",
            Bound::L2 => "L2",
            Bound::Latency => "latency",
            Bound::Memory => "memory",
        })
    }
}
