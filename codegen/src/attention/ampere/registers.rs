//! What the threads of the forward kernel hold in registers.

use super::{Config, ConfigError, Rescale};
use crate::attention::Problem;
use crate::gpu::{Gpu, register_share};

/// Registers with which ptxas does not spill: a thread's share of O, S and Q, and what ptxas takes
/// besides for the state of rows, addresses and operands in flight.
///
/// The last is no law of nature. It was found by assembling some thousand configs around the limits
/// of one to six resident blocks, for head dimensions 64 and 128: none of those accepted spills, and
/// a tenth of those refused would have fitted.
#[derive(Clone, Copy, Debug)]
struct Registers {
    output: u32,
    scores: u32,
    query: u32,
    working: u32,
}

impl Registers {
    fn new(config: &Config, problem: &Problem) -> Self {
        let warp_rows = config.tile_m / config.warps;
        let output = warp_rows * problem.head_dim_v / 32;
        let scores = warp_rows * config.tile_n / 32;
        let rows_of_query = warp_rows * problem.head_dim / 64;
        let query = if config.q_in_registers { rows_of_query } else { 0 };
        // The loop that speculates has Q's operands read ahead over its second exit.
        let ahead = match (config.rescale, config.q_in_registers) {
            (Rescale::Speculative, false) => rows_of_query / 2,
            _ => 0,
        };
        // More than 32 rows have operands of Q for two steps in flight where there are many steps.
        let steps = if warp_rows > 32 && problem.head_dim > 64 { warp_rows / 2 } else { 0 };
        // Small tiles leave ptxas little to overlap; large ones get no more than it needs.
        let small = 48 + scores / 2 + output / 8 + ahead;
        let large = 90 + scores / 8;
        let working = if output > 96 { large } else { small.min(large) };
        Self { output, scores, query, working: working + warp_rows / 8 + steps }
    }

    fn total(&self) -> u32 {
        self.output + self.scores + self.query + self.working
    }
}

/// Registers of a thread, as [`Registers`] estimates them.
///
/// # Errors
///
/// Where the blocks that are to be resident leave fewer to each thread.
pub(super) fn check(config: &Config, problem: &Problem, gpu: &Gpu) -> Result<u32, ConfigError> {
    let registers = Registers::new(config, problem);
    let (needed, limit) = (registers.total(), register_share(gpu, config.threads(), config.blocks));
    if needed <= limit {
        return Ok(needed);
    }
    let Registers { output, scores, query, working } = registers;
    let reason = match limit < gpu.limits.registers_per_thread {
        true => format!(
            "are left when a multiprocessor is to hold {} · {} threads",
            config.blocks,
            config.threads()
        ),
        false => "can be addressed".to_owned(),
    };
    Err(ConfigError::Registers {
        needed,
        arithmetic: format!("O {output} + S {scores} + Q {query} + working set {working}"),
        limit,
        reason,
    })
}
