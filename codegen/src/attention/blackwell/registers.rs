//! How many registers the threads of each stage have.

use super::{Config, ConfigError, Schedule};
use crate::attention::Problem;
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
pub(super) fn check(config: &Config, problem: &Problem) -> Result<u32, ConfigError> {
    let Shares { softmax, correction, others } = Shares::new(config);
    let start = at_start(config);
    let (correction_needs, others_need) =
        if holds_more(config, problem) { (88, 56) } else { (80, 48) };
    let stages = [
        ("softmax", softmax, softmax_needs(config, problem).max(start), 232),
        ("correction", correction, correction_needs, start),
        ("issue and copies", others, others_need, start),
    ];
    for (role, found, least, most) in stages {
        if !found.is_multiple_of(UNIT) || !(least..=most).contains(&found) {
            return Err(ConfigError::Registers { role, found, least, most });
        }
    }
    Ok(softmax)
}

/// The least with which no thread of the softmax, which holds a row of scores, was seen to spill.
fn softmax_needs(config: &Config, problem: &Problem) -> u32 {
    // Two query tiles leave no more than 192 registers, one leaves enough.
    let long_polynomials = follows(config) && config.degree > 3;
    let much = config.tile_m == 128 || config.polynomials > 3 || long_polynomials;
    let most = follows(config) && config.pair && config.polynomials > 5;
    match (problem.dtype.bytes(), config.tile_n) {
        (2, 128) if most => 224,
        (2, 128) if much => 208,
        (2, 128) => 192,
        (1, 128) if follows(config) && config.pair => 184,
        (1, 128) => 176,
        _ => 0,
    }
}

/// Whether threads of the other stages were seen to spill with what is enough elsewhere: some of
/// those that take one query tile after another.
fn holds_more(config: &Config, problem: &Problem) -> bool {
    let narrow = config.tile_n < 128;
    let much = config.o_over_q || config.threshold == 0 || problem.head_dim > 128 || narrow;
    follows(config) && much
}

/// Whether a block takes one query tile after another.
fn follows(config: &Config) -> bool {
    config.schedule != Schedule::Single
}
