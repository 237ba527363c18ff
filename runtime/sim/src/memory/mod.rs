//! The memories of the machine: global buffers here, and shared, local and constant memory in the
//! modules below.

mod buffer;
mod local;
mod shared;
pub(crate) mod tensor;
pub(crate) mod window;

pub use buffer::Buffer;
pub(crate) use local::LocalMemory;
pub(crate) use shared::SharedMemory;

use crate::fault::Place;

/// Bytes between the end of one buffer and the beginning of the next. Far more than an index that
/// went wrong by a 32-bit amount can cross, so that such an access is found.
const GUARD: u64 = 1 << 36;

/// Bytes between variables of constant memory, of which there are at most 64 KiB.
const CONSTANT_GUARD: u64 = 1 << 20;

/// Every buffer begins at a multiple of this, as `cuMemAlloc` promises.
const ALIGNMENT: u64 = 256;

/// Where the first buffer begins.
const FIRST: u64 = 0x7_0000_0000;

/// Global memory: named buffers at distinct addresses, with gaps between them that belong to
/// nobody.
///
/// ```
/// use tilewright_sim::Memory;
/// let mut memory = Memory::new();
/// let x = memory.allocate("x", &[1, 2, 3, 4]);
/// let y = memory.allocate_uninitialized("y", 16);
/// assert!(x % 256 == 0 && y % 256 == 0 && x != y);
/// assert_eq!(memory.buffer("x").unwrap().bytes(), [1, 2, 3, 4]);
/// assert!(!memory.buffer("y").unwrap().is_initialized(0..16));
/// ```
#[derive(Debug, Default)]
pub struct Memory {
    buffers: Vec<Buffer>,
}

impl Memory {
    /// Memory without buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allocates a buffer that holds `bytes`, and returns its device address.
    pub fn allocate(&mut self, name: &str, bytes: &[u8]) -> u64 {
        let address = self.next_address(ALIGNMENT);
        self.buffers.push(Buffer::new(name, address, bytes));
        address
    }

    /// Allocates a buffer of `size` bytes that nothing has written yet, and returns its device
    /// address. With hazards looked for, using what is read of a byte before it is written is a fault.
    pub fn allocate_uninitialized(&mut self, name: &str, size: usize) -> u64 {
        let address = self.next_address(ALIGNMENT);
        self.buffers.push(Buffer::uninitialized(name, address, size));
        address
    }

    /// The buffer of this name; the first, where several have it.
    pub fn buffer(&self, name: &str) -> Option<&Buffer> {
        self.buffers.iter().find(|b| b.name() == name)
    }

    /// Every buffer, in order of allocation, which is the order of addresses.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    fn next_address(&self, alignment: u64) -> u64 {
        let end = self.buffers.last().map_or(FIRST, |b| b.address() + b.size() as u64 + GUARD);
        end.next_multiple_of(alignment.max(ALIGNMENT))
    }

    /// Allocates a variable of a module, zeroed; it goes with [`Memory::release`]. Those of constant
    /// memory come after all others, in a window of their own.
    pub(crate) fn allocate_variable(
        &mut self,
        name: &str,
        (size, alignment): (u64, u64),
        is_constant: bool,
    ) -> u64 {
        let mut address = self.next_address(alignment);
        if is_constant {
            let end = self.buffers.last().map_or(0, |b| b.address() + b.size() as u64);
            let next = end.max(window::CONST) + CONSTANT_GUARD;
            address = next.next_multiple_of(alignment.max(ALIGNMENT));
        }
        let mut buffer = Buffer::new(name, address, &vec![0; size as usize]);
        buffer.read_only = is_constant;
        self.buffers.push(buffer);
        address
    }

    /// Frees every buffer but the first `count`.
    pub(crate) fn release(&mut self, count: usize) {
        self.buffers.truncate(count);
    }

    /// The index of the buffer that holds `size` bytes at `address`; `hint` is tried first.
    #[inline]
    pub(crate) fn find(&self, address: u64, size: u32, hint: usize) -> Option<usize> {
        match self.buffers.get(hint) {
            Some(buffer) if buffer.contains(address, size) => Some(hint),
            _ => self.search(address, size),
        }
    }

    fn search(&self, address: u64, size: u32) -> Option<usize> {
        let after = self.buffers.partition_point(|b| b.address() <= address);
        let index = after.checked_sub(1)?;
        self.buffers[index].contains(address, size).then_some(index)
    }

    /// Writes bytes that lie in one buffer.
    pub(crate) fn write_bytes(&self, buffer: usize, address: u64, bytes: &[u8]) {
        let buffer = &self.buffers[buffer];
        for (i, &byte) in bytes.iter().enumerate() {
            let offset = (address - buffer.address()) as usize + i;
            let shift = 8 * (offset % 4);
            buffer.merge(offset, u32::from(byte) << shift, 0xff << shift);
        }
    }

    /// What lies nearest to `address`.
    pub(crate) fn place(&self, address: u64) -> Option<Place> {
        let nearest = self.buffers.iter().min_by_key(|b| b.distance(address))?;
        Some(Place {
            name: nearest.name().into(),
            offset: address.wrapping_sub(nearest.address()) as i64,
            size: nearest.size() as u64,
        })
    }
}
