//! The control flow of a function: basic blocks and which block dominates which.

use std::collections::BTreeSet;

use super::Instruction;

/// A run of instructions that is entered at its first and left at its last.
pub(super) struct Block {
    pub(super) instructions: std::ops::Range<usize>,
    /// The blocks that may come next.
    pub(super) successors: Vec<usize>,
}

/// What follows an instruction.
struct Next {
    /// Whether the one after it may.
    falls_through: bool,
    /// Whether its targets may.
    jumps: bool,
}

fn next(instruction: &Instruction) -> Next {
    let branches = ["BRA", "BRX", "BRXU", "JMP", "JMX"].iter().any(|name| instruction.is(name));
    let ends = branches || ["EXIT", "RET", "KILL"].iter().any(|name| instruction.is(name));
    // ptxas also leaves loops with a call that does not come back.
    let jumps = branches || instruction.is("CALL");
    // Besides the guard, a branch may name its condition among its operands: `BRA.U !UP0, target`.
    let conditional = instruction.guard.is_some()
        || (instruction.is("BRA") && instruction.operands.contains(','));
    Next { falls_through: !ends || conditional, jumps }
}

pub(super) fn blocks(instructions: &[Instruction]) -> Vec<Block> {
    let mut starts = BTreeSet::from([0]);
    for (index, instruction) in instructions.iter().enumerate() {
        let next = next(instruction);
        if next.jumps {
            starts.extend(&instruction.targets);
        }
        if (next.jumps || !next.falls_through) && index + 1 < instructions.len() {
            starts.insert(index + 1);
        }
    }
    let starts: Vec<usize> = starts.into_iter().filter(|&s| s < instructions.len()).collect();
    let ends = starts.iter().skip(1).copied().chain([instructions.len()]);
    let block_at = |start: usize| starts.binary_search(&start).ok();
    let block = |(&start, end): (&usize, usize)| {
        let last = &instructions[end - 1];
        let next = next(last);
        let mut successors = Vec::new();
        if next.jumps {
            successors.extend(last.targets.iter().filter_map(|&target| block_at(target)));
        }
        if next.falls_through {
            successors.extend(block_at(end));
        }
        Block { instructions: start..end, successors }
    };
    starts.iter().zip(ends).map(block).collect()
}

/// Which blocks dominate which: every path from the entry to a block leads through its dominators.
///
/// The iterative algorithm of Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm".
pub(super) struct Dominators {
    /// The block's place in a reverse postorder, for the blocks that can be reached.
    order: Vec<Option<usize>>,
    /// The nearest dominator of each block; the entry's is itself.
    immediate: Vec<Option<usize>>,
}

impl Dominators {
    pub(super) fn of(blocks: &[Block]) -> Dominators {
        let sequence = reverse_postorder(blocks);
        let mut order = vec![None; blocks.len()];
        for (place, &block) in sequence.iter().enumerate() {
            order[block] = Some(place);
        }
        let mut dominators = Dominators { order, immediate: vec![None; blocks.len()] };
        if let Some(&entry) = sequence.first() {
            dominators.immediate[entry] = Some(entry);
        }
        let predecessors = predecessors(blocks);
        let mut changed = true;
        while changed {
            changed = false;
            for &block in sequence.iter().skip(1) {
                let known = predecessors[block]
                    .iter()
                    .copied()
                    .filter(|&predecessor| dominators.immediate[predecessor].is_some());
                let nearest = known.reduce(|a, b| dominators.meet(a, b));
                if dominators.immediate[block] != nearest {
                    dominators.immediate[block] = nearest;
                    changed = true;
                }
            }
        }
        dominators
    }

    /// The nearest block that dominates both.
    fn meet(&self, mut a: usize, mut b: usize) -> usize {
        while a != b {
            let behind = if self.order[a] > self.order[b] { &mut a } else { &mut b };
            match self.immediate[*behind] {
                Some(dominator) if dominator != *behind => *behind = dominator,
                _ => return 0,
            }
        }
        a
    }

    /// Whether every path to `block` leads through `over`. False for a block that is not reached.
    pub(super) fn dominates(&self, over: usize, block: usize) -> bool {
        let mut at = block;
        while let Some(dominator) = self.immediate[at] {
            if at == over {
                return true;
            }
            if dominator == at {
                return false;
            }
            at = dominator;
        }
        false
    }
}

/// For each block the blocks that it may follow.
pub(super) fn predecessors(blocks: &[Block]) -> Vec<Vec<usize>> {
    let mut predecessors = vec![Vec::new(); blocks.len()];
    for (index, block) in blocks.iter().enumerate() {
        for &successor in &block.successors {
            predecessors[successor].push(index);
        }
    }
    predecessors
}

/// The blocks that are reached from the first, each before those that it leads to, loops aside.
fn reverse_postorder(blocks: &[Block]) -> Vec<usize> {
    let mut seen = vec![false; blocks.len()];
    let mut postorder = Vec::new();
    let mut stack = Vec::new();
    if !blocks.is_empty() {
        seen[0] = true;
        stack.push((0, 0));
    }
    while let Some((block, done)) = stack.pop() {
        match blocks[block].successors.get(done) {
            Some(&successor) => {
                stack.push((block, done + 1));
                if !seen[successor] {
                    seen[successor] = true;
                    stack.push((successor, 0));
                }
            }
            None => postorder.push(block),
        }
    }
    postorder.reverse();
    postorder
}
