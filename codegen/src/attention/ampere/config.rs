use crate::attention::Rescale;
use crate::attention::fields::config;
config! {
    /// How the forward kernel computes: its tiles and its variants.
    ///
    /// ```
    /// use tilewright_codegen::attention::ampere::Config;
    /// let config: Config = "m128n64w4s1sl".parse().unwrap();
    /// assert_eq!((config.tile_m, config.tile_n, config.warps), (128, 64, 4));
    /// assert!(config.split_masked_loop && !config.q_in_registers);
    /// ```
    Config of "Ampere", such as "m128n64w4s1qrsl",
    always {
        /// Query rows of a block, shared out evenly among its warps in steps of 16.
        tile_m: u32 = 0, "m" means "rows";
        /// Keys of one iteration.
        tile_n: u32 = 0, "n" means "keys";
        /// Warps of a block.
        warps: u32 = 0, "w" means "warps";
        /// Key and value tiles that fit shared memory at once. With one, K and V are copied in
        /// turns beside the computation on the other; with more, whole tiles are copied ahead.
        stages: u32 = 0, "s" means "stages";
    }
    unless plain {
        /// Blocks that a multiprocessor is to hold at a time. The compiler keeps the registers of a
        /// thread to the share that this leaves; where it takes fewer, more blocks may fit.
        blocks: u32 = 1, "b" means "blocks on a multiprocessor";
        /// Whether a warp keeps its rows of Q in registers, or reads them again for every key tile.
        q_in_registers: bool = false, "qr" means "Q in registers";
        /// Whether Q passes through the memory that K and V use later.
        share_q_k: bool = false, "sh" means "Q and K share memory";
        /// Whether iterations that need no mask run in a loop of their own, without mask code.
        split_masked_loop: bool = false, "sl" means "split masked loop";
        /// When the output accumulator is rescaled.
        rescale: Rescale = Rescale::Always, "" means "rescale lazily or speculatively";
    }
}
