//! Hazards: accesses that nothing orders, and reads of what nothing wrote.

use tilewright_codegen::ptx::Space;

use crate::exec::registers::LANES;
use crate::fault::AccessKind;
use crate::machine::{Context, Outcome, Warp};
use crate::program::code::{Order, Pc, Scope};

/// An access of a warp, as the detector sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: AccessKind,
    pub(crate) order: Order,
    pub(crate) scope: Scope,
    /// Bytes of each lane.
    pub(crate) size: u32,
    /// What each lane writes, where that is known beforehand.
    pub(crate) values: Option<&'a [[u32; 8]; LANES]>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(kind: AccessKind, order: Order, scope: Scope, size: u32) -> Self {
        Self { kind, order, scope, size, values: None }
    }

    pub(crate) fn writing(self, values: &'a [[u32; 8]; LANES]) -> Self {
        Self { values: Some(values), ..self }
    }
}

impl Context<'_> {
    /// Whether hazards are looked for.
    pub(crate) fn hazards(&self) -> bool {
        self.run.options.hazards
    }
}

impl Warp {
    pub(crate) fn observe(
        &mut self,
        event: Event<'_>,
        space: Space,
        addresses: &[u64; LANES],
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let _ = (event, space, addresses, active, context);
        Ok(())
    }

    pub(crate) fn observe_copy(
        &mut self,
        source: &[u64; LANES],
        destination: &[u64; LANES],
        (size, read): (u32, &[u8; LANES]),
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let _ = (source, destination, size, read, active, context);
        Ok(())
    }

    pub(crate) fn observe_landing(
        &mut self,
        destination: &[u64; LANES],
        size: u32,
        lanes: u32,
        pc: Pc,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let _ = (destination, size, lanes, pc, context);
        Ok(())
    }

    pub(crate) fn release_to_mbarrier(&mut self, at: u64, lane: usize, context: &mut Context<'_>) {
        let _ = (at, lane, context);
    }

    pub(crate) fn acquire_from_mbarrier(
        &mut self,
        at: u64,
        lane: usize,
        context: &mut Context<'_>,
    ) {
        let _ = (at, lane, context);
    }
}
