/// What one multiprocessor does in one clock. A rate of 0 says that it has no such instruction.
///
/// Rates of scalar instructions are the "Throughput of Native Arithmetic Instructions" table of
/// the *CUDA C++ Programming Guide*, in operations of one thread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Dense tensor FLOP with f16 or bf16 inputs and f32 accumulators: the datasheet's peak over
    /// multiprocessors and the clock it was stated at. GeForce cards have half the rate of the
    /// professional ones of the same chip.
    pub tensor_f16: u32,
    /// Dense tensor FLOP with 8-bit floating-point inputs and f32 accumulators; same source.
    pub tensor_f8: u32,
    /// Dense tensor FLOP with tf32 inputs; same source.
    pub tensor_tf32: u32,
    /// The share of `tensor_f16` that `mma.sync` reaches. Hopper's was measured at 0.65 (Luo et
    /// al., arXiv 2402.13499); on data-centre Blackwell it runs at a quarter.
    pub mma_sync_share: f32,
    /// f32 add, multiply, fma.
    pub fma: u32,
    /// 32-bit integer add, compare, logic; f32 minimum and maximum.
    pub alu: u32,
    /// `ex2.approx`. Compute capability 10.3 doubled it (NVIDIA, *Inside Blackwell Ultra*).
    pub exp2: u32,
    /// The other special functions: reciprocal, square root, logarithm, sine.
    pub special_function: u32,
    /// Two f32 rounded and packed into one 32-bit register. Not documented; measured on 12.0.
    pub convert_pack: u32,
    /// Warp shuffles.
    pub shuffle: u32,
    /// Instructions of a warp that start, over the four schedulers.
    pub issue: u32,
    /// Bytes of shared memory read or written: 32 banks of 4 bytes.
    pub shared_bytes: u32,
    /// Bytes of tensor memory that four warps load into registers, one on each scheduler. What loads
    /// of 16 columns reach on B200; wider ones may reach more (ademeure/QuickRunCUDA).
    pub tensor_memory_load_bytes: u32,
    /// Bytes of tensor memory that they store; same source.
    pub tensor_memory_store_bytes: u32,
    /// Bytes that arrive from the L2 cache. Divides measured bandwidth of all multiprocessors by
    /// their number and clock (RRZE gpu-benches, `gpu-l2-cache`); ± 25 %.
    pub l2_bytes: u32,
}

impl Rates {
    /// Compute capability 8.0.
    pub const SM_80: Self = Self {
        tensor_f16: 2048,
        tensor_f8: 0,
        tensor_tf32: 1024,
        mma_sync_share: 1.0,
        fma: 64,
        alu: 64,
        exp2: 16,
        special_function: 16,
        convert_pack: 64,
        shuffle: 32,
        issue: 4,
        shared_bytes: 128,
        tensor_memory_load_bytes: 0,
        tensor_memory_store_bytes: 0,
        l2_bytes: 28,
    };

    /// Compute capability 8.6, professional cards.
    pub const SM_86: Self =
        Self { tensor_f16: 1024, tensor_tf32: 512, fma: 128, l2_bytes: 16, ..Self::SM_80 };

    /// Compute capability 8.9, professional cards.
    pub const SM_89: Self = Self { tensor_f8: 2048, ..Self::SM_86 };

    /// Compute capability 9.0.
    pub const SM_90: Self = Self {
        tensor_f16: 4096,
        tensor_f8: 8192,
        tensor_tf32: 2048,
        mma_sync_share: 0.65,
        fma: 128,
        l2_bytes: 36,
        ..Self::SM_80
    };

    /// Compute capability 10.0.
    pub const SM_100: Self = Self {
        tensor_f16: 8192,
        tensor_f8: 16384,
        tensor_tf32: 4096,
        mma_sync_share: 0.25,
        tensor_memory_load_bytes: 228,
        tensor_memory_store_bytes: 340,
        l2_bytes: 70,
        ..Self::SM_90
    };

    /// Compute capability 10.3.
    pub const SM_103: Self = Self { exp2: 32, ..Self::SM_100 };

    /// The GeForce cards of a professional architecture: f32 accumulation at half the rate
    /// (NVIDIA *GA102* and *Ada GPU Architecture* white papers).
    pub const fn geforce(self) -> Self {
        Self {
            tensor_f16: self.tensor_f16 / 2,
            tensor_f8: self.tensor_f8 / 2,
            tensor_tf32: self.tensor_tf32 / 2,
            ..self
        }
    }
}
