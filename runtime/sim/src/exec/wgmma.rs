//! `wgmma`: products of a warpgroup that are computed some time between their issue and the wait
//! that covers them.
//!
//! A warp issues its part of a product when it executes the instruction, and all of it is issued
//! when the four warps have. Shared memory is read once for all of them, not before that and at a
//! moment that the seed chooses. The sums appear in a warp's registers of D in the order of issue,
//! each at the latest when the warp waits for it.

use std::collections::VecDeque;

use super::copy::landing_time;
use super::registers::{ALL, Condition, LANES, Slot};
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::{Bytes, Clocks, UndefinedFactors, unwritten_vectors};
use crate::machine::{Context, Issue, Outcome, Raised, Warp, Warpgroup};
use crate::memory::SharedMemory;
use crate::numeric::matrix::wgmma::{
    Factor, M, PANEL, Product, SharedMatrix, WARP_ROWS, fragment_rows,
};
use crate::numeric::matrix::{Descriptor, Major, UNIT, Units};
use crate::program::code::{Action, Multiplicand, Pc, Wgmma};

/// Warps of a warpgroup.
pub(crate) const WARPS: usize = 4;

/// The products that a warp has issued and not waited for, in order.
#[derive(Debug, Default)]
pub(crate) struct Products {
    /// How many it has issued.
    issued: u64,
    /// Groups that it has closed.
    committed: u32,
    pending: VecDeque<Pending>,
}

/// A product as one of its warps sees it.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// Its number among those of the warpgroup.
    number: u64,
    pc: Pc,
    group: u32,
    /// Whether its sums are in D.
    landed: bool,
}

impl Products {
    /// The number of the product that is issued next.
    pub(crate) fn next(&self) -> u64 {
        self.issued
    }

    /// Whether a product was not waited for.
    pub(crate) fn is_pending(&self, number: u64) -> bool {
        self.pending.front().is_some_and(|first| first.number <= number)
    }

    /// The instruction of a product that was not waited for.
    pub(crate) fn pc_of(&self, number: u64) -> Option<Pc> {
        self.pending.iter().find(|pending| pending.number == number).map(|pending| pending.pc)
    }

    /// `wgmma.commit_group`.
    pub(crate) fn commit(&mut self) {
        self.committed += 1;
    }

    /// How many of the pending products a wait covers that leaves `most` groups.
    fn covered(&self, most: u32) -> usize {
        let covers = |pending: &&Pending| pending.group.saturating_add(most) < self.committed;
        self.pending.iter().take_while(covers).count()
    }

    /// The last product that a wait covers which leaves `most` groups.
    pub(crate) fn last_covered(&self, most: u32) -> Option<u64> {
        self.pending.get(self.covered(most).checked_sub(1)?).map(|pending| pending.number)
    }
}

impl Warp {
    /// The index of its warpgroup in the block, and its own there.
    pub(crate) fn warpgroup(&self) -> (usize, usize) {
        (self.index / WARPS, self.index % WARPS)
    }

    /// Executes `wgmma.mma_async`.
    pub(crate) fn multiply_async(
        &mut self,
        wgmma: &Wgmma,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let (group, warp) = self.warpgroup();
        let warps = context.block().live.get(group * WARPS..(group + 1) * WARPS);
        if warps.is_none_or(|warps| warps.iter().any(|&live| live != ALL)) {
            let problem = "wgmma needs all threads of four warps, of which the first has an index \
                           that is a multiple of 4";
            return Err(Raised::new(FaultKind::Warpgroup(problem.into()), ALL));
        }
        let issue = self.issue_of(wgmma, context)?;
        let (number, now) = (self.products.issued, context.now);
        let random = &mut *context.random;
        let due = || landing_time(now, random);
        let warpgroup = &mut context.blocks[context.rank].warpgroups[group];
        if let Err(other) = warpgroup.issue(number, warp, issue, due) {
            let line = context.run.program.details[other as usize].line;
            let problem = format!(
                "its warps are expected to issue the same products in the same order, with the \
                 same descriptors and scale-d, and in the same groups; another warp's is at line \
                 {line}"
            );
            return Err(Raised::new(FaultKind::Warpgroup(problem), ALL));
        }
        if context.hazards() {
            let factors = self.observe_factors(number, (issue.a, issue.b, wgmma.n), context)?;
            self.define_sums(wgmma, issue.accumulate, &factors, context);
        }
        let pending = Pending { number, pc: context.pc, group: issue.group, landed: false };
        self.products.issued += 1;
        self.products.pending.push_back(pending);
        *context.changes += 1;
        self.land_products(None, context);
        Ok(())
    }

    /// Looks at what the warp's part of a product reads in shared memory: its rows of A, all of B. What
    /// of them is undefined.
    fn observe_factors(
        &mut self,
        number: u64,
        (a, b, n): (Option<SharedMatrix>, SharedMatrix, usize),
        context: &mut Context<'_>,
    ) -> Outcome<UndefinedFactors> {
        let (group, warp) = self.warpgroup();
        let rank = context.rank;
        let operation = context.blocks[rank].warpgroups[group].operation(number, context.agents);
        let first = warp * WARP_ROWS;
        let rows = a.map(|a| a.units(first..first + WARP_ROWS));
        for at in rows.into_iter().flatten().chain(b.units(0..n)) {
            let bytes = Bytes::Shared { rank, offset: u64::from(at), size: UNIT as u32 };
            self.observe_async(&operation, AccessKind::CopyRead, bytes, 0, context)?;
        }
        let shared = &context.blocks[rank].shared;
        let unwritten = |matrix: SharedMatrix, outer| {
            unwritten_vectors(matrix.placement(), outer, UNIT as u32, shared)
        };
        let mut rows = a.map_or(Vec::new(), |a| unwritten(a, first..first + WARP_ROWS));
        rows.iter_mut().for_each(|(row, _)| *row -= first);
        Ok(UndefinedFactors { rows, columns: unwritten(b, 0..n) })
    }

    /// What a warp issues, if it is well-formed.
    fn issue_of(&self, wgmma: &Wgmma, context: &Context<'_>) -> Outcome<Issue> {
        let (b, major, factor) = (wgmma.b, wgmma.b_major, wgmma.b_factor);
        let b = self.shared_matrix(b, (major, factor), ('B', wgmma.n), context)?;
        let a = match wgmma.a {
            Multiplicand::Registers(_) => None,
            Multiplicand::Shared(slot, major) => {
                let order = (major, wgmma.a_factor);
                Some(self.shared_matrix(slot, order, ('A', M), context)?)
            }
        };
        Ok(Issue {
            pc: context.pc,
            group: self.products.committed,
            a,
            b,
            accumulate: self.accumulates(wgmma.accumulate)?,
        })
    }

    /// Whether D is added to.
    pub(crate) fn accumulates(&self, condition: Condition) -> Outcome<bool> {
        match self.registers.holds(condition) {
            ALL => Ok(true),
            0 => Ok(false),
            lanes => Err(Raised::undefined("scale-d differs between lanes", lanes)),
        }
    }

    /// The matrix that a descriptor names, all of which lies in the block's shared memory.
    fn shared_matrix(
        &self,
        slot: Slot<u64>,
        (major, factor): (Major, Factor),
        (operand, outer): (char, usize),
        context: &Context<'_>,
    ) -> Outcome<SharedMatrix> {
        let descriptors = self.registers.get(slot);
        let bits = descriptors[0];
        let refuse = |problem: String| {
            Err(Raised::new(FaultKind::Descriptor { operand, descriptor: bits, problem }, ALL))
        };
        if descriptors.iter().any(|&other| other != bits) {
            return refuse("it differs between lanes".into());
        }
        let descriptor = match Descriptor::decode(bits) {
            Ok(descriptor) => descriptor,
            Err(error) => return refuse(error.to_string()),
        };
        let matrix = SharedMatrix { descriptor, major, factor };
        match lies_in_shared(matrix.placement(), outer, context.run.shared_size) {
            Ok(()) => Ok(matrix),
            Err(problem) => refuse(problem),
        }
    }

    /// The last product whose sums are yet to appear in some of these registers.
    pub(crate) fn last_accumulating(
        &self,
        registers: &[Slot<u32>],
        context: &Context<'_>,
    ) -> Option<u64> {
        let accumulates = |pending: &&Pending| {
            let action = &context.run.program.code[pending.pc as usize].action;
            !pending.landed
                && matches!(action, Action::Wgmma(w) if w.d.iter().any(|d| registers.contains(d)))
        };
        self.products.pending.iter().rev().find(accumulates).map(|pending| pending.number)
    }

    /// Lands the products whose time has come, and those up to number `until`.
    pub(crate) fn land_products(&mut self, until: Option<u64>, context: &mut Context<'_>) {
        let (group, _) = self.warpgroup();
        for i in 0..self.products.pending.len() {
            let Pending { number, landed, .. } = self.products.pending[i];
            if landed {
                continue;
            }
            let flight = context.blocks[context.rank].warpgroups[group].flight(number);
            let awaited = until.is_some_and(|until| number <= until);
            if !flight.is_issued() || !awaited && !flight.is_due(context.now) {
                break;
            }
            self.land_product(i, context);
        }
    }

    /// Adds a product to the warp's registers.
    fn land_product(&mut self, index: usize, context: &mut Context<'_>) {
        let (group, warp) = self.warpgroup();
        let pending = &mut self.products.pending[index];
        pending.landed = true;
        let Pending { number, pc, .. } = *pending;
        let Action::Wgmma(wgmma) = &context.run.program.code[pc as usize].action else { return };
        let block = &mut context.blocks[context.rank];
        let warpgroup = &mut block.warpgroups[group];
        let Issue { a, b, accumulate, .. } = warpgroup.flight(number).issue;
        let mut operands = match warpgroup.flight(number).operands.take() {
            Some(operands) => operands,
            None => {
                let mut operands = warpgroup.operands();
                let read = |at| unit(&block.shared, at);
                b.panels(wgmma.n, read, &mut operands.b);
                if let Some(a) = a {
                    a.rows(read, &mut operands.a);
                }
                operands
            }
        };
        let k = wgmma.product.k;
        let rows = match wgmma.a {
            Multiplicand::Shared(..) => &operands.a[warp * WARP_ROWS * k..][..WARP_ROWS * k],
            Multiplicand::Registers(slots) => {
                let fragment = slots.map(|slot| self.registers.get(slot));
                fragment_rows(wgmma.a_factor, fragment, &mut operands.a);
                &operands.a
            }
        };
        let panels = operands.b.chunks_exact(k * PANEL);
        for (panel, d) in panels.zip(wgmma.d.chunks_exact(Product::registers(wgmma.product.sum))) {
            let mut sums = [[0; LANES]; 4];
            for (sums, slot) in sums.iter_mut().zip(d) {
                *sums = *self.registers.get(*slot);
            }
            wgmma.product.add(&mut sums, accumulate, rows, panel);
            for (sums, slot) in sums.iter().zip(d) {
                *self.registers.get_mut(*slot) = *sums;
            }
        }
        warpgroup.flight(number).operands = Some(operands);
        warpgroup.land(number, warp);
    }

    /// Whether all warps have issued a product that this one has issued.
    pub(crate) fn is_issued(&self, number: u64, context: &mut Context<'_>) -> bool {
        let (group, _) = self.warpgroup();
        let mut pending = self.products.pending.iter();
        // One that has landed here was issued, and may be forgotten.
        pending.any(|pending| pending.number == number && pending.landed)
            || context.block().warpgroups[group].flight(number).is_issued()
    }

    /// Ends `wgmma.wait_group` of a warp whose products are all issued. Its lanes are together
    /// there: what they read before, one of them may give back for all.
    pub(crate) fn end_wait(&mut self, most: u32, context: &mut Context<'_>) {
        self.warp_sync(ALL, context);
        let covered = self.products.covered(most);
        self.land_products(self.products.last_covered(most), context);
        self.products.pending.drain(..covered);
        let (group, _) = self.warpgroup();
        let warpgroup = context.block().warpgroups.get(group);
        let complete = self.products.committed.saturating_sub(most);
        if let Some(agent) = warpgroup.and_then(Warpgroup::agent).filter(|_| complete > 0) {
            let clocks = Clocks::completion(self.clock.cluster(), agent, complete);
            self.clock.learn(ALL, &clocks);
        }
    }
}

/// Refuses a matrix whose `outer` rows or columns do not all lie in the `size` bytes of shared memory
/// that a block has.
pub(crate) fn lies_in_shared(units: Units, outer: usize, size: usize) -> Result<(), String> {
    if units.bound(outer) as usize <= size {
        return Ok(());
    }
    let last = units.of(0..outer).map(|(_, _, at)| at).max();
    match last.map_or(0, |last| last as usize + UNIT) {
        end if end > size => Err(format!(
            "the matrix ends at {end:#x}; the block has {size:#x} bytes of shared memory"
        )),
        _ => Ok(()),
    }
}

/// A 16-byte unit that was found to be there when the product was issued.
pub(crate) fn unit(shared: &SharedMemory, at: u32) -> [u8; UNIT] {
    let bytes = shared.get(u64::from(at), UNIT as u32);
    bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}
