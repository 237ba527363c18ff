//! How threads come to know what others did: releases and acquires, fences, mbarriers.

use tilewright_codegen::ptx::Space;

use super::{Event, Proxy};
use crate::fault::AccessKind;
use crate::machine::{Context, Outcome, Warp};
use crate::program::code::{Order, Scope};

impl Warp {
    /// A strong access of a lane: what it sees published, and what it publishes.
    pub(super) fn synchronize(
        &mut self,
        event: Event<'_>,
        space: Space,
        address: u64,
        lane: usize,
        context: &mut Context<'_>,
    ) {
        let reads = event.kind != AccessKind::Write;
        if reads {
            self.see_published(event, space, address, lane, context);
        }
        if event.kind == AccessKind::Read {
            return;
        }
        let (clocks, scope) = if event.order.releases() {
            (Some(std::sync::Arc::new(self.clock.publish(1 << lane))), event.scope)
        } else {
            match self.clock.fenced(lane) {
                Some((clocks, fence)) => (Some(clocks), event.scope.min(fence)),
                None => (None, event.scope),
            }
        };
        let clocks = clocks.as_deref();
        // What is published to the block only, others do not see.
        if let (Space::Shared, Some((rank, _))) = (space, context.shared_at(address)) {
            context.blocks[rank].published_at(space).write(address, clocks, reads);
        } else if scope == Scope::Block {
            context.block().published_at(space).write(address, clocks, reads);
        } else if let Some(hazards) = &context.run.hazards {
            hazards.published.at(address).write(address, clocks, reads);
        }
    }

    fn see_published(
        &mut self,
        event: Event<'_>,
        space: Space,
        address: u64,
        lane: usize,
        context: &mut Context<'_>,
    ) {
        let acquires = event.order.acquires();
        let own_only = event.scope == Scope::Block;
        let rank = match (space, context.shared_at(address)) {
            (Space::Shared, Some((rank, _))) => rank,
            _ => context.rank,
        };
        if let Some(clocks) = context.blocks[rank].published_at(space).read(address) {
            match acquires {
                true => self.clock.learn(1 << lane, clocks),
                false => self.clock.observe(lane, clocks, false),
            }
        }
        if space == Space::Shared {
            return;
        }
        let Some(hazards) = &context.run.hazards else { return };
        if let Some(clocks) = hazards.published.at(address).read(address) {
            match acquires {
                true => self.clock.learn_from(1 << lane, clocks, own_only),
                false => self.clock.observe(lane, clocks, own_only),
            }
        }
    }

    /// The bytes of an mbarrier become one, or are one no longer.
    pub(crate) fn observe_mbarrier(
        &mut self,
        address: u64,
        lane: usize,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let event = Event::new(AccessKind::Write, Order::Weak, Scope::Block, 8);
        self.observe_object(event.through(Proxy::Mbarrier), lane, address, context)
    }
}
