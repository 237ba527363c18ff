//! Fences, and the barrier of a cluster.

use tilewright_codegen::ptx::Opcode;

use super::code::{Action, Convergence, Fence, Scope};
use super::memory::scope;
use super::operands::{Lowered, Operands};
use crate::hazard::Proxy;

/// Lowers `membar` and `fence`.
pub(super) fn lower(o: &mut Operands<'_>) -> Lowered<Action> {
    let word = |prefix: &str| o.name.modifiers().any(|word| word.starts_with(prefix));
    if o.name.has("mbarrier_init") {
        return Ok(Action::FenceProxy(&[Proxy::Mbarrier]));
    }
    if word("proxy") {
        // Of `alias`: no two addresses here are of the same memory.
        return Ok(match o.name.modifiers().find(|word| word.starts_with("async")) {
            Some("async") => Action::FenceProxy(match word("shared") {
                true => &[Proxy::AsyncShared],
                false if o.name.has("global") => &[Proxy::AsyncGlobal],
                false => &[Proxy::AsyncShared, Proxy::AsyncGlobal],
            }),
            Some(_) => Action::FenceProxy(&[Proxy::AsyncShared]),
            None if !word("tensormap") => Action::Nothing,
            // What was released so is visible to the proxy of those who acquire it.
            None if o.name.has("release") => {
                Action::Fence(Fence { scope: scope(&o.name, Scope::System) })
            }
            None => Action::FenceProxy(&[Proxy::TensorMap]),
        });
    }
    Ok(Action::Fence(Fence { scope: scope(&o.name, Scope::System) }))
}

/// Lowers `barrier.cluster`.
pub(super) fn cluster_barrier(o: &mut Operands<'_>) -> (Action, Convergence) {
    let action = match o.instruction.opcode() {
        Opcode::BarrierClusterArrive => Action::ClusterArrive { releases: !o.name.has("relaxed") },
        _ => Action::ClusterWait { acquires: true },
    };
    match o.name.has("aligned") {
        true => (action, Convergence::Aligned),
        false => (action, Convergence::Free),
    }
}
