use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::AddAssign;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Instructions by mnemonic.
    pub instructions: BTreeMap<String, Count>,
    /// Traffic with global memory.
    pub global: Traffic,
    /// Traffic with shared memory.
    pub shared: Traffic,
    /// Passes over the 32 banks of shared memory that its accesses took.
    pub shared_passes: u64,
    /// Those that a layout without bank conflicts would have saved.
    pub bank_conflicts: u64,
}

/// How often something was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// By warps.
    pub warps: u64,
    /// By threads, those that a guard switches off left out.
    pub threads: u64,
}

/// Bytes moved to and from one memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

impl Statistics {
    /// Instructions of every mnemonic together.
    pub fn total(&self) -> Count {
        self.instructions.values().copied().sum()
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, count| {
            sum += count;
            sum
        })
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.warps += other.warps;
        self.threads += other.threads;
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.written += other.written;
    }
}

/// What one worker counts while it runs: instructions by their index in the program.
#[derive(Clone, Debug)]
pub(crate) struct Tallies {
    pub(crate) instructions: Vec<Count>,
    pub(crate) global: Traffic,
    pub(crate) shared: Traffic,
    pub(crate) shared_passes: u64,
    pub(crate) bank_conflicts: u64,
}

impl Tallies {
    pub(crate) fn new(instructions: usize) -> Self {
        Self {
            instructions: vec![Count::default(); instructions],
            global: Traffic::default(),
            shared: Traffic::default(),
            shared_passes: 0,
            bank_conflicts: 0,
        }
    }

    /// Adds these counts to statistics, under the name that `mnemonic` has for each instruction.
    pub(crate) fn add_to<'a>(
        &self,
        statistics: &mut Statistics,
        mnemonic: impl Fn(usize) -> Option<&'a str>,
    ) {
        for (i, count) in self.instructions.iter().enumerate() {
            if let Some(name) = mnemonic(i).filter(|_| count.warps > 0) {
                *statistics.instructions.entry(name.into()).or_default() += *count;
            }
        }
        statistics.global += self.global;
        statistics.shared += self.shared;
        statistics.shared_passes += self.shared_passes;
        statistics.bank_conflicts += self.bank_conflicts;
    }
}
