/// The shared memory of a block.
#[derive(Clone, Debug)]
pub(crate) struct SharedMemory {
    bytes: Vec<u8>,
    /// A bit a byte: whether anything wrote it.
    written: Vec<u32>,
}

impl SharedMemory {
    pub(crate) fn new(size: usize) -> Self {
        // What nothing wrote is a NaN in every floating-point format.
        Self { bytes: vec![0xff; size], written: vec![0; size.div_ceil(32) + 1] }
    }

    /// The bytes at an offset; none where they do not all exist.
    #[inline]
    pub(crate) fn get(&self, offset: u64, size: u32) -> Option<&[u8]> {
        let offset = usize::try_from(offset).ok()?;
        self.bytes.get(offset..offset.checked_add(size as usize)?)
    }

    /// Writes bytes that exist.
    #[inline]
    pub(crate) fn set(&mut self, offset: u64, bytes: &[u8]) {
        let offset = offset as usize;
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.mark(offset, bytes.len());
    }

    /// Writes any number of bytes that exist.
    pub(crate) fn set_range(&mut self, offset: u64, bytes: &[u8]) {
        for (i, chunk) in bytes.chunks(32).enumerate() {
            self.set(offset + 32 * i as u64, chunk);
        }
    }

    #[inline]
    fn mark(&mut self, offset: usize, size: usize) {
        let bits = ((1u64 << size) - 1) << (offset % 32);
        self.written[offset / 32] |= bits as u32;
        self.written[offset / 32 + 1] |= (bits >> 32) as u32;
    }

    /// Takes those of 32 bytes at an offset for unwritten whose bit is set, all of which exist.
    pub(crate) fn mark_unwritten(&mut self, offset: u64, bytes: u32) {
        let offset = offset as usize;
        let bits = u64::from(bytes) << (offset % 32);
        self.written[offset / 32] &= !(bits as u32);
        if bits >> 32 != 0 {
            self.written[offset / 32 + 1] &= !((bits >> 32) as u32);
        }
    }

    /// Which of `size` bytes (at most 32) at an offset exist and nothing wrote, the first in bit 0.
    #[inline]
    pub(crate) fn unwritten(&self, offset: u64, size: u32) -> u32 {
        let offset = offset as usize;
        let word = |i: usize| u64::from(self.written.get(i).copied().unwrap_or(u32::MAX));
        let written = word(offset / 32) | word(offset / 32 + 1) << 32;
        !(written >> (offset % 32)) as u32 & ((1_u64 << size) - 1) as u32
    }
}
