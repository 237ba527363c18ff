//! The state of an mbarrier: *Contents of the mbarrier object*.

use std::fmt;

use crate::hazard::{Clocks, Completion};

/// The largest count of arrivals, and of transactions.
pub(super) const MOST: u32 = (1 << 20) - 1;

/// An mbarrier.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// How many phases have completed.
    pub(super) phase: u64,
    /// Arrivals that a phase needs.
    expected: u32,
    /// Arrivals that the current phase still needs.
    pending: u32,
    /// Transactions that were expected and are not complete; below zero where they were complete
    /// before anybody expected them.
    transactions: i64,
    /// What those know who arrived in the current phase, and in the one before.
    pub(super) arrived: Clocks,
    pub(super) completed: Clocks,
    /// The agent of the operations that complete here, and its time before the first phase.
    agent: u32,
    first_time: u32,
    /// Who initialized it.
    pub(super) initialized: Access,
    /// When each thread of the cluster last accessed it; 0 where it did not.
    pub(super) accessed: Vec<u32>,
}

/// The last access of a thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    /// Its index in the cluster.
    pub(super) thread: u32,
    pub(super) time: u32,
    pub(super) pc: crate::program::code::Pc,
}

/// How an arrival counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arriving {
    pub(super) count: u32,
    /// Whether later phases need so many fewer.
    pub(super) drop: bool,
    /// Whether it may complete the phase.
    pub(super) completes: bool,
}

impl Object {
    pub(super) fn new(count: u32, (agent, first_time): (u32, u32), initialized: Access) -> Self {
        Self {
            phase: 0,
            expected: count,
            pending: count,
            transactions: 0,
            arrived: Clocks::default(),
            completed: Clocks::default(),
            agent,
            first_time,
            initialized,
            accessed: Vec::new(),
        }
    }

    /// The state that an arrival returns: the phase, and the arrivals that were pending.
    fn token(&self) -> u64 {
        self.phase << 32 | u64::from(self.pending)
    }

    /// When operations are complete that count in the current phase.
    pub(super) fn completion(&self) -> Completion {
        let time = self.first_time.wrapping_add(self.phase as u32).wrapping_add(1);
        Completion { agent: self.agent, time }
    }

    /// Notes an access of a thread.
    pub(super) fn note_access(&mut self, thread: u32, time: u32) {
        let thread = thread as usize;
        if thread >= self.accessed.len() {
            self.accessed.resize(thread + 1, 0);
        }
        self.accessed[thread] = time;
    }

    /// Whether the phase ends before the last of so many arrivals.
    pub(super) fn completes_within(&self, arrivals: u64) -> bool {
        arrivals > u64::from(self.pending)
    }

    /// Arrives; the state before.
    pub(super) fn arrive(&mut self, arriving: Arriving) -> Result<u64, String> {
        let Arriving { count, drop, completes } = arriving;
        let token = self.token();
        if count == 0 || count > self.pending {
            return Err(format!("{count} arrivals, more than are pending"));
        }
        if !completes && count == self.pending && self.transactions == 0 {
            return Err("an arrival with .noComplete completes the phase".into());
        }
        self.pending -= count;
        if drop {
            self.expected = self.expected.saturating_sub(count);
        }
        self.complete_if_done();
        Ok(token)
    }

    /// Counts an arrival more in the current phase.
    pub(super) fn expect_arrival(&mut self) -> Result<(), String> {
        if self.pending == MOST {
            return Err("too many pending arrivals".into());
        }
        self.pending += 1;
        Ok(())
    }

    /// Expects transactions. An arrival that follows in the same instruction is `with_arrival`.
    pub(super) fn expect(&mut self, count: u32, with_arrival: bool) -> Result<(), String> {
        self.count(i64::from(count), "expected")?;
        if self.pending == 0 && self.transactions == 0 && !with_arrival {
            return Err(
                "expect_tx brings the last transactions of a phase to zero, which does not \
                        complete it: expect them before the last arrival"
                    .into(),
            );
        }
        Ok(())
    }

    /// Completes transactions.
    pub(super) fn complete(&mut self, count: u32) -> Result<(), String> {
        self.count(-i64::from(count), "complete")?;
        self.complete_if_done();
        Ok(())
    }

    fn count(&mut self, transactions: i64, what: &str) -> Result<(), String> {
        let sum = self.transactions + transactions;
        if sum.unsigned_abs() > u64::from(MOST) {
            let count = transactions.unsigned_abs();
            return Err(format!(
                "{count} more transactions are {what}, which exceeds the {MOST} of a phase"
            ));
        }
        self.transactions = sum;
        Ok(())
    }

    fn complete_if_done(&mut self) {
        if self.pending == 0 && self.transactions == 0 {
            self.phase += 1;
            self.pending = self.expected;
            self.completed = std::mem::take(&mut self.arrived);
        }
    }

    /// Whether more transactions were complete than anybody expected.
    pub(super) fn has_unexpected(&self) -> bool {
        self.transactions < 0
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phase, expected, pending, transactions, .. } = self;
        write!(f, "phase {phase}, {pending} of {expected} arrivals pending")?;
        match transactions {
            0 => Ok(()),
            1.. => write!(f, ", {transactions} transactions outstanding"),
            _ => write!(f, ", {} transactions complete that nobody expected", -transactions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(count: u32) -> Object {
        Object::new(count, (0, 0), Access { thread: 0, time: 0, pc: 0 })
    }

    const ONE: Arriving = Arriving { count: 1, drop: false, completes: true };

    #[test]
    fn a_phase_needs_arrivals_and_transactions() {
        let mut object = object(2);
        object.arrive(ONE).unwrap();
        object.complete(32).unwrap();
        object.expect(64, true).unwrap();
        object.arrive(ONE).unwrap();
        assert_eq!(
            object.to_string(),
            "phase 0, 0 of 2 arrivals pending, 32 transactions outstanding"
        );
        object.complete(32).unwrap();
        assert_eq!(object.to_string(), "phase 1, 2 of 2 arrivals pending");
    }

    #[test]
    fn arrivals_that_drop_out_are_not_needed_again() {
        let mut object = object(3);
        object.arrive(Arriving { drop: true, ..ONE }).unwrap();
        object.arrive(Arriving { count: 2, ..ONE }).unwrap();
        assert_eq!(object.to_string(), "phase 1, 2 of 2 arrivals pending");
    }

    #[test]
    fn what_is_beyond_the_counts_is_refused() {
        let mut object = object(1);
        assert!(object.arrive(Arriving { count: 2, ..ONE }).is_err());
        assert!(object.arrive(Arriving { completes: false, ..ONE }).is_err());
        object.expect(MOST, true).unwrap();
        assert!(object.expect(1, true).is_err());
        object.complete(MOST).unwrap();
        object.complete(16).unwrap();
        object.arrive(ONE).unwrap();
        assert!(object.has_unexpected());
        assert!(object.expect(16, false).is_err(), "no completion follows");
    }
}
