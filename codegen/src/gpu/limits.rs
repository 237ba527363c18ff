/// What one multiprocessor holds.
///
/// Source of every figure: *CUDA C++ Programming Guide*, "Compute Capabilities", table "Technical
/// Specifications per Compute Capability"; allocation granularities from NVIDIA's occupancy
/// calculator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Resident warps per multiprocessor.
    pub warps_per_multiprocessor: u32,
    /// Resident blocks per multiprocessor.
    pub blocks_per_multiprocessor: u32,
    /// Threads of one block.
    pub threads_per_block: u32,
    /// 32-bit registers per multiprocessor.
    pub registers_per_multiprocessor: u32,
    /// 32-bit registers that one thread can address.
    pub registers_per_thread: u32,
    /// A warp's registers are allocated in multiples of this.
    pub register_allocation_unit: u32,
    /// Schedulers, each with its share of the registers: as many warps fit each of them.
    pub schedulers: u32,
    /// Shared memory per multiprocessor, in bytes.
    pub shared_per_multiprocessor: u32,
    /// Shared memory that one block may ask for (opt-in), in bytes.
    pub shared_per_block: u32,
    /// Shared memory that the system takes from every block, in bytes.
    pub shared_reserved_per_block: u32,
    /// A block's shared memory is allocated in multiples of this many bytes.
    pub shared_allocation_unit: u32,
    /// Columns of tensor memory per multiprocessor, of 128 lanes of 32 bits each; 0 where there is
    /// none (PTX ISA, *Tensor Memory*).
    pub tensor_memory_columns: u32,
}

const KIB: u32 = 1024;

impl Limits {
    /// Threads that are resident on one multiprocessor.
    pub const fn threads_per_multiprocessor(&self) -> u32 {
        self.warps_per_multiprocessor * 32
    }

    /// Compute capability 8.0.
    pub const SM_80: Self = Self {
        warps_per_multiprocessor: 64,
        blocks_per_multiprocessor: 32,
        threads_per_block: 1024,
        registers_per_multiprocessor: 64 * KIB,
        registers_per_thread: 255,
        register_allocation_unit: 256,
        schedulers: 4,
        shared_per_multiprocessor: 164 * KIB,
        shared_per_block: 163 * KIB,
        shared_reserved_per_block: KIB,
        shared_allocation_unit: 128,
        tensor_memory_columns: 0,
    };

    /// Compute capability 8.6.
    pub const SM_86: Self = Self {
        warps_per_multiprocessor: 48,
        blocks_per_multiprocessor: 16,
        shared_per_multiprocessor: 100 * KIB,
        shared_per_block: 99 * KIB,
        ..Self::SM_80
    };

    /// Compute capability 8.9.
    pub const SM_89: Self = Self { blocks_per_multiprocessor: 24, ..Self::SM_86 };

    /// Compute capability 9.0.
    pub const SM_90: Self =
        Self { shared_per_multiprocessor: 228 * KIB, shared_per_block: 227 * KIB, ..Self::SM_80 };

    /// Compute capabilities 10.0 and 10.3.
    pub const SM_100: Self = Self { tensor_memory_columns: 512, ..Self::SM_90 };
}
