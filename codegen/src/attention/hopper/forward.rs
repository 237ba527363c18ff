//! The forward kernel: who does what.

use super::consumer::consume;
use super::memory::Memory;
use super::producer::produce;
use super::registers;
use super::shape::Shape;
use super::transposer::produce_transposed;
use crate::dsl::{Builder, WARPGROUP};

/// The body of the kernel.
pub(super) fn forward(k: &Builder, shape: &Shape) {
    let config = &shape.config;
    k.require_threads(shape.resources.threads);
    k.min_blocks_per_multiprocessor(1);
    if config.cluster > 1 {
        k.require_cluster(config.cluster);
    }
    let arguments = shape.arguments(k);
    let memory = Memory::declare(k, shape);
    memory.init(k, shape);
    let warpgroup = (k.thread_index().x / WARPGROUP).of_first_lane();
    let shares = registers::shares(config, shape.dtype);
    let copies = || {
        if let Some((producer, _)) = shares {
            k.give_up_registers(producer);
        }
        if let Some(staged) = &memory.staged {
            produce_transposed(k, shape, &arguments, &memory, staged);
            return;
        }
        let warp = (k.thread_index().x / 32).of_first_lane();
        k.if_(warp.eq(0), || {
            k.if_(k.elect(), || produce(k, shape, &arguments, &memory));
        });
    };
    let computes = || {
        if let Some((_, consumer)) = shares {
            k.take_registers(consumer);
        }
        consume(k, shape, &arguments, &memory, warpgroup - 1);
    };
    k.if_else(warpgroup.eq(0), copies, computes);
    if config.cluster > 1 {
        // Others may still copy to this block, or arrive at its mbarriers.
        k.cluster_barrier();
    }
}
