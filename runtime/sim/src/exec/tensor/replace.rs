//! Tensor maps as data: `tensormap.replace` and `tensormap.cp_fenceproxy`.

use super::map::{ALIGNMENT, no_map};
use crate::exec::access::{check_alignment, locate};
use crate::exec::registers::lanes;
use crate::fault::AccessKind;
use crate::hazard::Proxy;
use crate::machine::{Context, Outcome, Warp};
use crate::program::code::{CopyMap, ReplaceField};
use crate::tensor_map::replace_field;

impl Warp {
    /// Executes `tensormap.replace`, lane by lane.
    pub(crate) fn replace_field(
        &mut self,
        group: usize,
        replace: &ReplaceField,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let addresses = self.addresses(group, &replace.map);
        for lane in lanes(active) {
            let place = locate(replace.map.space, addresses[lane]);
            let mut encoded = self.read_map(place, Proxy::Generic, lane, context)?;
            let value = self.registers.lane(replace.value, lane);
            replace_field(&mut encoded, replace.field, value)
                .map_err(|error| no_map(place, error.to_string(), lane, context))?;
            self.write_map(place, &encoded, lane, context)?;
        }
        Ok(())
    }

    /// Executes `tensormap.cp_fenceproxy`, by which the lanes of a warp copy one map.
    pub(crate) fn copy_map(
        &mut self,
        group: usize,
        copy: &CopyMap,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let to = self.addresses(group, &copy.destination);
        let from = self.addresses(group, &copy.source);
        let (to_space, from_space) = (copy.destination.space, copy.source.space);
        check_alignment(context, AccessKind::Write, to_space, &to, (ALIGNMENT, active))?;
        check_alignment(context, AccessKind::Read, from_space, &from, (ALIGNMENT, active))?;
        // What the lanes do together, one does for all.
        let lane = active.trailing_zeros() as usize;
        let source = locate(from_space, from[lane]);
        let encoded = self.read_map(source, Proxy::Generic, lane, context)?;
        self.write_map(locate(to_space, to[lane]), &encoded, lane, context)?;
        if context.hazards() {
            self.clock.fence(active, copy.scope);
        }
        Ok(())
    }
}
