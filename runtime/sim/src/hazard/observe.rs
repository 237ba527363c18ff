//! Accesses as the detector sees them.

use tilewright_codegen::ptx::Space;

use super::Event;
use super::proxy::Proxy;
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
                            let of = (event.kind, event.size);
                            let at = (Space::Global, address, lane);
                            return Err(raise(of, at, &conflict, context));
                        }
                    }
                }
                _ => continue,
            }
            if matches!(event.kind, AccessKind::Atomic | AccessKind::CopyRead) {
                self.check_written(event.kind, (space, address, event.size), lane, context)?;
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
        if let Some((rank, at)) = context.shared_at(address) {
            context.check_no_mbarrier(rank, at, event.size, lane)?;
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
        // Accesses outside of the block's memory are refused when they happen.
        let Some((rank, at)) = context.shared_at(address) else { return Ok(()) };
        let block = &context.blocks[rank];
        let Some(held) = block.shared.get(at, event.size) else { return Ok(()) };
        let silent = event.value.is_some_and(|value| {
            block.shared.unwritten(at, event.size) == 0
                && bytes(value)[..event.size as usize] == *held
        });
        let record = self.record(event, lane, silent, context);
        let block = &mut context.blocks[rank];
        for (granule, mask) in granules(at, event.size) {
            let access =
                block.shadow.cell(granule).access(Record { mask, ..record }, lane, &self.clock);
            if let Err(conflict) = access {
                let of = (event.kind, event.size);
                return Err(raise(of, (Space::Shared, address, lane), &conflict, context));
            }
        }
        Ok(())
    }

    fn record(&self, event: Event<'_>, lane: usize, silent: bool, context: &Context<'_>) -> Record {
        Record {
            time: self.clock.time(),
            cluster: self.clock.cluster(),
            pc: context.pc,
            issue: self.executed as u32,
            accessor: self.clock.thread(lane),
            thread: self.clock.thread(lane) as u16,
            mask: 0,
            kind: event.kind,
            proxy: event.proxy,
            strong: event.order.is_strong(),
            in_flight: event.kind == AccessKind::CopyWrite,
            asynchronous: false,
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

    /// Notes that copies of lanes to these offsets in shared memory are complete, and the proxy
    /// that they count as writes of.
    pub(crate) fn observe_landing(
        &mut self,
        (destination, size): (&[u64; LANES], u32),
        mask: u32,
        proxy: Proxy,
        context: &mut Context<'_>,
    ) {
        for lane in lanes(mask) {
            let (thread, time) = (self.clock.thread(lane) as u16, self.clock.time());
            for (granule, bytes) in granules(destination[lane], size) {
                context.block().shadow.cell(granule).land(thread, bytes, time, proxy);
            }
        }
    }
}

/// The fault of a conflict.
pub(super) fn raise(
    (kind, size): (AccessKind, u32),
    (space, address, lane): (Space, u64, usize),
    conflict: &Conflict,
    context: &Context<'_>,
) -> Box<Raised> {
    let access = context.describe(kind, space, address, size);
    let site = |r: &Record| context.run.site_of(r.cluster, usize::from(r.thread), r.pc);
    let kind = match conflict {
        Conflict::Race(other) => {
            FaultKind::Race { access, other_kind: other.kind, other: site(other) }
        }
        Conflict::InFlight(copy) => FaultKind::InFlight { access, copy: site(copy) },
        Conflict::Unfenced(write, proxy) => {
            FaultKind::Proxy { access, fence: proxy.fence(), write: site(write) }
        }
    };
    Raised::new(kind, 1 << lane)
}
