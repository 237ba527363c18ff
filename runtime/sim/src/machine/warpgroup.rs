//! A warpgroup: the products that its four warps have issued together.

use std::collections::VecDeque;

use crate::exec::wgmma::WARPS;
use crate::hazard::{Agents, Asynchronous, Completion};
use crate::numeric::matrix::wgmma::SharedMatrix;
use crate::program::code::Pc;

/// Products by their number, which is the same in all warps.
#[derive(Debug, Default)]
pub(crate) struct Warpgroup {
    /// The number of the first that is kept.
    first: u64,
    flights: VecDeque<Flight>,
    /// Who completes groups, as clocks number it.
    agent: Option<u32>,
    /// Memory for operands to come.
    spare: Vec<Operands>,
}

/// A product from its issue by the first warp until its sums are in the registers of the last.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) issue: Issue,
    /// When it may land at the latest, if no wait comes first; once all warps have issued it.
    due: Option<u64>,
    /// Warps that have issued it, and those in which it has landed.
    issued: u8,
    landed: u8,
    /// Its number among the asynchronous operations of the cluster, if hazards are looked for.
    operation: Option<u32>,
    pub(crate) operands: Option<Operands>,
}

/// What the warps of a warpgroup must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    pub(crate) pc: Pc,
    /// The group that it is part of.
    pub(crate) group: u32,
    /// A, where it lies in shared memory.
    pub(crate) a: Option<SharedMatrix>,
    pub(crate) b: SharedMatrix,
    /// Whether D is added to.
    pub(crate) accumulate: bool,
}

/// Factors as they were in shared memory when they were read.
#[derive(Debug, Default)]
pub(crate) struct Operands {
    /// Rows of A, of one warp where it lies in registers.
    pub(crate) a: Vec<f32>,
    /// Panels of B.
    pub(crate) b: Vec<f32>,
}

impl Flight {
    /// Whether all four warps have issued it.
    pub(crate) fn is_issued(&self) -> bool {
        self.due.is_some()
    }

    /// Whether it lands at this time.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

impl Warpgroup {
    /// Notes that a warp issues a product, which lands at `due` if the others have issued it. The
    /// issue of another warp with which it disagrees.
    pub(crate) fn issue(
        &mut self,
        number: u64,
        warp: usize,
        issue: Issue,
        due: impl FnOnce() -> u64,
    ) -> Result<(), Pc> {
        let index = (number - self.first) as usize;
        if index == self.flights.len() {
            self.flights.push_back(Flight {
                issue,
                due: None,
                issued: 0,
                landed: 0,
                operation: None,
                operands: None,
            });
        }
        let flight = &mut self.flights[index];
        if flight.issue != issue {
            return Err(flight.issue.pc);
        }
        flight.issued |= 1 << warp;
        if flight.issued.count_ones() as usize == WARPS {
            flight.due = Some(due());
        }
        Ok(())
    }

    /// A product that has not landed everywhere.
    pub(crate) fn flight(&mut self, number: u64) -> &mut Flight {
        &mut self.flights[(number - self.first) as usize]
    }

    /// The agent that completes its groups, if hazards are looked for.
    pub(crate) fn agent(&self) -> Option<u32> {
        self.agent
    }

    /// A product as an operation that completes with its group, at the time that follows the number
    /// of the group.
    pub(crate) fn operation(&mut self, number: u64, agents: &mut Agents) -> Asynchronous {
        let agent = *self.agent.get_or_insert_with(|| agents.agent());
        let flight = self.flight(number);
        let operation = *flight.operation.get_or_insert_with(|| agents.operation());
        Asynchronous::new(operation, Completion { agent, time: flight.issue.group + 1 })
    }

    /// Memory for operands.
    pub(crate) fn operands(&mut self) -> Operands {
        self.spare.pop().unwrap_or_default()
    }

    /// Notes that a product has landed in a warp.
    pub(crate) fn land(&mut self, number: u64, warp: usize) {
        self.flight(number).landed |= 1 << warp;
        while let Some(flight) = self.flights.front()
            && flight.landed.count_ones() as usize == WARPS
        {
            self.spare.extend(self.flights.pop_front().and_then(|flight| flight.operands));
            self.first += 1;
        }
    }

    /// Which warps have yet to issue a product, for messages.
    pub(crate) fn missing(&self, number: u64) -> String {
        let flight = &self.flights[(number - self.first) as usize];
        let missing = (0..WARPS).filter(|warp| flight.issued >> warp & 1 == 0);
        let missing: Vec<String> = missing.map(|warp| warp.to_string()).collect();
        format!("waits for warps {} of its warpgroup to issue the product", missing.join(", "))
    }
}
