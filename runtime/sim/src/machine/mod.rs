//! The machine: a grid of clusters of blocks of warps.

mod block;
mod call;
mod cluster;
mod cluster_barrier;
mod converge;
mod flight;
mod flow;
mod grid;
mod multiprocessor;
mod raise;
mod random;
mod register_pool;
mod setup;
mod step;
mod sync;
mod unstarted;
mod warp;
mod warpgroup;

use thiserror::Error;

use crate::fault::Fault;
use crate::hazard::GlobalHazards;
use crate::launch::{Launch, LaunchError};
use crate::memory::Memory;
use crate::options::Options;
use crate::program::Program;
use crate::stats::Statistics;
use multiprocessor::Multiprocessors;
use unstarted::Unstarted;

pub(crate) use cluster::block_index;
pub(crate) use flight::{Awaited, Issuer, Operation};
pub(crate) use multiprocessor::Place;
pub(crate) use raise::{Outcome, Raised};
pub(crate) use random::Random;
pub(crate) use setup::Run;
pub(crate) use step::Next;
pub(crate) use warp::{Context, State, Warp};
pub(crate) use warpgroup::{Issue, Warpgroup};

/// Why a run did not finish.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RunError {
    /// The launch itself is not possible.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The kernel did something wrong.
    #[error(transparent)]
    Fault(#[from] Box<Fault>),
}

/// Executes one launch of `program` on `memory`.
///
/// Variables of the module are fresh in each launch.
///
/// # Errors
///
/// [`RunError::Launch`] where no device would accept the launch, [`RunError::Fault`] where the
/// kernel is at fault; what the kernel wrote until then stays written.
pub fn run(
    program: &Program,
    launch: &Launch,
    memory: &mut Memory,
    options: &Options,
) -> Result<Statistics, RunError> {
    setup::check(program, launch, options)?;
    let buffers = memory.buffers().len();
    let variables = setup::allocate_variables(program, memory);
    let hazards = options.hazards.then(|| GlobalHazards::new(memory));
    let run = Run {
        program,
        launch,
        memory,
        options,
        variables,
        shared_size: program.shared_size() as usize + launch.dynamic_shared as usize,
        hazards,
        unstarted: Unstarted::new(launch.blocks() / launch.blocks_per_cluster(), options.seed),
        multiprocessors: Multiprocessors::new(program, launch, options.seed),
    };
    let jobs = match options.jobs {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        jobs => jobs.min(Options::MOST_JOBS),
    };
    let result = grid::execute(&run, jobs);
    memory.release(buffers);
    let mut statistics = Statistics::default();
    for tallies in result? {
        let name = |i: usize| program.details[i].mnemonic.as_ref().map(|m| m.text());
        tallies.add_to(&mut statistics, name);
    }
    Ok(statistics)
}
