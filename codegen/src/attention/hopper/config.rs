use crate::attention::Rescale;
use crate::attention::fields::config;
config! {
    /// How the forward kernel computes: its tiles and its variants.
    ///
    /// ```
    /// use tilewright_codegen::attention::hopper::Config;
    /// let config: Config = "m128n176s2ovppsl".parse().unwrap();
    /// assert_eq!((config.tile_m, config.tile_n, config.stages), (128, 176, 2));
    /// assert!(config.overlap && config.ping_pong && !config.persistent);
    /// ```
    Config of "Hopper", such as "m128n176s2ovppslrs",
    always {
        /// Query rows of a block: 64 for each of its one to three consumer warpgroups.
        tile_m: u32 = 0, "m" means "rows";
        /// Keys of one iteration.
        tile_n: u32 = 0, "n" means "keys";
        /// Slots of the ring of key tiles, and of that of value tiles.
        stages: u32 = 0, "s" means "stages";
    }
    unless plain {
        /// Whether a warpgroup takes the softmax of one key tile while its tensor core multiplies
        /// the tile before with V. Probabilities then live in registers beside the scores.
        overlap: bool = false, "ov" means "softmax under the products of the next tile";
        /// Whether warpgroups take turns to begin their products, so that one takes its softmax
        /// while the tensor core works for another.
        ping_pong: bool = false, "pp" means "ping-pong";
        /// Whether probabilities pass through shared memory on their way to the product with V.
        p_in_shared: bool = false, "ps" means "P through shared memory";
        /// Whether Q is read from shared memory once and stays in registers.
        q_in_registers: bool = false, "qr" means "Q in registers";
        /// Whether threads write O to global memory from their registers. Otherwise it passes
        /// through the memory of Q, and TMA writes it; then Q of the next tile can be copied only
        /// after that.
        direct_output: bool = false, "do" means "direct output";
        /// Blocks of a cluster: neighbouring query tiles of a head, each of which reads a part of
        /// the key and value tiles for all. They walk the key tiles that any of them sees. 1 is
        /// none.
        cluster: u32 = 1, "c" means "blocks of a cluster";
        /// Whether a block stays on its multiprocessor and takes one query tile after another.
        persistent: bool = false, "pe" means "persistent";
        /// Whether query tiles begin with those that have the most keys, for as many heads at a
        /// time as have their keys and values in half the second-level cache. Otherwise the tiles
        /// of one head follow each other.
        longest_first: bool = false, "lf" means "longest first";
        /// Whether iterations that need no mask run in a loop of their own, without mask code.
        split_masked_loop: bool = false, "sl" means "split masked loop";
        /// When the output accumulator is rescaled.
        rescale: Rescale = Rescale::Always, "" means "rescale lazily or speculatively";
        /// How many of each eight exponentials of a thread are computed on the pipes of additions and
        /// multiplications, by a polynomial of degree 3, beside the special-function unit: 0 to 4.
        polynomials: u32 = 0, "e" means "exponentials by polynomials of 8";
    }
}
