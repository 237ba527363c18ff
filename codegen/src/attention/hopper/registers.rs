//! How many registers a consumer's thread takes, and has.

use super::{Config, ConfigError};
use crate::attention::Problem;

/// Registers of a thread of the producer and of a consumer, after `setmaxnreg` has moved them from
/// one to the other; none where there are enough for everybody.
///
/// A block of n warpgroups begins with 65536 / (128 n) for each thread.
pub(super) const fn shares(consumers: u32) -> Option<(u32, u32)> {
    match consumers {
        1 => None,
        2 => Some((24, 240)),
        _ => Some((32, 160)),
    }
}

/// The most that a consumer's thread can use.
const fn limit(consumers: u32) -> u32 {
    match shares(consumers) {
        Some((_, consumer)) => consumer,
        None => 255,
    }
}

/// Registers of a consumer's thread: its share of O, S and P, and what ptxas takes besides for the
/// state of rows, rings and addresses. The latter was found by assembling configs around the limit:
/// those accepted do not spill.
pub(super) fn check(config: &Config, problem: &Problem) -> Result<u32, ConfigError> {
    const WORKING: u32 = 32;
    let output = problem.head_dim_v / 2;
    let scores = config.tile_n / 2;
    let probabilities = match (config.overlap, config.p_in_shared) {
        (true, false) => config.tile_n / 4,
        _ => 0,
    };
    let needed = output + scores + probabilities + WORKING;
    let limit = limit(config.consumers());
    if needed > limit {
        let arithmetic =
            format!("O {output} + S {scores} + P {probabilities} + working set {WORKING}");
        return Err(ConfigError::Registers { needed, arithmetic, limit });
    }
    Ok(needed)
}
