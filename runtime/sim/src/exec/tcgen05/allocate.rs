//! `tcgen05.alloc`, `dealloc` and `relinquish_alloc_permit`.

use tilewright_codegen::ptx::Space;

use super::super::access::{check_alignment, locate};
use super::super::registers::{ALL, Slot};
use super::{peer, refuse};
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::{Event, Proxy, TensorAccessor, TensorShadow};
use crate::machine::{Context, Issuer, Next, Outcome, Place, Raised, State, Warp};
use crate::memory::tensor::{
    LEAST_COLUMNS, TENSOR_COLUMNS, TensorAddress, TensorMemory, TensorRegion,
};
use crate::program::code::{Address, Order, Scope};

/// Tensor memory as a block has it.
#[derive(Debug, Default)]
pub(crate) struct Tensor {
    pub(crate) memory: TensorMemory,
    pub(crate) shadow: TensorShadow,
    allocations: Vec<Allocation>,
    /// The columns of the last allocation, which the next may not exceed.
    last: Option<u32>,
    pub(super) relinquished: bool,
    /// What a warp of the block does together with one of the peer, where it has come first.
    claim: Option<Claim>,
}

#[derive(Clone, Copy, Debug)]
struct Allocation {
    column: u32,
    columns: u32,
    issuer: Issuer,
}

/// What a warp asks for that it may have to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    warp: usize,
    /// Whether it is for both blocks of a pair.
    pair: bool,
    kind: ClaimKind,
    /// Whether the peer has asked for the same, and where the columns are.
    granted: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimKind {
    Allocate { columns: u32 },
    Deallocate { column: u32, columns: u32 },
}

impl ClaimKind {
    fn name(self) -> String {
        match self {
            Self::Allocate { columns } => format!("tcgen05.alloc of {columns} columns"),
            Self::Deallocate { column, columns } => {
                format!("tcgen05.dealloc of {columns} columns from {column}")
            }
        }
    }
}

impl Warp {
    /// `tcgen05.alloc`.
    pub(super) fn allocate_columns(
        &mut self,
        group: usize,
        (pair, columns): (bool, Slot<u32>),
        destination: &Address,
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        let columns = self.common(columns, "the number of columns")?;
        check_count(columns)?;
        let tensor = &context.block().tensor;
        if tensor.relinquished {
            let what = "tcgen05.alloc after tcgen05.relinquish_alloc_permit in the same block";
            return Err(Raised::undefined(what, ALL));
        }
        if let Some(last) = tensor.last.filter(|&last| columns > last) {
            let what = format!(
                "tcgen05.alloc of {columns} columns after one of {last}: the allocations of a \
                 block may not grow"
            );
            return Err(Raised::undefined(what, ALL));
        }
        let Some(column) = self.claim(group, pair, ClaimKind::Allocate { columns }, context)?
        else {
            return Ok(Next::Select);
        };
        let issuer = self.issuer(0, context);
        let tensor = &mut context.block().tensor;
        tensor.last = Some(columns);
        tensor.allocations.push(Allocation { column, columns, issuer });
        self.write_address(group, destination, column, context)?;
        *context.changes += 1;
        self.groups[group].pc += 1;
        Ok(Next::Go)
    }

    /// Writes the address of allocated columns to shared memory.
    fn write_address(
        &mut self,
        group: usize,
        destination: &Address,
        column: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let addresses = self.addresses(group, destination);
        check_alignment(context, AccessKind::Write, destination.space, &addresses, (4, 1))?;
        let (space, address) = locate(destination.space, addresses[0]);
        let own = context.own_shared(address).filter(|_| space == Space::Shared);
        let Some(offset) = own.filter(|&at| context.block().shared.get(at, 4).is_some()) else {
            return Err(context.outside(AccessKind::Write, space, address, (4, 0)));
        };
        if context.hazards() {
            let event = Event::new(AccessKind::Write, Order::Weak, Scope::Block, 4)
                .through(Proxy::Allocation);
            self.observe(event, Space::Shared, &[address; 32], 1, context)?;
            if !context.run.options.lints.unreleased_tensor_addresses {
                self.clock.fence(ALL, Scope::Cluster);
            }
        }
        context.block().shared.set(offset, &column.to_le_bytes());
        Ok(())
    }

    /// `tcgen05.dealloc`.
    pub(super) fn deallocate_columns(
        &mut self,
        group: usize,
        pair: bool,
        (address, columns): (Slot<u32>, Slot<u32>),
        context: &mut Context<'_>,
    ) -> Outcome<Next> {
        let columns = self.common(columns, "the number of columns")?;
        check_count(columns)?;
        let address = TensorAddress::new(self.common(address, "the address in tensor memory")?);
        let column = address.column;
        let rank = context.rank;
        let tensor = &context.blocks[rank].tensor;
        let region = TensorRegion { rank, lanes: u128::MAX, column, columns };
        let is_whole = |a: &Allocation| (a.column, a.columns) == (column, columns);
        if address.lane != 0 || !tensor.allocations.iter().any(is_whole) {
            let problem = format!(
                "tcgen05.dealloc takes the address and the size of one allocation; found {address} \
                 and {columns} columns; {}",
                tensor.memory.describe()
            );
            return Err(refuse(AccessKind::Write, &region, problem, ALL));
        }
        let Some(_) =
            self.claim(group, pair, ClaimKind::Deallocate { column, columns }, context)?
        else {
            return Ok(Next::Select);
        };
        if context.hazards() {
            let accessor = TensorAccessor::synchronous(self, context);
            self.observe_tensor(&accessor, AccessKind::Write, &region, context)?;
        }
        let tensor = &mut context.block().tensor;
        tensor.shadow.forget(column, columns);
        tensor.allocations.retain(|a| !is_whole(a));
        tensor.memory.deallocate(column, columns);
        context.run.multiprocessors.give(context.blocks[rank].place, columns);
        *context.changes += 1;
        self.groups[group].pc += 1;
        Ok(Next::Go)
    }

    /// Asks for something, together with the peer where `pair`. None where the warp has to wait; the
    /// instruction is then executed again.
    fn claim(
        &mut self,
        group: usize,
        pair: bool,
        kind: ClaimKind,
        context: &mut Context<'_>,
    ) -> Outcome<Option<u32>> {
        let rank = context.rank;
        let own = context.blocks[rank].tensor.claim;
        if let Some(Claim { granted: Some(column), .. }) = own.filter(|c| c.warp == self.index) {
            context.block().tensor.claim = None;
            return Ok(Some(column));
        }
        let claim = Claim { warp: self.index, pair, kind, granted: None };
        if !pair {
            return match context.grant(kind, None) {
                Some(column) => Ok(Some(column)),
                None => Ok(self.await_claim(group, claim, context)),
            };
        }
        let peer = peer(context, ALL)?;
        if context.blocks[peer].has_exited() {
            let block = context.blocks[peer].index;
            return Err(Raised::new(FaultKind::Peer { block, problem: "it has exited" }, ALL));
        }
        let other = context.blocks[peer].tensor.claim.filter(|claim| claim.granted.is_none());
        if let Some(other) = other {
            if other.kind != kind {
                let what = format!(
                    "cta_group::2 is for both blocks of the pair to do the same; the other one \
                     does {}",
                    other.kind.name()
                );
                return Err(Raised::undefined(what, ALL));
            }
            if let Some(column) = context.grant(kind, Some(peer)) {
                context.blocks[peer].tensor.claim = Some(Claim { granted: Some(column), ..other });
                context.block().tensor.claim = None;
                *context.changes += 1;
                return Ok(Some(column));
            }
        }
        if own.is_none() {
            context.block().tensor.claim = Some(claim);
        }
        Ok(self.await_claim(group, claim, context))
    }

    fn await_claim(
        &mut self,
        group: usize,
        claim: Claim,
        context: &mut Context<'_>,
    ) -> Option<u32> {
        self.wait_to_execute_again(group, State::TensorMemory(claim), ALL, context);
        None
    }

    /// Whether a claim may be granted now.
    pub(crate) fn may_claim(&self, claim: &Claim, context: &Context<'_>) -> bool {
        let tensor = &context.blocks[self.rank].tensor;
        match tensor.claim {
            Some(own) if own.warp == self.index => {
                let peer = context.blocks.get(self.rank ^ 1);
                let both = peer.is_some_and(|peer| peer.tensor.claim.is_some());
                own.granted.is_some() || both && context.has_room(claim.kind, Some(self.rank ^ 1))
            }
            // The peer may have its turn.
            _ => context.has_room(claim.kind, None),
        }
    }
}

impl Claim {
    /// The columns that it is for and that the allocations of its block, and of the peer where that
    /// takes part, leave room for.
    pub(crate) fn columns(&self, own: &Tensor, peer: Option<&Tensor>) -> Option<u32> {
        let ClaimKind::Allocate { columns } = self.kind else { return None };
        let peer = match self.pair {
            true => Some(&peer.filter(|peer| peer.claim.is_some())?.memory),
            false => None,
        };
        own.memory.free_starts(peer, columns).next().map(|_| columns)
    }

    /// What a warp waits for, for messages.
    pub(crate) fn describe(&self, memory: &TensorMemory, free: u32) -> String {
        match self.kind {
            ClaimKind::Allocate { columns } => format!(
                "waits for {columns} columns of tensor memory: {}, and its multiprocessor has {free} \
                 that no other block has",
                memory.describe()
            ),
            kind => {
                format!("waits for the other block of its pair to do the same, {}", kind.name())
            }
        }
    }
}

fn check_count(columns: u32) -> Outcome<()> {
    if columns.is_power_of_two() && (LEAST_COLUMNS..=TENSOR_COLUMNS).contains(&columns) {
        return Ok(());
    }
    let what = format!(
        "{columns} columns of tensor memory; expected a power of two from {LEAST_COLUMNS} to \
         {TENSOR_COLUMNS}"
    );
    Err(Raised::undefined(what, ALL))
}

impl Context<'_> {
    /// Whether what is claimed can be had, in the peer as well where there is one.
    fn has_room(&self, kind: ClaimKind, peer: Option<usize>) -> bool {
        let ClaimKind::Allocate { columns } = kind else { return true };
        let memory = |rank: usize| &self.blocks[rank].tensor.memory;
        let is_free =
            |rank: usize| self.run.multiprocessors.free(self.blocks[rank].place) >= columns;
        memory(self.rank).free_starts(peer.map(memory), columns).next().is_some()
            && is_free(self.rank)
            && peer.is_none_or(is_free)
    }

    /// Grants what is claimed; where the columns are that were allocated.
    fn grant(&mut self, kind: ClaimKind, peer: Option<usize>) -> Option<u32> {
        let ClaimKind::Allocate { columns } = kind else { return Some(0) };
        let memory = |rank: usize| &self.blocks[rank].tensor.memory;
        let starts = || memory(self.rank).free_starts(peer.map(memory), columns);
        // Where other blocks may have columns, a block's own may begin anywhere.
        let skipped = match (self.run.multiprocessors.are_shared(), starts().count() as u64) {
            (true, count @ 1..) => self.random.below(count) as usize,
            _ => 0,
        };
        let column = starts().nth(skipped)?;
        let places: Vec<Place> =
            std::iter::once(self.rank).chain(peer).map(|rank| self.blocks[rank].place).collect();
        if !self.run.multiprocessors.take(&places, columns) {
            return None;
        }
        for rank in std::iter::once(self.rank).chain(peer) {
            let tensor = &mut self.blocks[rank].tensor;
            tensor.memory.allocate(column, columns);
        }
        Some(column)
    }

    /// Refuses to let a block go that has not given its columns back.
    pub(crate) fn check_left_columns(&self) -> Outcome<()> {
        let block = &self.blocks[self.rank];
        let Some(left) = block.tensor.allocations.first() else { return Ok(()) };
        let kind = FaultKind::TensorLeak {
            block: block.index,
            first: left.column,
            last: left.column + left.columns - 1,
        };
        let Issuer { cluster, thread, pc } = left.issuer;
        let mut raised = Raised::new(kind, 0);
        raised.site = Some(self.run.site_of(cluster, thread as usize, pc));
        Err(raised)
    }
}
