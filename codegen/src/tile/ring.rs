use crate::dsl::{Builder, Value, Variable};

/// A ring of buffers in shared memory that asynchronous copies fill ahead of use. It owns the
/// waits, barriers and commits: a wait and a barrier for every buffer used.
///
/// With N stages, N − 1 buffers are under way while one is read; the copy that replaces a buffer
/// begins after the barrier which shows that every thread has left it. With two stages a thread
/// waits for all of its copies, which needs no groups; with more it commits a group for each buffer.
#[derive(Debug)]
pub struct CopyRing<'k> {
    k: &'k Builder,
    stages: u32,
    bytes: u32,
    current: Variable<'k, u32>,
}

impl<'k> CopyRing<'k> {
    /// A ring of `stages` buffers (2 or more) of `bytes` bytes. Begins to fill all but the last:
    /// `copy` is called with the place of a buffer in bytes, and the number of the copy.
    pub fn fill(k: &'k Builder, stages: u32, bytes: u32, mut copy: impl FnMut(u32, u32)) -> Self {
        for i in 0..stages - 1 {
            copy(i * bytes, i);
            if Self::groups_at_start(stages) > 0 {
                k.commit_copies();
            }
        }
        Self { k, stages, bytes, current: k.variable((stages - 1) * bytes) }
    }

    /// Groups that [`CopyRing::fill`] commits.
    pub const fn groups_at_start(stages: u32) -> u32 {
        if stages > 2 { stages - 1 } else { 0 }
    }

    /// Leaves the current buffer and waits for the next. `copy` is called with the place of the one
    /// left, to begin the copy that is `stages − 1` buffers ahead.
    pub fn advance(&mut self, copy: impl FnOnce(Value<'k, u32>)) {
        match self.stages {
            2 => self.k.wait_all_copies(),
            stages => self.k.wait_copies(stages - 2),
        }
        self.k.barrier();
        let left = self.current.get();
        copy(left);
        if self.stages > 2 {
            self.k.commit_copies();
        }
        let next = left + self.bytes;
        let wrapped = next.eq(self.stages * self.bytes).select(0_u32, next);
        self.current.set(wrapped);
    }

    /// The place of the current buffer in bytes.
    pub fn current(&self) -> Value<'k, u32> {
        self.current.get()
    }
}
