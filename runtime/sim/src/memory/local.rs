use crate::exec::registers::LANES;

/// The local memory of the threads of a warp: a stack of frames each.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalMemory {
    /// Each byte with whether it was written.
    lanes: Vec<Vec<(u8, bool)>>,
}

impl LocalMemory {
    /// Makes room for frames up to `size` bytes, with what lies from `from` unwritten in `lane`.
    pub(crate) fn enter(&mut self, lane: usize, from: u32, size: u32) {
        if size == 0 {
            return;
        }
        if self.lanes.is_empty() {
            self.lanes = vec![Vec::new(); LANES];
        }
        let bytes = &mut self.lanes[lane];
        bytes.truncate(from as usize);
        bytes.resize(size as usize, (0xff, false));
    }

    /// The bytes at an address; none where they do not all exist.
    pub(crate) fn get(&self, lane: usize, address: u64, size: u32) -> Option<&[(u8, bool)]> {
        let address = usize::try_from(address).ok()?;
        self.lanes.get(lane)?.get(address..address.checked_add(size as usize)?)
    }

    /// The same, to be written.
    pub(crate) fn get_mut(
        &mut self,
        lane: usize,
        address: u64,
        size: u32,
    ) -> Option<&mut [(u8, bool)]> {
        let address = usize::try_from(address).ok()?;
        self.lanes.get_mut(lane)?.get_mut(address..address.checked_add(size as usize)?)
    }
}
