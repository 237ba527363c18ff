//! How many registers the threads of each stage have.

use super::{Config, ConfigError};
use crate::gpu::Limits;

/// Registers of a thread, by stage, as `setmaxnreg` shares them out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    pub(super) softmax: u32,
    pub(super) correction: u32,
    /// Of the warps that issue and copy.
    pub(super) others: u32,
}

/// What `setmaxnreg` counts in.
const UNIT: u32 = 8;

impl Shares {
    pub(super) fn new(config: &Config) -> Self {
        let (softmax, correction) = (config.softmax_registers, config.correction_registers);
        let taken = config.query_tiles() * softmax + correction;
        let warpgroups = config.query_tiles() + 2;
        let left = (warpgroups * at_start(config)).saturating_sub(taken);
        Self { softmax, correction, others: left.min(at_start(config)) }
    }
}

/// What every thread has at first: an equal share of all, in whole units.
pub(super) fn at_start(config: &Config) -> u32 {
    Limits::SM_100.registers_per_multiprocessor / config.threads() / UNIT * UNIT
}

/// Checks that every stage gets what it needs, which was found by assembling; returns the most that
/// a thread has. Softmax takes registers, the others give them up.
pub(super) fn check(config: &Config) -> Result<u32, ConfigError> {
    let Shares { softmax, correction, others } = Shares::new(config);
    let start = at_start(config);
    let stages = [
        ("softmax", softmax, start, 232),
        ("correction", correction, 56, start),
        ("issue and copies", others, 32, start),
    ];
    for (role, found, least, most) in stages {
        if !found.is_multiple_of(UNIT) || !(least..=most).contains(&found) {
            return Err(ConfigError::Registers { role, found, least, most });
        }
    }
    Ok(softmax)
}
