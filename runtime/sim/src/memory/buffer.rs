use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A buffer of global memory.
///
/// Blocks run in parallel and share it, so it is made of atomic words. A word is the unit that
/// threads of the host cannot tear; wider accesses of a kernel may tear, as PTX allows.
#[derive(Debug)]
pub struct Buffer {
    name: String,
    address: u64,
    size: usize,
    words: Vec<AtomicU32>,
    /// A bit a byte, where not every byte was written from the start.
    written: Option<Vec<AtomicU32>>,
    pub(crate) read_only: bool,
}

impl Buffer {
    pub(super) fn new(name: &str, address: u64, bytes: &[u8]) -> Self {
        let word = |chunk: &[u8]| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            AtomicU32::new(u32::from_le_bytes(word))
        };
        Self {
            name: name.into(),
            address,
            size: bytes.len(),
            words: bytes.chunks(4).map(word).collect(),
            written: None,
            read_only: false,
        }
    }

    pub(super) fn uninitialized(name: &str, address: u64, size: usize) -> Self {
        // A pattern that is a NaN in every floating-point format, in case nobody looks for hazards.
        let zeros = |count, value| (0..count).map(|_| AtomicU32::new(value)).collect();
        Self {
            name: name.into(),
            address,
            size,
            words: zeros(size.div_ceil(4), 0xffff_ffff),
            written: Some(zeros(size.div_ceil(32), 0)),
            read_only: false,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its device address.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What it holds.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            self.words.iter().flat_map(|w| w.load(Relaxed).to_le_bytes()).collect();
        bytes.truncate(self.size);
        bytes
    }

    /// Whether every byte of `range` was written, by the host or a kernel.
    pub fn is_initialized(&self, mut range: Range<usize>) -> bool {
        range.all(|byte| self.unwritten(byte, 1) == 0)
    }

    pub(crate) fn contains(&self, address: u64, size: u32) -> bool {
        let offset = address.wrapping_sub(self.address);
        offset < self.size as u64 && self.size as u64 - offset >= u64::from(size)
    }

    pub(super) fn distance(&self, address: u64) -> u64 {
        let end = self.address + self.size as u64;
        self.address.saturating_sub(address).max(address.saturating_sub(end))
    }

    /// Up to 32 aligned bytes at `offset`, as words.
    #[inline]
    pub(crate) fn read(&self, offset: usize, size: u32) -> [u32; 8] {
        let mut words = [0; 8];
        if size < 4 {
            let word = self.words[offset / 4].load(Relaxed) >> (8 * (offset % 4));
            words[0] = word & (u32::MAX >> (32 - 8 * size));
            return words;
        }
        let held = &self.words[offset / 4..][..size as usize / 4];
        for (to, from) in words.iter_mut().zip(held) {
            *to = from.load(Relaxed);
        }
        words
    }

    /// Up to 32 bytes at any offset.
    pub(crate) fn copy_bytes(&self, offset: usize, size: usize) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().take(size).enumerate() {
            let at = offset + i;
            *byte = (self.words[at / 4].load(Relaxed) >> (8 * (at % 4))) as u8;
        }
        bytes
    }

    /// Reads any bytes that exist.
    pub(crate) fn read_range(&self, offset: usize, bytes: &mut [u8]) {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let word = self.words[at / 4].load(Relaxed).to_le_bytes();
            let count = (4 - at % 4).min(rest.len());
            let (part, after) = rest.split_at_mut(count);
            part.copy_from_slice(&word[at % 4..][..count]);
            (at, rest) = (at + count, after);
        }
    }

    /// Writes any bytes that exist.
    pub(crate) fn write_range(&self, offset: usize, bytes: &[u8]) {
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let count = (4 - at % 4).min(rest.len());
            let (part, after) = rest.split_at(count);
            let mut word = [0; 4];
            word[at % 4..][..count].copy_from_slice(part);
            let word = u32::from_le_bytes(word);
            match count {
                4 => self.words[at / 4].store(word, Relaxed),
                _ => self.merge(at, word, (u32::MAX >> (32 - 8 * count)) << (8 * (at % 4))),
            }
            self.mark_written(at, count as u32);
            (at, rest) = (at + count, after);
        }
    }

    /// Writes up to 32 aligned bytes at `offset`.
    #[inline]
    pub(crate) fn write(&self, offset: usize, size: u32, words: &[u32; 8]) {
        if size < 4 {
            let shift = 8 * (offset % 4);
            self.merge(offset, words[0] << shift, (u32::MAX >> (32 - 8 * size)) << shift);
        } else {
            let held = &self.words[offset / 4..][..size as usize / 4];
            for (to, from) in held.iter().zip(words) {
                to.store(*from, Relaxed);
            }
        }
        self.mark_written(offset, size);
    }

    /// Replaces the word that holds the byte at `offset`, atomically.
    pub(crate) fn update_word(&self, offset: usize, mut update: impl FnMut(u32) -> u32) {
        // The closure never refuses, so the result carries no information.
        let _ = self.words[offset / 4].fetch_update(Relaxed, Relaxed, |old| Some(update(old)));
    }

    /// Replaces the bits of `mask` in a word by those of `value`.
    #[inline]
    pub(crate) fn merge(&self, offset: usize, value: u32, mask: u32) {
        self.update_word(offset, |old| old & !mask | value & mask);
    }

    /// Which of `size` bytes (at most 32) at `offset` nothing has written, the first in bit 0.
    #[inline]
    pub(crate) fn unwritten(&self, offset: usize, size: u32) -> u32 {
        let Some(written) = &self.written else { return 0 };
        let load = |i: usize| u64::from(written.get(i).map_or(0, |w| w.load(Relaxed)));
        let first = offset / 32;
        let bits = (load(first) | load(first + 1) << 32) >> (offset % 32);
        !(bits as u32) & bits_below(size)
    }

    /// Notes that `size` bytes (at most 32) at `offset` were written.
    #[inline]
    pub(crate) fn mark_written(&self, offset: usize, size: u32) {
        let Some(written) = &self.written else { return };
        let bits = u64::from(bits_below(size)) << (offset % 32);
        written[offset / 32].fetch_or(bits as u32, Relaxed);
        if bits >> 32 != 0 {
            written[offset / 32 + 1].fetch_or((bits >> 32) as u32, Relaxed);
        }
    }
}

fn bits_below(count: u32) -> u32 {
    (1u64 << count).wrapping_sub(1) as u32
}
