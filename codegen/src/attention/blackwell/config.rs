use crate::attention::fields::{Choice, config};
config! {
    /// How the forward kernel computes: its tiles and its variants.
    ///
    /// ```
    /// use tilewright_codegen::attention::blackwell::Config;
    /// let config: Config = "m256n128r3h3t8e2d3x192c80pe".parse().unwrap();
    /// assert_eq!((config.tile_m, config.tile_n, config.stages), (256, 128, 3));
    /// assert_eq!((config.early_quarters, config.threshold, config.polynomials), (3, 8, 2));
    /// ```
    Config of "Blackwell", such as "m256n128r3h3t8e2d3x192c80pe",
    always {
        /// Query rows of a block: 128 for each of its one or two softmax warpgroups.
        tile_m: u32 = 0, "m" means "rows";
        /// Keys of one iteration.
        tile_n: u32 = 0, "n" means "keys";
        /// Slots of the ring that key and value tiles share.
        stages: u32 = 0, "r" means "slots of the ring";
        /// How many of the four quarters of a tile's probabilities are handed over before the rest, so
        /// that the product with V begins with them: 0 to 3. With 0 all are handed over at once.
        early_quarters: u32 = 0, "h" means "quarters of P handed over early";
        /// By what power of two the maximum of a row may grow over the reference of the exponential
        /// before the output is rescaled. With 0 it always follows.
        threshold: u32 = 0, "t" means "threshold of rescaling";
        /// How many of each sixteen exponentials are computed by polynomials on the pipes of
        /// additions and multiplications, beside the special-function unit: 0 to 6.
        polynomials: u32 = 0, "e" means "exponentials by polynomials of 16";
        /// The degree of the polynomials for exponentials: 3 to 5.
        degree: u32 = 3, "d" means "their degree";
        /// Registers of a thread that computes softmax.
        softmax_registers: u32 = 192, "x" means "registers of softmax";
        /// Registers of a thread that corrects. Those that issue and copy get what is left.
        correction_registers: u32 = 80, "c" means "registers of correction";
    }
    unless plain {
        /// Whether two blocks multiply together, neighbouring query tiles of one head: each holds
        /// half of every key and value tile.
        pair: bool = false, "pr" means "pairs of blocks";
        /// How blocks come to their query tiles.
        schedule: Schedule = Schedule::Single, "" means "persistent or dynamic";
        /// Whether query tiles begin with those that have the most keys, for as many heads at a
        /// time as have their keys and values in half the second-level cache. Otherwise the tiles
        /// of one head follow each other.
        longest_first: bool = false, "lf" means "longest first";
        /// Whether O takes the place of Q in shared memory. The next query tile is then copied only
        /// when this one is written, but there is room for more stages.
        o_over_q: bool = false, "oq" means "O over Q";
    }
}

/// How blocks come to their query tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// A block for each.
    Single,
    /// As many blocks as there are multiprocessors; each takes every so-and-so-manyth tile.
    Persistent,
    /// A block for each, but those that run take over those that have not begun
    /// (`clusterlaunchcontrol`).
    Dynamic,
}

impl Choice for Schedule {
    const EXPECTED: &'static str = "single, persistent or dynamic";

    const VALUES: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Single, "single", ""),
        (Self::Persistent, "persistent", "pe"),
        (Self::Dynamic, "dynamic", "dy"),
    ];
}

/// Query rows of a tile in tensor memory.
pub(super) const ROWS: u32 = 128;
