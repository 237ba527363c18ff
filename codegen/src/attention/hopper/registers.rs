//! How many registers a consumer's thread takes, and has.

use super::{Config, ConfigError};
use crate::attention::{DataType, Problem};

/// Registers of a thread of the producer and of a consumer, after `setmaxnreg` has moved them from
/// one to the other; none where there are enough for everybody.
///
/// A block of n warpgroups begins with 65536 / (128 n) for each thread, rounded down to a multiple
/// of 8, and can share out no more than that. Kernels that were assembled show what a producer needs:
/// more where it transposes, and where it copies for a cluster, one query tile after another.
/// Consumers of small key tiles can spare registers.
pub(super) const fn shares(config: &Config, dtype: DataType) -> Option<(u32, u32)> {
    match (config.consumers(), dtype.bytes()) {
        (1, _) => None,
        (2, 1) if config.cluster > 1 || config.tile_n <= 128 => Some((56, 224)),
        (2, 1) => Some((40, 232)),
        (2, _) if config.cluster > 1 && config.persistent => Some((40, 232)),
        (2, _) => Some((24, 240)),
        (_, 1) if config.cluster > 1 => Some((80, 144)),
        (_, 1) => Some((56, 152)),
        _ => Some((32, 160)),
    }
}

/// The most that a consumer's thread can use.
const fn limit(config: &Config, dtype: DataType) -> u32 {
    match shares(config, dtype) {
        Some((_, consumer)) => consumer,
        None => 255,
    }
}

/// Registers of a consumer's thread: its share of O, S, P and Q, and what ptxas takes besides for the
/// state of rows, rings and addresses. The latter was found by assembling configs around the limit:
/// those accepted do not spill. P counts even where it is not held beside the scores of another tile:
/// there, too, what spills grows with the tile.
pub(super) fn check(config: &Config, problem: &Problem) -> Result<u32, ConfigError> {
    let bytes = problem.dtype.bytes();
    let output = problem.head_dim_v / 2;
    let scores = config.tile_n / 2;
    let probabilities = config.tile_n / 8 * bytes;
    let beside_scores = config.overlap && !config.p_in_shared;
    let working = match bytes {
        1 if beside_scores => 28,
        1 => 36,
        _ if beside_scores || config.q_in_registers => 32,
        _ => {
            let least = match config.polynomials {
                0 | 1 => 12,
                2 => 16,
                _ => 20,
            };
            40_u32.saturating_sub(probabilities).max(least)
        }
    };
    let queries = match config.q_in_registers {
        true => problem.head_dim / 8 * bytes,
        false => 0,
    };
    let needed = output + scores + probabilities + queries + working;
    let limit = limit(config, problem.dtype);
    if needed > limit {
        let arithmetic = format!(
            "O {output} + S {scores} + P {probabilities} + Q {queries} + working set {working}"
        );
        return Err(ConfigError::Registers { needed, arithmetic, limit });
    }
    Ok(needed)
}
