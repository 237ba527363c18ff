use thiserror::Error;

/// Geometry and arguments of one launch.
///
/// ```
/// use tilewright_sim::Launch;
/// let launch = Launch { grid: [8, 1, 1], block: [128, 1, 1], ..Launch::default() };
/// assert_eq!((launch.blocks(), launch.threads_per_block()), (8, 128));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks in x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block in x, y and z.
    pub block: [u32; 3],
    /// Blocks of a cluster in x, y and z; each divides the grid's.
    pub cluster: [u32; 3],
    /// Bytes of dynamic (`extern`) shared memory.
    pub dynamic_shared: u32,
    /// The parameter block: each parameter at its [`ParameterLayout`] offset, little-endian.
    ///
    /// [`ParameterLayout`]: tilewright_codegen::ptx::check::ParameterLayout
    pub parameters: Vec<u8>,
}

impl Default for Launch {
    /// One thread, no parameters.
    fn default() -> Self {
        Self {
            grid: [1; 3],
            block: [1; 3],
            cluster: [1; 3],
            dynamic_shared: 0,
            parameters: Vec::new(),
        }
    }
}

impl Launch {
    /// Blocks of the grid.
    pub fn blocks(&self) -> u64 {
        product(self.grid)
    }

    /// Threads of a block.
    pub fn threads_per_block(&self) -> u64 {
        product(self.block)
    }

    /// Blocks of a cluster.
    pub fn blocks_per_cluster(&self) -> u64 {
        product(self.cluster)
    }
}

fn product(extent: [u32; 3]) -> u64 {
    extent.iter().map(|&n| u64::from(n)).fold(1, u64::saturating_mul)
}

/// A launch that no device would accept.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LaunchError {
    /// An extent is zero, or beyond the limits of CUDA.
    #[error("the {what} is {found:?}; {expected}")]
    Extent {
        /// `grid`, `block` or `cluster`.
        what: &'static str,
        /// The extents given.
        found: [u32; 3],
        /// The rule that they break.
        expected: &'static str,
    },
    /// The block is not what `.reqntid` or `.maxntid` promises.
    #[error("the block is {found:?}, but the kernel declares {directive}")]
    Block {
        /// The extents given.
        found: [u32; 3],
        /// The directive as written.
        directive: String,
    },
    /// The parameter block has the wrong size.
    #[error("{found} bytes of parameters were given; the entry takes {expected}")]
    Parameters {
        /// Bytes that the entry's list takes.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// A variable or a stack frame that is larger than the simulator takes.
    #[error("{what} takes {size} bytes; the simulator takes up to {limit}")]
    Memory {
        /// What it is.
        what: String,
        /// Its size in bytes.
        size: u64,
        /// The largest size.
        limit: u64,
    },
    /// More shared memory than a block can have.
    #[error(
        "{fixed} bytes of static and {dynamic} of dynamic shared memory exceed the {limit} bytes of a block"
    )]
    SharedMemory {
        /// Bytes that the module's variables take.
        fixed: u64,
        /// Bytes asked for at launch.
        dynamic: u32,
        /// Bytes that a block can have.
        limit: u64,
    },
}
