//! Natural loops: a block that dominates one that branches back to it, and all between them.

use std::collections::{BTreeMap, BTreeSet};

use super::Instruction;
use super::flow::{self, Dominators};

/// A loop of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// The index of the instruction that every turn begins with.
    pub head: usize,
    /// The indices of its instructions in order, those of the loops in it among them.
    pub body: Vec<usize>,
}

impl Loop {
    /// Whether `other` is a different loop that lies in this one.
    pub fn encloses(&self, other: &Loop) -> bool {
        self.head != other.head && self.body.binary_search(&other.head).is_ok()
    }
}

pub(super) fn find(instructions: &[Instruction]) -> Vec<Loop> {
    let blocks = flow::blocks(instructions);
    let dominators = Dominators::of(&blocks);
    let predecessors = flow::predecessors(&blocks);
    // Back edges to one head make one loop.
    let mut loops: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (tail, block) in blocks.iter().enumerate() {
        for &head in block.successors.iter().filter(|&&head| dominators.dominates(head, tail)) {
            let members = loops.entry(head).or_insert_with(|| BTreeSet::from([head]));
            let mut reach = vec![tail];
            while let Some(member) = reach.pop() {
                if members.insert(member) {
                    reach.extend(&predecessors[member]);
                }
            }
        }
    }
    let body = |members: BTreeSet<usize>| {
        members.into_iter().flat_map(|member| blocks[member].instructions.clone()).collect()
    };
    let start = |block: usize| blocks[block].instructions.start;
    let mut loops: Vec<Loop> = loops
        .into_iter()
        .map(|(head, members)| Loop { head: start(head), body: body(members) })
        .collect();
    loops.sort_by_key(|l| std::cmp::Reverse(l.body.len()));
    loops
}
