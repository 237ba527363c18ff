//! `clusterlaunchcontrol`: taking over clusters that have not begun.
//!
//! A request takes a cluster when it is issued, or, where the seed says so, is refused although there
//! is one, as hardware may: what is refused then begins as usual. The response lands like any
//! asynchronous write.

use super::access::{check_alignment, locate};
use super::bulk::Signalled;
use super::registers::{LANES, Slot, lanes};
use super::transfer::{Piece, Source, Transfer};
use crate::fault::AccessKind;
use crate::hazard::Bytes;
use crate::machine::{Context, Outcome, Raised, Warp, block_index};
use crate::program::launch_control::{QueryCancel, Taken, TryCancel};
use tilewright_codegen::ptx::Space;

/// Bytes of a response, which is opaque to programs: here x, y and z of the first block of the
/// cluster, and one of the words below.
const SIZE: u32 = 16;
const TAKEN: u32 = 0x6e61_6301;
const REFUSED: u32 = 0x6e61_6300;

/// One of so many requests is refused although there is a cluster to take.
const REFUSALS: u64 = 8;

impl Warp {
    /// Executes `clusterlaunchcontrol.try_cancel`, lane by lane.
    pub(crate) fn try_cancel(
        &mut self,
        group: usize,
        request: &TryCancel,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let responses = self.addresses(group, &request.response);
        let space = request.response.space;
        check_alignment(context, AccessKind::CopyWrite, space, &responses, (SIZE, active))?;
        for lane in lanes(active) {
            if context.block().was_refused {
                let what = "a request for another cluster after the block has seen one refused";
                return Err(Raised::undefined(what, 1 << lane));
            }
            let (space, address) = locate(space, responses[lane]);
            let own = match (space, context.shared_at(address)) {
                (Space::Shared, Some((rank, offset))) if rank == context.rank => offset,
                _ => {
                    let kind = AccessKind::CopyWrite;
                    return Err(context.outside(kind, space, address, (SIZE, lane)));
                }
            };
            let ranks = match request.multicast {
                true => 0..context.blocks.len(),
                false => context.rank..context.rank + 1,
            };
            let number = context.agents.operation();
            let response = context.request_cluster();
            for rank in ranks {
                let destination = Bytes::Shared { rank, offset: own, size: SIZE };
                let to = (destination, Signalled::new(request.multicast, false));
                let completion =
                    self.transactions(group, &request.barrier, (lane, SIZE), to, context)?;
                let piece = |(i, &half): (u32, &u64)| Piece {
                    from: Source::Pattern(half),
                    to: destination.part(8 * i, 8),
                };
                let transfer = Transfer {
                    pieces: (0..).zip(&response).map(piece).collect(),
                    reads: Vec::new(),
                    writes: vec![destination],
                    reduction: None,
                    completion,
                    generic: false,
                };
                self.transfer(transfer, number, lane, context)?;
            }
        }
        Ok(())
    }

    /// Executes `clusterlaunchcontrol.query_cancel`. Where no cluster was taken, its first block is
    /// undefined, but some compilers ask for it all the same.
    pub(crate) fn query_cancel(
        &mut self,
        query: &QueryCancel,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let (low, high) = (query.response, Slot::<u64>::new(query.response.index + 1));
        let (low, high) = (*self.registers.get(low), *self.registers.get(high));
        let mut taken = 0;
        for lane in lanes(active) {
            match (high[lane] >> 32) as u32 {
                TAKEN => taken |= 1 << lane,
                REFUSED => {}
                _ => {
                    let what = "a query of 16 bytes that are no response of try_cancel";
                    return Err(Raised::undefined(what, 1 << lane));
                }
            }
        }
        match &query.taken {
            Taken::Whether(slot) => {
                self.registers.set_predicate(*slot, taken, active);
                context.block().was_refused |= active & !taken != 0;
            }
            Taken::Coordinates(coordinates) => {
                for &(slot, dimension) in coordinates {
                    let value: [u32; LANES] = std::array::from_fn(|lane| match dimension {
                        0 => low[lane] as u32,
                        1 => (low[lane] >> 32) as u32,
                        2 => high[lane] as u32,
                        _ => 0,
                    });
                    self.registers.set(slot, &value, active);
                }
                if context.hazards() && active & !taken != 0 {
                    self.leave_undefined(active & !taken, context);
                }
            }
        }
        Ok(())
    }
}

impl Context<'_> {
    /// The response to a request for a cluster.
    fn request_cluster(&mut self) -> [u64; 2] {
        let refused = self.random.below(REFUSALS) == 0;
        let launch = self.run.launch;
        match self.run.unstarted.take(if refused { 0 } else { u64::MAX }) {
            Some((_, index)) => {
                *self.changes += 1;
                let [x, y, z] = block_index(launch.grid, launch.cluster, index, 0).map(u64::from);
                [x | y << 32, z | u64::from(TAKEN) << 32]
            }
            None => [self.random.next(), self.random.next() >> 32 | u64::from(REFUSED) << 32],
        }
    }
}
