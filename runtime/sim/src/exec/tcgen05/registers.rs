//! `tcgen05.ld`, `st` and `wait`: between tensor memory and the registers of a warp.
//!
//! Both take effect when they are issued. Whoever could tell from a later moment has not waited for
//! them, which the detector finds: until then a load reads its cells and a store writes them. The
//! registers of a load may be read without a wait, as a *true register dependency* is kept. Kernels of
//! NVIDIA's own CuTe DSL take it for a wait altogether, and hardly hold a `tcgen05.wait::ld`: where a
//! program is of that kind, loads are complete once each has had a register read.

use super::super::registers::{ALL, LANES};
use super::refuse;
use super::shape::Shape;
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::{Clocks, Completion, Stage, TensorAccessor};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::memory::tensor::{QUARTER, TensorAddress, TensorRegion, lane_mask};
use crate::program::code::{Address, Pc};
use crate::program::tcgen05::{TensorLoad, TensorStore};

/// The loads and stores of a warp, as the detector sees them.
#[derive(Debug, Default)]
pub(crate) struct TensorWaits {
    /// Of loads and of stores.
    waits: [Waits; 2],
    /// Loads that may not have written their registers yet: no wait came since, and no read of one of
    /// these.
    loading: Vec<Pc>,
}

/// Those of one kind.
#[derive(Debug, Default)]
struct Waits {
    /// Who completes them, once there are any.
    agent: Option<u32>,
    /// How often the warp has waited.
    waited: u32,
}

impl TensorWaits {
    fn completion(&mut self, stores: bool, context: &mut Context<'_>) -> Completion {
        let waits = &mut self.waits[usize::from(stores)];
        let agent = *waits.agent.get_or_insert_with(|| context.agents.agent());
        Completion { agent, time: waits.waited + 1 }
    }
}

/// Where the cells of a load or store begin.
#[derive(Clone, Copy)]
struct Place {
    shape: Shape,
    lane: u32,
    column: u32,
}

impl Warp {
    /// Finds the cells of a load or store, and looks at what it does to them.
    fn place(
        &mut self,
        group: usize,
        (address, shape, registers): (&Address, Shape, usize),
        kind: AccessKind,
        context: &mut Context<'_>,
    ) -> Outcome<Place> {
        let addresses = self.addresses(group, address).map(|address| address as u32);
        if let Some(lane) = (1..LANES).find(|&lane| addresses[lane] != addresses[0]) {
            let what = "the address in tensor memory differs between lanes";
            return Err(Raised::undefined(what, 1 << lane));
        }
        let TensorAddress { lane, column } = TensorAddress::new(addresses[0]);
        let rank = context.rank;
        let (columns, starts) = shape.columns(registers as u32);
        let region =
            |column| TensorRegion { rank, lanes: lane_mask(lane, shape.lanes()), column, columns };
        let quarter = (self.index % 4 * QUARTER) as u32;
        let fits = lane == quarter || shape.lanes() == 16 && lane == quarter + 16;
        if !fits {
            let also =
                if shape.lanes() == 16 { format!(" or {}", quarter + 16) } else { "".into() };
            let problem = format!(
                "a warp reaches the quarter of the lanes that its index modulo 4 gives: for warp {} \
                 the address has to have lane {quarter}{also}",
                self.index
            );
            return Err(refuse(kind, &region(column), problem, ALL));
        }
        let stores = kind == AccessKind::CopyWrite;
        let accessor = match context.hazards() {
            false => TensorAccessor::unknown(),
            true => {
                let completion = self.tensor_waits.completion(stores, context);
                let stage = if stores { Stage::Store } else { Stage::Load };
                TensorAccessor::warp(self, stage, completion, context)
            }
        };
        for start in starts {
            self.access_tensor(&accessor, kind, &region(column.saturating_add(start)), context)?;
        }
        Ok(Place { shape, lane, column })
    }

    /// `tcgen05.ld`.
    pub(super) fn load_tensor(
        &mut self,
        group: usize,
        load: &TensorLoad,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let what = (&load.address, load.shape, load.destinations.len());
        let place = self.place(group, what, AccessKind::CopyRead, context)?;
        let memory = &context.blocks[context.rank].tensor.memory;
        for (r, &destination) in load.destinations.iter().enumerate() {
            let register = self.registers.get_mut(destination);
            if place.shape.is_direct() {
                let column = memory.column(place.column + r as u32);
                register.copy_from_slice(&column[place.lane as usize..][..LANES]);
                continue;
            }
            for (t, value) in register.iter_mut().enumerate() {
                let (lane, column) = place.shape.cell(r as u32, t as u32);
                let lane = (place.lane + lane) as usize;
                *value = memory.column(place.column + column)[lane];
                if place.shape.is_packed() {
                    let high = memory.column(place.column + column + 1)[lane];
                    *value = *value & 0xffff | high << 16;
                }
            }
        }
        if context.hazards() {
            self.tensor_waits.loading.push(context.pc);
        }
        if let Some((reduction, destination)) = load.reduction {
            let registers = load.destinations.iter().map(|&slot| self.registers.get(slot));
            *self.registers.get_mut(destination) = reduction.of(registers);
        }
        Ok(())
    }

    /// `tcgen05.st`.
    pub(super) fn store_tensor(
        &mut self,
        group: usize,
        store: &TensorStore,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let what = (&store.address, store.shape, store.sources.len());
        let place = self.place(group, what, AccessKind::CopyWrite, context)?;
        let memory = &mut context.blocks[context.rank].tensor.memory;
        for (r, &source) in store.sources.iter().enumerate() {
            let register = self.registers.get(source);
            if place.shape.is_direct() {
                let column = memory.column_mut(place.column + r as u32);
                column[place.lane as usize..][..LANES].copy_from_slice(register);
                continue;
            }
            for (t, &value) in register.iter().enumerate() {
                let (lane, column) = place.shape.cell(r as u32, t as u32);
                let (lane, column) = ((place.lane + lane) as usize, place.column + column);
                match place.shape.is_packed() {
                    false => memory.column_mut(column)[lane] = value,
                    true => {
                        memory.column_mut(column)[lane] = value & 0xffff;
                        memory.column_mut(column + 1)[lane] = value >> 16;
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at the registers that an instruction uses: a read of what a load writes waits for that,
    /// but a write could come before it.
    pub(crate) fn check_loading(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        if self.tensor_waits.loading.is_empty() {
            return Ok(());
        }
        let program = context.run.program;
        let detail = &program.details[context.pc as usize];
        let destinations = |pc: Pc| &program.details[pc as usize].writes;
        let loading = &mut self.tensor_waits.loading;
        loading.retain(|&pc| !detail.reads.iter().any(|read| destinations(pc).contains(read)));
        for &pc in loading.iter() {
            if let Some(&number) = detail.writes.iter().find(|n| destinations(pc).contains(n)) {
                let register = program.slots.names[number as usize].clone();
                let load = self.site(context, pc, ALL);
                return Err(Raised::new(FaultKind::TensorRegister { register, load }, ALL));
            }
        }
        if program.hardly_waits_for_loads && self.tensor_waits.loading.is_empty() {
            self.wait_tensor(false, context);
        }
        Ok(())
    }

    /// `tcgen05.wait`.
    pub(super) fn wait_tensor(&mut self, stores: bool, context: &mut Context<'_>) {
        if !context.hazards() {
            return;
        }
        if !stores {
            self.tensor_waits.loading.clear();
        }
        let waits = &mut self.tensor_waits.waits[usize::from(stores)];
        let Some(agent) = waits.agent else { return };
        waits.waited += 1;
        let clocks = Clocks::completion(self.clock.cluster(), agent, waits.waited);
        self.clock.learn(ALL, &clocks);
    }
}
