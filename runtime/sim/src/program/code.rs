//! The decoded form: what the machine executes.

use std::sync::Arc;

use tilewright_codegen::ptx::{Mnemonic, Space, SpecialRegister};

use crate::exec::registers::{AnySlot, Compute, Condition, Exchange, PredicateSlot, Slot};
use crate::hazard::Proxy;
use crate::numeric::matrix::wgmma::{Factor, Product};
use crate::numeric::matrix::wmma::Fragment;
use crate::numeric::matrix::{Major, Packing};
use crate::program::launch_control::{QueryCancel, TryCancel};
use crate::program::tcgen05::Tcgen05;
use crate::tensor_map::Field;

/// Index of an instruction among the program's.
pub(crate) type Pc = u32;

/// What the run loop needs of an instruction; messages use its [`Detail`].
pub(crate) struct Instruction {
    pub(crate) guard: Option<Condition>,
    pub(crate) convergence: Convergence,
    pub(crate) action: Action,
}

/// Which lanes must execute an instruction together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Convergence {
    /// Any.
    Free,
    /// Every live lane: `.aligned`.
    Aligned,
    /// All 32 lanes, none of them exited: matrix instructions.
    Whole,
    /// Those of a mask that each lane gives: `.sync` with a member mask.
    Members(Slot<u32>),
}

/// Where an instruction stood and which registers it uses.
#[derive(Debug)]
pub(crate) struct Detail {
    pub(crate) line: u32,
    /// None for the return at the end of a body.
    pub(crate) mnemonic: Option<Arc<Mnemonic>>,
    /// Index of its function in [`Program::functions`](super::Program).
    pub(crate) function: u32,
    /// Registers read and written, as numbers in [`Program::registers`](super::Program).
    pub(crate) reads: Box<[u32]>,
    pub(crate) writes: Box<[u32]>,
    /// Those of them that are registers of `wgmma`.
    pub(crate) fragments: Box<[FragmentUse]>,
    /// Whether nothing in the program reads what it writes.
    pub(crate) is_unread: bool,
}

/// A register that some `wgmma` of the program accumulates in or reads A from, or that an accumulator
/// is moved to, as an instruction uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FragmentUse {
    /// Its place among all such registers.
    pub(crate) index: u32,
    /// Its number in [`Program::registers`](super::Program).
    pub(crate) number: u32,
    pub(crate) writes: bool,
    /// The instruction only moves constants or such registers.
    pub(crate) moves: bool,
}

/// A function of the program.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Its first instruction.
    pub(crate) start: Pc,
    /// Bytes of a frame in local memory: its variables, its `.param` variables, its own parameters.
    pub(crate) frame_size: u32,
    /// Parameters and return values: where each lies in its frame, or in which register.
    pub(crate) parameters: Vec<Passed>,
    pub(crate) returns: Vec<Passed>,
    /// Numbers of the parameters that are registers.
    pub(crate) parameter_numbers: Vec<u32>,
    /// Its registers, saved where it calls itself.
    pub(crate) registers: Vec<AnySlot>,
    pub(crate) predicates: std::ops::Range<u32>,
    /// Their numbers, for the check that they were written.
    pub(crate) numbers: std::ops::Range<u32>,
}

/// How a value is passed into or out of a function.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Passed {
    /// Through a register.
    Register(AnySlot),
    /// Through bytes of a frame.
    Frame { offset: u32, size: u32 },
}

/// What an instruction does.
pub(crate) enum Action {
    /// Computes on registers; the mask says for which lanes.
    Compute(Compute),
    /// `mov` of registers that some `wgmma` accumulates in, or of what was moved from these.
    MoveFragment(Box<MoveFragment>),
    /// Reads a clock.
    Clock(AnySlot, SpecialRegister),
    /// The address of a byte of the frame, in a space's window where that is given.
    FrameAddress {
        destination: AnySlot,
        offset: i64,
        window: u64,
    },
    Load(Box<Load>),
    Store(Box<Store>),
    Atomic(Box<Atomic>),
    LoadMatrix(Box<LoadMatrix>),
    StoreMatrix(Box<StoreMatrix>),
    LoadFragment(Box<FragmentAccess>),
    StoreFragment(Box<FragmentAccess>),
    CopyAsync(Box<CopyAsync>),
    CopyCommit,
    /// Waits until at most this many groups are in flight; for all copies where none is given.
    CopyWait(Option<u32>),
    CopyMbarrierArrive {
        barrier: Address,
        counted: bool,
    },
    Mbarrier(Box<Mbarrier>),
    Bulk(Box<Bulk>),
    StoreAsync(Box<StoreAsync>),
    TensorCopy(Box<TensorCopy>),
    TryCancel(Box<TryCancel>),
    QueryCancel(Box<QueryCancel>),
    ReplaceField(Box<ReplaceField>),
    CopyMap(Box<CopyMap>),
    BulkCommit,
    /// Waits until at most `most` bulk groups of a thread are in flight, or read their source.
    BulkWait {
        most: u32,
        only_reads: bool,
    },
    /// Exchanges values between the lanes of a member mask.
    Exchange(Exchange),
    /// `bar.warp.sync`: orders memory among the lanes of the mask.
    WarpSync,
    Barrier(Box<Barrier>),
    SetRegisters(SetRegisters),
    Wgmma(Box<Wgmma>),
    WgmmaFence,
    WgmmaCommit,
    /// Waits until at most this many groups are in flight.
    WgmmaWait(u32),
    Tcgen05(Box<Tcgen05>),
    Fence(Fence),
    /// Lets proxies see what went through the generic one.
    FenceProxy(&'static [Proxy]),
    ClusterArrive {
        releases: bool,
    },
    ClusterWait {
        acquires: bool,
    },
    Branch(Pc),
    BranchTable {
        index: Slot<u32>,
        targets: Box<[Pc]>,
    },
    Call(Box<Call>),
    /// `vprintf`, of which only the result matters.
    Print {
        results: Box<[Option<Passed>]>,
    },
    /// `__assertfail`.
    AssertionFails,
    Return,
    Exit,
    Trap,
    /// Lets other threads go first.
    Yield,
    Nothing,
}

/// An address as an operand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub(crate) space: Space,
    /// Whether it may lie in the shared memory of another block of the cluster.
    pub(crate) reaches_peers: bool,
    pub(crate) base: Base,
    pub(crate) offset: i64,
}

/// What an [`Address`] is relative to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base {
    Word(Slot<u32>),
    Double(Slot<u64>),
    /// The frame of the function.
    Frame,
    Zero,
}

/// How an access is ordered with others: weak, or strong with the given semantics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Weak,
    Relaxed,
    Acquire,
    Release,
    AcquireRelease,
}

impl Order {
    pub(crate) fn is_strong(self) -> bool {
        self != Self::Weak
    }

    pub(crate) fn acquires(self) -> bool {
        matches!(self, Self::Acquire | Self::AcquireRelease)
    }

    pub(crate) fn releases(self) -> bool {
        matches!(self, Self::Release | Self::AcquireRelease)
    }
}

/// Whom a strong access is ordered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Block,
    Cluster,
    Device,
    System,
}

/// `ld`.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) address: Address,
    /// Bytes of an element.
    pub(crate) element: u32,
    /// Whether a narrow element is extended by its sign.
    pub(crate) signed: bool,
    /// Bits that a destination holds.
    pub(crate) keep: u64,
    /// A register an element; none for a sink.
    pub(crate) destinations: Box<[Option<AnySlot>]>,
    pub(crate) order: Order,
    pub(crate) scope: Scope,
}

/// `st`.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) address: Address,
    pub(crate) element: u32,
    pub(crate) sources: Box<[AnySlot]>,
    pub(crate) order: Order,
    pub(crate) scope: Scope,
}

/// The new value from the old one and the operands.
pub(crate) type Update = Box<dyn Fn(u64, u64, u64) -> u64 + Send + Sync>;

/// `atom` and `red`.
pub(crate) struct Atomic {
    pub(crate) address: Address,
    pub(crate) element: u32,
    /// The elements of a vector, which is atomic in each of them but not as a whole.
    pub(crate) elements: Box<[AtomicElement]>,
    pub(crate) update: Update,
    pub(crate) order: Order,
    pub(crate) scope: Scope,
}

/// The registers of one element of an atomic operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtomicElement {
    pub(crate) destination: Option<AnySlot>,
    pub(crate) operands: [AnySlot; 2],
}

/// The elements of the matrices of `ldmatrix` and `stmatrix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MatrixElements {
    /// Of 16 bits: 8 × 8 of them.
    Halves,
    /// Of 8 bits in registers: 16 × 16 loaded and 8 × 16 stored where transposed, otherwise 8 × 16.
    Bytes(Packing),
}

/// `ldmatrix`.
#[derive(Debug)]
pub(crate) struct LoadMatrix {
    pub(crate) address: Address,
    pub(crate) elements: MatrixElements,
    pub(crate) transposed: bool,
    /// A register for eight rows.
    pub(crate) destinations: Box<[Slot<u32>]>,
}

/// `stmatrix`.
#[derive(Debug)]
pub(crate) struct StoreMatrix {
    pub(crate) address: Address,
    pub(crate) elements: MatrixElements,
    pub(crate) transposed: bool,
    /// A register a matrix.
    pub(crate) sources: Box<[Slot<u32>]>,
}

/// `wgmma.mma_async`.
#[derive(Debug)]
pub(crate) struct Wgmma {
    /// Columns of B and D.
    pub(crate) n: usize,
    pub(crate) product: Product,
    pub(crate) a: Multiplicand,
    pub(crate) a_factor: Factor,
    /// The matrix descriptor of B.
    pub(crate) b: Slot<u64>,
    pub(crate) b_major: Major,
    pub(crate) b_factor: Factor,
    pub(crate) d: Box<[Slot<u32>]>,
    /// Whether D is added to.
    pub(crate) accumulate: Condition,
}

/// `mov` of accumulators.
pub(crate) struct MoveFragment {
    pub(crate) compute: Compute,
    /// The registers that it reads.
    pub(crate) sources: Box<[Slot<u32>]>,
}

/// A of `wgmma.mma_async`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Multiplicand {
    /// A fragment.
    Registers([Slot<u32>; 4]),
    /// In shared memory, by its matrix descriptor.
    Shared(Slot<u64>, Major),
}

impl Wgmma {
    /// Whether two accumulate in the order of their issue where they share registers of D.
    pub(crate) fn has_shape_of(&self, other: &Self) -> bool {
        (self.n, self.product.k) == (other.n, other.product.k)
    }
}

/// `setmaxnreg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SetRegisters {
    /// `.inc` rather than `.dec`.
    pub(crate) increases: bool,
    /// Registers of each thread from then on.
    pub(crate) registers: u32,
}

/// `wmma.load` and `wmma.store`.
#[derive(Debug)]
pub(crate) struct FragmentAccess {
    pub(crate) address: Address,
    /// Elements from one row to the next, or from one column to the next.
    pub(crate) stride: Slot<u32>,
    pub(crate) fragment: Fragment,
    /// Whether the matrix lies in memory row after row.
    pub(crate) by_rows: bool,
    pub(crate) registers: Box<[AnySlot]>,
}

/// `cp.async`.
#[derive(Debug)]
pub(crate) struct CopyAsync {
    pub(crate) destination: Address,
    pub(crate) source: Address,
    /// Bytes written.
    pub(crate) size: u32,
    /// Bytes read; the others are zeros.
    pub(crate) source_size: Option<Slot<u32>>,
    /// Where it holds, all are zeros.
    pub(crate) ignore_source: Option<Condition>,
}

/// `cp.async.bulk` and `cp.reduce.async.bulk`.
#[derive(Debug)]
pub(crate) struct Bulk {
    pub(crate) destination: Address,
    pub(crate) source: Address,
    pub(crate) size: Slot<u32>,
    /// The mbarrier that it signals; without one it belongs to a group of its thread.
    pub(crate) barrier: Option<Address>,
    /// Blocks of the cluster to copy to, by rank.
    pub(crate) multicast: Option<Slot<u32>>,
    /// Which of 16 bytes to copy.
    pub(crate) bytes: Option<Slot<u32>>,
    /// How many bytes at the beginning and at the end need not exist.
    pub(crate) ignored: Option<(Slot<u32>, Slot<u32>)>,
    pub(crate) reduction: Option<Arc<ElementUpdate>>,
}

/// `st.async` and `red.async`.
#[derive(Debug)]
pub(crate) struct StoreAsync {
    pub(crate) destination: Address,
    /// Bytes of an element.
    pub(crate) element: u32,
    pub(crate) sources: Box<[AnySlot]>,
    pub(crate) barrier: Address,
    pub(crate) reduction: Option<Arc<ElementUpdate>>,
}

/// `cp.async.bulk.tensor` and its like.
#[derive(Debug)]
pub(crate) struct TensorCopy {
    pub(crate) map: Address,
    /// Dimensions of the tensor.
    pub(crate) dimensions: u32,
    /// Whether it is of four rows of a matrix, each with its coordinate.
    pub(crate) four_rows: bool,
    pub(crate) coordinates: Box<[Slot<u32>]>,
    /// The box in shared memory, where there is one.
    pub(crate) shared: Option<Address>,
    pub(crate) direction: TensorDirection,
}

/// Where a tensor copy goes.
#[derive(Debug)]
pub(crate) enum TensorDirection {
    /// Into the L2 cache only.
    Prefetch,
    /// To shared memory.
    Load {
        barrier: Address,
        /// Blocks of the cluster to copy to, by rank.
        multicast: Option<Slot<u32>>,
        /// `.cta_group::2`: the mbarrier may be in the other block of a pair.
        of_pair: bool,
    },
    /// To global memory.
    Store {
        /// The reduction by name, where it is one.
        reduction: Option<&'static str>,
    },
}

/// `tensormap.replace`.
#[derive(Debug)]
pub(crate) struct ReplaceField {
    pub(crate) map: Address,
    pub(crate) field: Field,
    pub(crate) value: AnySlot,
}

/// `tensormap.cp_fenceproxy`.
#[derive(Debug)]
pub(crate) struct CopyMap {
    pub(crate) destination: Address,
    pub(crate) source: Address,
    pub(crate) scope: Scope,
}

/// A reduction of elements in memory.
pub(crate) struct ElementUpdate {
    /// Bytes of an element.
    pub(crate) size: u32,
    /// The new value from the old one and the source's.
    pub(crate) update: Update,
}

impl std::fmt::Debug for ElementUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ElementUpdate").field("size", &self.size).finish_non_exhaustive()
    }
}

/// `mbarrier.*`.
#[derive(Debug)]
pub(crate) struct Mbarrier {
    pub(crate) address: Option<Address>,
    pub(crate) operation: MbarrierOperation,
    pub(crate) order: Order,
}

/// What an `mbarrier` instruction does.
#[derive(Debug)]
pub(crate) enum MbarrierOperation {
    Initialize {
        count: Slot<u32>,
    },
    Invalidate,
    Arrive {
        state: Option<Slot<u64>>,
        count: Option<Slot<u32>>,
        /// Transactions to expect before.
        expected: Option<Slot<u32>>,
        drop: bool,
        completes: bool,
    },
    Expect {
        transactions: Slot<u32>,
    },
    Complete {
        transactions: Slot<u32>,
    },
    Wait {
        done: PredicateSlot,
        awaited: Phase,
    },
    PendingCount {
        destination: Slot<u32>,
        state: Slot<u64>,
    },
}

/// How a wait names a phase.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    State(Slot<u64>),
    Parity(Slot<u32>),
}

/// `bar` and `barrier`.
#[derive(Debug)]
pub(crate) struct Barrier {
    pub(crate) number: Slot<u32>,
    pub(crate) threads: Option<Slot<u32>>,
    pub(crate) kind: BarrierKind,
}

/// What is done at a barrier.
#[derive(Debug)]
pub(crate) enum BarrierKind {
    Sync,
    Arrive,
    Reduce { operation: Reduction, condition: Condition },
}

/// What `bar.red` computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    Count(Slot<u32>),
    And(PredicateSlot),
    Or(PredicateSlot),
}

/// `membar` and `fence`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fence {
    pub(crate) scope: Scope,
}

/// `call`.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) target: Target,
    /// Values in the caller, for each parameter and each return value.
    pub(crate) arguments: Box<[Passed]>,
    pub(crate) results: Box<[Option<Passed>]>,
}

/// The function called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// Its index in [`Program::functions`](super::Program).
    Direct(u32),
    /// A register holds its address.
    Indirect(Slot<u64>),
}
