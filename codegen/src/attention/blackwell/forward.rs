//! The forward kernel: who does what.

use super::Schedule as Choice;
use super::correction::correct;
use super::epilogue::store;
use super::load::load;
use super::memory::Memory;
use super::multiply::multiply;
use super::registers::Shares;
use super::schedule::Schedule;
use super::shape::Shape;
use super::softmax::softmax;
use crate::attention::arguments::Arguments;
use crate::dsl::{Builder, CtaGroup, TensorAddress, Value, WARPGROUP};

/// Warps of a warpgroup.
const WARPS: u32 = WARPGROUP / 32;

/// The body of the kernel.
pub(super) fn forward(k: &Builder, shape: &Shape) {
    k.require_threads(shape.resources.threads);
    k.min_blocks_per_multiprocessor(1);
    if shape.config.pair {
        k.require_cluster(shape.cluster());
    }
    let arguments = Arguments::declare(k, shape.mask, shape.dtype, false);
    let rank = if shape.config.pair { k.cluster_rank() } else { k.constant(0) };
    let memory = Memory::declare(k, shape, rank);
    memory.init(k, shape);
    let warp = (k.thread_index().x / 32).of_first_lane();
    let tiles = shape.query_tiles();
    let issuing = warp.eq((tiles + 1) * WARPS);
    if shape.config.pair {
        // Both blocks of a pair must have begun before they allocate together.
        k.cluster_barrier_relaxed();
    }
    k.if_(issuing, || memory.tensor.allocate(k));
    k.fence_tensor_before_sync();
    barrier(k, shape);
    k.fence_tensor_after_sync();
    let base = memory.tensor.base();
    let warpgroup = (k.thread_index().x / WARPGROUP).of_first_lane();
    let shares = Shares::new(&shape.config);
    k.if_else(
        warpgroup.lt(tiles),
        || {
            k.take_registers(shares.softmax);
            softmax(k, shape, &arguments, &memory, base, warpgroup);
        },
        || {
            k.if_else(
                warpgroup.eq(tiles),
                || {
                    k.give_up_registers(shares.correction);
                    correct(k, shape, &arguments, &memory, base);
                },
                || {
                    k.give_up_registers(shares.others);
                    issue_and_copy(k, shape, &arguments, &memory, base, rank);
                },
            );
        },
    );
    k.fence_tensor_before_sync();
    barrier(k, shape);
    k.if_(issuing, || {
        k.fence_tensor_after_sync();
        memory.tensor.free(k);
    });
}

/// Waits until every thread of the group is here.
fn barrier(k: &Builder, shape: &Shape) {
    match shape.config.group() {
        CtaGroup::One => k.barrier(),
        CtaGroup::Two => k.cluster_barrier(),
    }
}

/// What the warps do that issue and copy: one of the threads of each.
fn issue_and_copy<'k>(
    k: &'k Builder,
    shape: &Shape,
    arguments: &Arguments<'k>,
    memory: &Memory<'k>,
    base: TensorAddress<'k>,
    rank: Value<'k, u32>,
) {
    let warp = (k.thread_index().x / 32 % WARPS).of_first_lane();
    let one_of = |number: u32, body: &dyn Fn()| {
        k.if_(warp.eq(number), || k.if_(k.elect(), body));
    };
    let multiply = || multiply(k, shape, arguments, memory, base);
    match shape.config.group() {
        CtaGroup::One => one_of(0, &multiply),
        CtaGroup::Two => k.if_(rank.eq(0), || one_of(0, &multiply)),
    }
    one_of(1, &|| load(k, shape, arguments, memory, rank));
    one_of(2, &|| store(k, shape, arguments, memory));
    if shape.config.schedule == Choice::Dynamic {
        one_of(3, &|| Schedule::new(k, shape, arguments, memory).ask());
    }
}
