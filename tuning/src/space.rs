//! The candidates for a problem: every configuration that can be built, those that cannot counted
//! by reason.

use std::collections::BTreeMap;

use tilewright::attention::{
    Config, ConfigError, Mask, Problem, Rescale, Resources, Subject, ampere, blackwell, hopper,
};
use tilewright::gpu::{Gpu, occupancy, register_share};

use crate::model::{
    Estimate, Kernel, Maximum, Model, Order, TensorMemoryKernel, WarpKernel, WarpgroupKernel,
};

/// The candidates for one problem on one GPU.
#[derive(Debug, Clone)]
pub struct Space {
    /// Configurations that were looked at.
    pub examined: usize,
    /// Those that can be built, the one that the model finds fastest first.
    pub candidates: Vec<Candidate>,
    /// How many more could be built, but give up something for blocks on a multiprocessor that fit
    /// it anyway.
    pub needless: usize,
    /// Why the others cannot.
    pub refusals: Vec<Refusal>,
}

/// A configuration that can be built.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The configuration.
    pub config: Config,
    /// What a block of it takes; registers are an estimate.
    pub resources: Resources,
    /// What the model says of it before it was assembled.
    pub estimate: Estimate,
}

/// A reason for which configurations cannot be built.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The rule that they break.
    pub rule: &'static str,
    /// How many break it.
    pub count: usize,
    /// The first of them.
    pub example: Config,
    /// What the rule says to it.
    pub error: ConfigError,
}

/// Looks at every configuration of the space around `problem`.
///
/// # Errors
/// Where none can be built because of the problem itself: its head dimension, say. The error is
/// the one that all configurations share.
pub fn explore(problem: &Problem, gpu: &Gpu, model: &dyn Model) -> Result<Space, ConfigError> {
    let mut refusals: BTreeMap<&'static str, Refusal> = BTreeMap::new();
    let mut candidates = Vec::new();
    let (mut examined, mut needless) = (0, 0);
    for config in Config::space(problem, gpu) {
        examined += 1;
        match config.check(problem, gpu) {
            Ok(resources) => {
                let kernel = shape(problem, &config, &resources, gpu);
                if is_needless(problem, &config, kernel.blocks(), gpu) {
                    needless += 1;
                    continue;
                }
                let estimate = model.estimate(gpu, problem, &kernel);
                candidates.push(Candidate { config, resources, estimate });
            }
            Err(error) => {
                let Subject::Rule(rule) = error.subject() else { return Err(error) };
                refusals.entry(rule).and_modify(|refusal| refusal.count += 1).or_insert(Refusal {
                    rule,
                    count: 1,
                    example: config,
                    error,
                });
            }
        }
    }
    candidates.sort_by(|a, b| a.estimate.time_us.total_cmp(&b.estimate.time_us));
    let mut refusals: Vec<Refusal> = refusals.into_values().collect();
    refusals.sort_by_key(|refusal| std::cmp::Reverse(refusal.count));
    Ok(Space { examined, candidates, needless, refusals })
}

/// Whether `config`, of which `blocks` fit a multiprocessor, shares memory between Q and K though
/// as many would fit without, or asks for blocks to which the registers of fewer would be the same.
fn is_needless(problem: &Problem, config: &Config, blocks: u32, gpu: &Gpu) -> bool {
    let Config::Ampere(config) = config else { return false };
    let share = |blocks| register_share(gpu, config.threads(), blocks);
    if config.blocks > 1 && share(config.blocks - 1) == share(config.blocks) {
        return true;
    }
    let apart = Config::Ampere(ampere::Config { share_q_k: false, ..*config });
    config.share_q_k
        && apart
            .check(problem, gpu)
            .is_ok_and(|resources| shape(problem, &apart, &resources, gpu).blocks() >= blocks)
}

/// A kernel as the model sees it, before it was assembled.
pub(crate) fn shape(
    problem: &Problem,
    config: &Config,
    resources: &Resources,
    gpu: &Gpu,
) -> Kernel {
    let Resources { threads, shared_bytes, registers } = *resources;
    let blocks = occupancy(gpu, threads, registers, shared_bytes).blocks;
    match config {
        Config::Ampere(config) => Kernel::Warps(warps(problem, config, blocks)),
        Config::Hopper(config) => Kernel::Warpgroups(warpgroups(problem, config, blocks)),
        Config::Blackwell(config) => Kernel::TensorMemory(tensor_memory(problem, config, blocks)),
    }
}

fn warps(problem: &Problem, config: &ampere::Config, blocks: u32) -> WarpKernel {
    WarpKernel {
        tile_m: config.tile_m,
        tile_n: config.tile_n,
        warps: config.warps,
        head_dim: problem.head_dim,
        head_dim_v: problem.head_dim_v,
        stages: config.stages,
        q_in_registers: config.q_in_registers,
        blocks,
        order: match problem.mask {
            Mask::Causal => Order::LastTile,
            Mask::Full | Mask::Window { .. } => Order::FirstTile,
        },
        maximum: maximum(config.rescale),
        sass_per_score: None,
    }
}

fn warpgroups(problem: &Problem, config: &hopper::Config, blocks: u32) -> WarpgroupKernel {
    WarpgroupKernel {
        bytes: problem.dtype.bytes(),
        polynomials: config.polynomials,
        tile_m: config.tile_m,
        tile_n: config.tile_n,
        head_dim: problem.head_dim,
        head_dim_v: problem.head_dim_v,
        stages: config.stages,
        cluster: config.cluster,
        overlap: config.overlap,
        ping_pong: config.ping_pong,
        p_in_shared: config.p_in_shared,
        q_in_registers: config.q_in_registers,
        direct_output: config.direct_output,
        persistent: config.persistent,
        blocks,
        order: match config.longest_first {
            true => Order::LastTileOfAllHeads,
            false => Order::FirstTile,
        },
        maximum: maximum(config.rescale),
        sass_per_score: None,
    }
}

fn tensor_memory(problem: &Problem, config: &blackwell::Config, blocks: u32) -> TensorMemoryKernel {
    TensorMemoryKernel {
        bytes: problem.dtype.bytes(),
        query_tiles: config.query_tiles(),
        tile_n: config.tile_n,
        head_dim: problem.head_dim,
        head_dim_v: problem.head_dim_v,
        stages: config.stages,
        pair: if config.pair { 2 } else { 1 },
        early_share: f64::from(config.early_quarters) / 4.0,
        polynomials: (f64::from(config.polynomials) / 16.0, config.degree),
        persistent: config.schedule != blackwell::Schedule::Single,
        blocks,
        order: match config.longest_first {
            true => Order::LastTileOfAllHeads,
            false => Order::FirstTile,
        },
        maximum: if config.threshold == 0 { Maximum::Rescale } else { Maximum::Skip },
        sass_per_score: None,
    }
}

fn maximum(rescale: Rescale) -> Maximum {
    match rescale {
        Rescale::Always => Maximum::Rescale,
        Rescale::Lazy => Maximum::Skip,
        Rescale::Speculative => Maximum::Ignore,
    }
}
