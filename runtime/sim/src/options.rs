/// How to run a launch.
///
/// ```
/// use tilewright_sim::Options;
/// let options = Options { seed: 7, ..Options::default() };
/// assert!(options.hazards);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Decides the order of warps and blocks, and when asynchronous work lands. Two runs of one
    /// seed do the same, whatever `jobs` is, unless the kernel depends on the order of its blocks.
    pub seed: u64,
    /// Whether to look for races and for uses of what nothing wrote. Accesses outside buffers,
    /// misaligned ones, misused barriers and deadlocks are always found.
    pub hazards: bool,
    /// Threads of the host that execute blocks, [`MOST_JOBS`](Options::MOST_JOBS) at the most; 0
    /// takes as many as the host has cores.
    pub jobs: usize,
    /// Rules beyond those that are always held to.
    pub lints: Lints,
    /// When to give up.
    pub limits: Limits,
}

impl Options {
    /// The most threads of the host that one launch takes: a host may refuse more.
    pub const MOST_JOBS: usize = 256;
}

/// Rules that kernels break which work on every GPU there is. None is held to unless it is asked
/// for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lints {
    /// A thread waits for its bulk copies to have read shared memory before it exits.
    pub exit_before_bulk_reads: bool,
    /// A `fence.proxy.async` stands between ordinary reads and asynchronous writes of the same
    /// bytes, as between writes and reads.
    pub unfenced_write_after_read: bool,
    /// A `wgmma.fence` stands between reads of a register and a product that uses it, as between
    /// writes and products.
    pub unfenced_product_after_read: bool,
    /// The lanes of a warp that arrive at an mbarrier by one instruction do so in one phase.
    pub arrivals_in_two_phases: bool,
    /// A `tcgen05.fence::before_thread_sync` stands between operations on tensor memory and the
    /// synchronization by which other threads know of them, which `tcgen05.commit` brings along, and
    /// a `tcgen05.fence::after_thread_sync` between that and what these do there.
    pub unfenced_tensor_memory: bool,
    /// Who reads the address that a `tcgen05.alloc` stores learns of it by an arrival that releases,
    /// which a relaxed one at the barrier of the cluster does not.
    pub unreleased_tensor_addresses: bool,
    /// A `tcgen05.wait::ld` stands between a load of tensor memory and what reads its registers.
    pub unwaited_tensor_loads: bool,
    /// A `tcgen05.wait::st` stands between a store to tensor memory and the synchronization by which
    /// another warp knows of it that loads it, as between a store and a product that uses it.
    pub unwaited_tensor_stores: bool,
    /// The address of a load or store of tensor memory names the lanes of its warp: where it names
    /// those of a block's first warp, other warps reach their own.
    pub tensor_lanes_of_another_warp: bool,
    /// What a thread does to tensor memory by `tcgen05.mma`, `cp` and `shift` is in order without a
    /// wait only where the manual says so: not products of another shape, kind or accumulator.
    pub unpipelined_tensor_operations: bool,
}

/// A name that no lint has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a lint; expected {}", Lints::NAMES.join(", "))]
pub struct UnknownLint {
    name: String,
}

impl Lints {
    /// The names of all lints: those of the fields.
    pub const NAMES: [&str; 10] = [
        "exit_before_bulk_reads",
        "unfenced_write_after_read",
        "unfenced_product_after_read",
        "arrivals_in_two_phases",
        "unfenced_tensor_memory",
        "unreleased_tensor_addresses",
        "unwaited_tensor_loads",
        "unwaited_tensor_stores",
        "tensor_lanes_of_another_warp",
        "unpipelined_tensor_operations",
    ];

    /// Holds kernels to the lint of this name.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn enable(&mut self, name: &str) -> Result<(), UnknownLint> {
        let lint = match name {
            "exit_before_bulk_reads" => &mut self.exit_before_bulk_reads,
            "unfenced_write_after_read" => &mut self.unfenced_write_after_read,
            "unfenced_product_after_read" => &mut self.unfenced_product_after_read,
            "arrivals_in_two_phases" => &mut self.arrivals_in_two_phases,
            "unfenced_tensor_memory" => &mut self.unfenced_tensor_memory,
            "unreleased_tensor_addresses" => &mut self.unreleased_tensor_addresses,
            "unwaited_tensor_loads" => &mut self.unwaited_tensor_loads,
            "unwaited_tensor_stores" => &mut self.unwaited_tensor_stores,
            "tensor_lanes_of_another_warp" => &mut self.tensor_lanes_of_another_warp,
            "unpipelined_tensor_operations" => &mut self.unpipelined_tensor_operations,
            _ => return Err(UnknownLint { name: name.chars().take(40).collect() }),
        };
        *lint = true;
        Ok(())
    }
}

impl Default for Options {
    /// Seed 0, hazards looked for, all cores, no lints.
    fn default() -> Self {
        let (lints, limits) = (Lints::default(), Limits::default());
        Self { seed: 0, hazards: true, jobs: 0, lints, limits }
    }
}

/// Bounds that turn a kernel without end into a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Warp instructions that one cluster may execute; the default is a minute or two of work.
    pub instructions: u64,
    /// Depth of calls.
    pub call_depth: u32,
    /// Bytes of local memory of a thread.
    pub local_memory: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { instructions: 1 << 28, call_depth: 256, local_memory: 512 << 10 }
    }
}
