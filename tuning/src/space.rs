//! The candidates for a problem: every configuration that can be built, those that cannot counted
//! by reason.

use std::collections::BTreeMap;

use rayon::prelude::*;
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
    /// How many more could be built, but give something up for what fits a multiprocessor anyway.
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
    let configs: Vec<Config> = Config::space(problem, gpu).collect();
    let examined = configs.len();
    let look = |config| (config, look(problem, config, gpu, model));
    let looked: Vec<(Config, Look)> = configs.into_par_iter().map(look).collect();
    let mut refusals: BTreeMap<&'static str, Refusal> = BTreeMap::new();
    let mut candidates = Vec::new();
    let mut needless = 0;
    for (config, look) in looked {
        match look {
            Look::Candidate(candidate) => candidates.push(candidate),
            Look::Needless => needless += 1,
            Look::Refused(error) => {
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

/// What a look at a configuration tells.
enum Look {
    Candidate(Candidate),
    Needless,
    Refused(ConfigError),
}

fn look(problem: &Problem, config: Config, gpu: &Gpu, model: &dyn Model) -> Look {
    let resources = match config.check(problem, gpu) {
        Ok(resources) => resources,
        Err(error) => return Look::Refused(error),
    };
    let kernel = shape(problem, &config, &resources, gpu);
    if is_needless(problem, &config, kernel.blocks(), gpu) {
        return Look::Needless;
    }
    let estimate = model.estimate(gpu, problem, &kernel);
    Look::Candidate(Candidate { config, resources, estimate })
}

/// Whether `config`, of which `blocks` fit a multiprocessor, gives up something for nothing: two
/// tensors share memory where as many blocks would fit without that, there is room for one more stage,
/// or it asks for blocks to which the registers of fewer would be the same.
fn is_needless(problem: &Problem, config: &Config, blocks: u32, gpu: &Gpu) -> bool {
    let fits = |other: Config| {
        let resources = other.check(problem, gpu);
        resources.is_ok_and(|resources| shape(problem, &other, &resources, gpu).blocks() >= blocks)
    };
    match *config {
        Config::Ampere(config) => {
            let share = |blocks| register_share(gpu, config.threads(), blocks);
            let same = config.blocks > 1 && share(config.blocks - 1) == share(config.blocks);
            let apart = ampere::Config { share_q_k: false, ..config };
            same || config.share_q_k && fits(apart.into())
        }
        Config::Hopper(config) => {
            fits(hopper::Config { stages: config.stages + 1, ..config }.into())
        }
        Config::Blackwell(config) => {
            let longer = blackwell::Config { stages: config.stages + 1, ..config };
            let apart = blackwell::Config { o_over_q: false, ..config };
            fits(longer.into()) || config.o_over_q && fits(apart.into())
        }
    }
}

/// A kernel as the model sees it, before it was assembled.
pub(crate) fn shape(
    problem: &Problem,
    config: &Config,
    resources: &Resources,
    gpu: &Gpu,
) -> Kernel {
    let Resources { threads, shared_bytes, registers } = *resources;
    let registers = match config {
        Config::Ampere(_) => registers,
        // The greediest threads have theirs from others, once a block with equal shares runs.
        Config::Hopper(_) | Config::Blackwell(_) => registers.min(register_share(gpu, threads, 1)),
    };
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
        maximum: if config.threshold > 0 { Maximum::Skip } else { Maximum::Rescale },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Analytic;
    use tilewright::attention::DataType;

    /// No tile that can be built is left out: where there are fewer stages than fit, there is a
    /// candidate with more, and every candidate fits a multiprocessor.
    #[test]
    fn tiles_of_every_size_are_candidates() {
        for (gpu, rows) in [("b200", &[128, 256][..]), ("h100_sxm", &[64, 128, 192])] {
            let gpu = Gpu::named(gpu).unwrap();
            let problem = Problem {
                dtype: DataType::E4m3,
                head_dim: 64,
                head_dim_v: 64,
                batch: 4,
                heads: 32,
                kv_heads: 32,
                seqlen_q: 4096,
                seqlen_kv: 4096,
                mask: Mask::Full,
            };
            let Space { candidates, .. } = explore(&problem, gpu, &Analytic).unwrap();
            let has = |tile_m| candidates.iter().any(|c| c.config.tile_m() == tile_m);
            assert!(rows.iter().all(|&tile_m| has(tile_m)), "{gpu}");
            assert!(candidates.iter().all(|c| c.estimate.time_us.is_finite()), "{gpu}");
        }
    }
}
