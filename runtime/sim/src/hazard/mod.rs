//! Hazards: accesses that nothing orders, and reads of what nothing wrote.
//!
//! Two accesses of different threads to one byte race if one of them is a write, not both are
//! strong, and neither happened before the other. What happened before what follows from
//! barriers, `bar.warp.sync`, mbarriers, waits for copies, and from releases and acquires as the
//! PTX memory model pairs them; other `.sync` instructions order nothing in memory. A write of the
//! value that is there already is no race with writes of it.
//!
//! Asynchronous operations are described in [`asynchronous`], and what other proxies than the
//! generic one see in [`proxy`].

pub(crate) mod asynchronous;
mod clock;
mod control;
mod fragments;
mod observe;
mod product;
pub(crate) mod proxy;
mod published;
mod shadow;
mod sync;
mod tensor;
mod undefined;
mod unwritten;

pub(crate) use asynchronous::{Agents, Asynchronous, Bytes, Completion};
pub(crate) use clock::{Clocks, WarpClock};
pub(crate) use fragments::Fragments;
pub(crate) use product::{UndefinedFactors, unwritten_vectors};
pub(crate) use proxy::Proxy;
pub(crate) use published::Published;
pub(crate) use shadow::SharedShadow;
pub(crate) use tensor::{Stage, TensorAccessor, TensorShadow};
pub(crate) use undefined::{Cause, Origin, Origins, Undefined};
pub(crate) use unwritten::Unwritten;

use std::sync::MutexGuard;

use control::Regions;
use published::GlobalPublished;
use shadow::BufferShadow;
use tilewright_codegen::ptx::Space;

use crate::exec::locate;
use crate::fault::AccessKind;
use crate::machine::Context;
use crate::memory::Memory;
use crate::program::code::{Order, Scope};

/// An access of a warp, as the detector sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: AccessKind,
    pub(crate) order: Order,
    pub(crate) scope: Scope,
    /// Bytes of each lane.
    pub(crate) size: u32,
    proxy: Proxy,
    /// What the lane writes, where that is known beforehand.
    value: Option<&'a [u32; 8]>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(kind: AccessKind, order: Order, scope: Scope, size: u32) -> Self {
        Self { kind, order, scope, size, proxy: Proxy::Generic, value: None }
    }

    /// Through another proxy.
    pub(crate) fn through(self, proxy: Proxy) -> Self {
        Self { proxy, ..self }
    }

    /// With what a single lane writes.
    pub(crate) fn writing(self, value: &'a [u32; 8]) -> Self {
        Self { value: Some(value), ..self }
    }
}

/// What the detector knows of global memory.
#[derive(Debug)]
pub(crate) struct GlobalHazards {
    /// By buffer.
    shadows: Vec<BufferShadow>,
    published: GlobalPublished,
    regions: Regions,
}

impl GlobalHazards {
    /// Of a memory that no kernel has accessed.
    pub(crate) fn new(memory: &Memory) -> Self {
        let shadows = memory.buffers().iter().map(|b| BufferShadow::new(b.size())).collect();
        Self { shadows, published: GlobalPublished::new(), regions: Regions::default() }
    }
}

impl<'a> Context<'a> {
    /// Whether hazards are looked for.
    pub(crate) fn hazards(&self) -> bool {
        self.run.hazards.is_some()
    }

    /// Held while a strong access of a lane is observed and happens, since blocks run in parallel:
    /// whoever reads its value then also sees what was published with it.
    pub(crate) fn turn(
        &self,
        order: Order,
        space: Space,
        address: u64,
    ) -> Option<MutexGuard<'a, ()>> {
        let hazards = self.run.hazards.as_ref()?;
        let (space, address) = locate(space, address);
        (order.is_strong() && space == Space::Global).then(|| hazards.published.turn(address))
    }
}
