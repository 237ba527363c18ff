//! `tcgen05.ld`, `st` and `wait`: between tensor memory and the registers of a warp.
//!
//! Both take effect when they are issued. Whoever could tell from a later moment has not waited for
//! them, which the detector finds: until then a load reads its cells and a store writes them. The
//! registers of a load may be read without a wait, as a *true register dependency* is kept: who reads
//! one waits for that load. Kernels of NVIDIA's own CuTe DSL rely on it; a lint asks for the wait.

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
    /// What completes the stores since the last wait for stores.
    storing: Option<Completion>,
    /// Loads under way: no wait came since, and no read of one of their registers.
    loading: Vec<Loading>,
    /// What completes the next loads: loads under way have agents of their own.
    free: Vec<Completion>,
}

#[derive(Debug)]
struct Loading {
    pc: Pc,
    completion: Completion,
}

impl TensorWaits {
    fn store(&mut self, context: &mut Context<'_>) -> Completion {
        *self.storing.get_or_insert_with(|| Completion::first(context.agents.agent()))
    }

    fn load(&mut self, context: &mut Context<'_>) -> Completion {
        let free = self.free.pop();
        let completion = free.unwrap_or_else(|| Completion::first(context.agents.agent()));
        self.loading.push(Loading { pc: context.pc, completion });
        completion
    }
}

/// Where the cells of a load or store begin.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) shape: Shape,
    pub(super) lane: u32,
    pub(super) column: u32,
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
        let quarter = (self.index % 4 * QUARTER) as u32;
        let lints = context.run.options.lints;
        let relative = lane < QUARTER as u32 && !lints.tensor_lanes_of_another_warp;
        let lane = if relative { lane + quarter } else { lane };
        let rank = context.rank;
        let (columns, starts) = shape.columns(registers as u32);
        let region =
            |column| TensorRegion { rank, lanes: lane_mask(lane, shape.lanes()), column, columns };
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
                let (stage, completion) = match stores {
                    true => (Stage::Store, self.tensor_waits.store(context)),
                    false => (Stage::Load, self.tensor_waits.load(context)),
                };
                TensorAccessor::warp(self, stage, completion, context)
            }
        };
        // When a load reads its cells, nobody can tell who does not look at its registers.
        if kind == AccessKind::CopyRead && context.hazards() && context.detail().is_unread {
            return Ok(Place { shape, lane, column });
        }
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
        if let Some((reduction, destination)) = load.reduction {
            let registers = load.destinations.iter().map(|&slot| self.registers.get(slot));
            *self.registers.get_mut(destination) = reduction.of(registers);
        }
        if context.hazards() && !context.detail().is_unread {
            self.leave_loaded_cells_undefined(load, place, context);
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
        if context.hazards() && self.reads_undefined(ALL, context) {
            self.leave_cells_undefined(store, place, context);
        }
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

    /// Looks at the registers that an instruction uses: a read of what a load writes waits for that
    /// load, but a write could come before it.
    pub(crate) fn check_loading(&mut self, context: &mut Context<'_>) -> Outcome<()> {
        if self.tensor_waits.loading.is_empty() {
            return Ok(());
        }
        let program = context.run.program;
        let detail = &program.details[context.pc as usize];
        let mut at = 0;
        while let Some(&Loading { pc, completion }) = self.tensor_waits.loading.get(at) {
            let destinations = &program.details[pc as usize].writes;
            let one_of = |registers: &[u32]| {
                registers.iter().copied().find(|number| destinations.contains(number))
            };
            let (read, written) = (one_of(&detail.reads), one_of(&detail.writes));
            let forbidden = match read {
                Some(_) if !context.run.options.lints.unwaited_tensor_loads => None,
                _ => read.or(written),
            };
            if let Some(number) = forbidden {
                let register = program.slots.names[number as usize].clone();
                let (load, writes) = (self.site(context, pc, ALL), read.is_none());
                return Err(Raised::new(FaultKind::TensorRegister { register, load, writes }, ALL));
            }
            match read {
                Some(_) => {
                    self.tensor_waits.loading.swap_remove(at);
                    self.tensor_waits.free.push(completion.next());
                    self.learn_of([completion]);
                }
                None => at += 1,
            }
        }
        Ok(())
    }

    /// `tcgen05.wait`.
    pub(super) fn wait_tensor(&mut self, stores: bool) {
        let waits = &mut self.tensor_waits;
        if stores {
            if let Some(completion) = waits.storing {
                waits.storing = Some(completion.next());
                self.learn_of([completion]);
            }
            return;
        }
        let complete: Vec<_> = waits.loading.drain(..).map(|load| load.completion).collect();
        waits.free.extend(complete.iter().map(|completion| completion.next()));
        self.learn_of(complete);
    }

    /// Lets all lanes know what is complete.
    fn learn_of(&mut self, complete: impl IntoIterator<Item = Completion>) {
        let mut clocks = Clocks::default();
        for Completion { agent, time } in complete {
            clocks.join(&Clocks::completion(self.clock.cluster(), agent, time));
        }
        self.clock.learn(ALL, &clocks);
    }
}
