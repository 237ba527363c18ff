//! Accesses as the detector sees them.

use tilewright_codegen::ptx::Space;

use super::Event;
use super::shadow::{Conflict, Record, granules, writes};
use crate::exec::registers::{LANES, lanes};
use crate::exec::{bytes, locate};
use crate::fault::{AccessKind, FaultKind};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::program::code::{Order, Scope};

impl Warp {
    /// Looks at an access before it happens.
    pub(crate) fn observe(
        &mut self,
        event: Event<'_>,
        space: Space,
        addresses: &[u64; LANES],
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let mut page = None;
        for lane in lanes(active) {
            let (space, address) = locate(space, addresses[lane]);
            match space {
                Space::Shared => self.observe_shared(event, lane, address, context)?,
                Space::Global => {
                    // Accesses outside of every buffer are refused when they happen.
                    let memory = context.run.memory;
                    let Some(index) = memory.find(address, event.size, context.hint) else {
                        continue;
                    };
                    context.hint = index;
                    let Some(hazards) = &context.run.hazards else { continue };
                    let buffer = &memory.buffers()[index];
                    let offset = address - buffer.address();
                    let silent = event
                        .value
                        .is_some_and(|value| buffer.read(offset as usize, event.size) == *value);
                    let record = self.record(event, lane, silent, context);
                    for (granule, mask) in granules(offset, event.size) {
                        let new = Record { mask, ..record };
                        let clock = &self.clock;
                        let held = &mut page;
                        let conflict =
                            hazards.shadows[index].with_cell((index, granule), held, |cell| {
                                cell.access(new, lane, clock)
                            });
                        if let Some(Err(conflict)) = conflict {
                            return Err(raise(
                                event,
                                (Space::Global, address, lane),
                                conflict,
                                context,
                            ));
                        }
                    }
                    if !matches!(event.kind, AccessKind::Write | AccessKind::CopyWrite)
                        && buffer.unwritten(offset as usize, event.size) != 0
                    {
                        return Err(unwritten(event, (Space::Global, address, lane), context));
                    }
                }
                _ => continue,
            }
            if event.order.is_strong() {
                page = None;
                self.synchronize(event, space, address, lane, context);
            }
        }
        Ok(())
    }

    fn observe_shared(
        &mut self,
        event: Event<'_>,
        lane: usize,
        address: u64,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let at = context.own_shared(address);
        if let Some(at) = at.filter(|&at| context.block().mbarriers.overlaps(at, event.size)) {
            let place = format!("shared address {at:#x}");
            let problem = "it is live, and an access other than mbarrier's touches it".into();
            return Err(Raised::new(FaultKind::Mbarrier { place, problem }, 1 << lane));
        }
        self.observe_object(event, lane, address, context)
    }

    /// The same, where the access may be to an mbarrier.
    pub(super) fn observe_object(
        &mut self,
        event: Event<'_>,
        lane: usize,
        address: u64,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let own = context.own_shared(address);
        let block = &context.blocks[context.rank];
        // Accesses outside of the block's memory are refused when they happen.
        let held = own.and_then(|at| block.shared.get(at, event.size));
        let (Some(at), Some(held)) = (own, held) else { return Ok(()) };
        let silent = event.value.is_some_and(|value| {
            block.shared.is_written(at, event.size) && bytes(value)[..event.size as usize] == *held
        });
        let record = self.record(event, lane, silent, context);
        let block = context.block();
        for (granule, mask) in granules(at, event.size) {
            let access =
                block.shadow.cell(granule).access(Record { mask, ..record }, lane, &self.clock);
            if let Err(conflict) = access {
                return Err(raise(event, (Space::Shared, address, lane), conflict, context));
            }
        }
        let reads = !matches!(event.kind, AccessKind::Write | AccessKind::CopyWrite);
        if reads && !block.shared.is_written(at, event.size) {
            return Err(unwritten(event, (Space::Shared, address, lane), context));
        }
        Ok(())
    }

    fn record(&self, event: Event<'_>, lane: usize, silent: bool, context: &Context<'_>) -> Record {
        Record {
            time: self.clock.time(),
            cluster: self.clock.cluster(),
            pc: context.pc,
            issue: self.executed as u32,
            thread: self.clock.thread(lane) as u16,
            mask: 0,
            kind: event.kind,
            strong: event.order.is_strong(),
            in_flight: event.kind == AccessKind::CopyWrite,
            silent: silent && writes(event.kind),
        }
    }

    /// Looks at copies when they are issued.
    pub(crate) fn observe_copy(
        &mut self,
        source: &[u64; LANES],
        destination: &[u64; LANES],
        (size, read): (u32, &[u8; LANES]),
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let event = |kind, size| Event::new(kind, Order::Weak, Scope::Block, size);
        let write = event(AccessKind::CopyWrite, size);
        self.observe(write, Space::Shared, destination, active, context)?;
        let whole =
            lanes(active).filter(|&l| u32::from(read[l]) == size).fold(0, |m, l| m | 1 << l);
        self.observe(event(AccessKind::CopyRead, size), Space::Global, source, whole, context)?;
        for lane in lanes(active & !whole).filter(|&lane| read[lane] > 0) {
            let partial = event(AccessKind::CopyRead, u32::from(read[lane]));
            self.observe(partial, Space::Global, source, 1 << lane, context)?;
        }
        Ok(())
    }

    /// Notes that lanes have waited for copies to these offsets in shared memory.
    pub(crate) fn observe_landing(
        &mut self,
        destination: &[u64; LANES],
        size: u32,
        mask: u32,
        context: &mut Context<'_>,
    ) {
        for lane in lanes(mask) {
            let thread = self.clock.thread(lane) as u16;
            for (granule, bytes) in granules(destination[lane], size) {
                context.block().shadow.cell(granule).land(thread, bytes, self.clock.time());
            }
        }
    }
}

/// The fault of a conflict.
fn raise(
    event: Event<'_>,
    (space, address, lane): (Space, u64, usize),
    conflict: Conflict,
    context: &Context<'_>,
) -> Box<Raised> {
    let access = context.describe(event.kind, space, address, event.size);
    let site = |r: &Record| context.run.site_of(r.cluster, usize::from(r.thread), r.pc);
    let kind = match &conflict {
        Conflict::Race(other) => {
            FaultKind::Race { access, other_kind: other.kind, other: site(other) }
        }
        Conflict::InFlight(copy) => FaultKind::InFlight { access, copy: site(copy) },
    };
    Raised::new(kind, 1 << lane)
}

fn unwritten(
    event: Event<'_>,
    (space, address, lane): (Space, u64, usize),
    context: &Context<'_>,
) -> Box<Raised> {
    let access = context.describe(event.kind, space, address, event.size);
    Raised::new(FaultKind::UninitializedMemory(access), 1 << lane)
}
