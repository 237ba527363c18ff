use crate::dsl::{Builder, Value, Variable};

/// A ring of buffers in shared memory that asynchronous copies fill ahead of use. It owns the
/// commits, waits and barriers: one of each for every buffer used.
///
/// With N stages, N − 1 buffers are under way while one is read; the copy that replaces a buffer
/// begins after the barrier which shows that every thread has left it.
#[derive(Debug)]
pub struct CopyRing<'k> {
    k: &'k Builder,
    stages: u32,
    bytes: u32,
    read: Variable<'k, u32>,
    write: Variable<'k, u32>,
}

impl<'k> CopyRing<'k> {
    /// A ring of `stages` buffers (2 or more) of `bytes` bytes. Begins to fill all but the last:
    /// `copy` is called with the place of a buffer in bytes, and the number of the copy.
    pub fn fill(k: &'k Builder, stages: u32, bytes: u32, mut copy: impl FnMut(u32, u32)) -> Self {
        for i in 0..stages - 1 {
            copy(i * bytes, i);
            k.commit_copies();
        }
        let last = (stages - 1) * bytes;
        Self { k, stages, bytes, read: k.variable(0), write: k.variable(last) }
    }

    /// Waits for the next buffer and begins to fill the one behind it: `copy` is called with its
    /// place, after `stages − 1` more buffers would have been read. Returns the place of the buffer
    /// that may be read now, until the next call.
    pub fn next(&mut self, copy: impl FnOnce(Value<'k, u32>)) -> Value<'k, u32> {
        self.k.wait_copies(self.stages - 2);
        self.k.barrier();
        let (read, write) = (self.read.get(), self.write.get());
        copy(write);
        self.k.commit_copies();
        let after = read + self.bytes;
        let wrapped = after.eq(self.stages * self.bytes).select(0_u32, after);
        self.write.set(read);
        self.read.set(wrapped);
        read
    }
}
