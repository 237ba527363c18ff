//! Tensor maps as instructions find them in memory.

use tilewright_codegen::ptx::Space;

use crate::exec::access::locate;
use crate::exec::load_store::{bytes, words};
use crate::exec::registers::LANES;
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::{Event, Proxy};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::program::code::{Order, Scope};
use crate::tensor_map::{SIZE, TensorMap};

/// What the address of a map is a multiple of.
pub(super) const ALIGNMENT: u32 = 64;
/// Bytes of one access.
const PART: u32 = 32;

impl Warp {
    /// The map that a tensor copy finds at an address.
    pub(super) fn tensor_map(
        &mut self,
        space: Space,
        address: u64,
        lane: usize,
        context: &mut Context<'_>,
    ) -> Outcome<TensorMap> {
        let place = locate(space, address);
        if !matches!(place.0, Space::Global | Space::Param) {
            let problem = "it must be in parameter, constant or global memory";
            return Err(no_map(place, problem.into(), lane, context));
        }
        if !place.1.is_multiple_of(ALIGNMENT.into()) {
            let problem = format!("its address must be a multiple of {ALIGNMENT}");
            return Err(no_map(place, problem, lane, context));
        }
        let encoded = self.read_map(place, Proxy::TensorMap, lane, context)?;
        TensorMap::decode(&encoded).map_err(|error| no_map(place, error.to_string(), lane, context))
    }

    /// The bytes of a map, read through a proxy.
    pub(super) fn read_map(
        &mut self,
        (space, address): (Space, u64),
        proxy: Proxy,
        lane: usize,
        context: &mut Context<'_>,
    ) -> Outcome<Vec<u8>> {
        let mut encoded = Vec::with_capacity(SIZE as usize);
        for at in (0..u64::from(SIZE)).step_by(PART as usize).map(|part| address + part) {
            if context.hazards() {
                let event = Event::new(AccessKind::Read, Order::Weak, Scope::Block, PART);
                self.observe(event.through(proxy), space, &[at; LANES], 1 << lane, context)?;
            }
            self.check_written(AccessKind::Read, (space, at, PART), lane, context)?;
            encoded.extend(bytes(&self.read(lane, space, at, PART, context)?));
        }
        Ok(encoded)
    }

    /// Writes the bytes of a map through the generic proxy.
    pub(super) fn write_map(
        &mut self,
        (space, address): (Space, u64),
        encoded: &[u8],
        lane: usize,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        for (part, bytes) in encoded.chunks(PART as usize).enumerate() {
            let at = address + part as u64 * u64::from(PART);
            let words = words(bytes);
            if context.hazards() {
                let event = Event::new(AccessKind::Write, Order::Weak, Scope::Block, PART);
                self.observe(event.writing(&words), space, &[at; LANES], 1 << lane, context)?;
            }
            self.write(lane, space, at, (PART, &words), context)?;
        }
        Ok(())
    }
}

/// The fault of bytes that are no map, or not where one can be.
pub(super) fn no_map(
    (space, address): (Space, u64),
    problem: String,
    lane: usize,
    context: &Context<'_>,
) -> Box<Raised> {
    let access = context.describe(AccessKind::Read, space, address, SIZE);
    Raised::new(FaultKind::TensorMap { access, problem }, 1 << lane)
}
