//! Which instructions use registers of `wgmma`.

use std::collections::BTreeMap;

use tilewright_codegen::ptx::Opcode;

use super::code::{Action, Detail, FragmentUse, Instruction, MoveFragment, Multiplicand};
use super::operands::RegisterSlot;
use crate::exec::registers::{AnySlot, Slot};

/// Notes in each instruction which registers it uses that some `wgmma` accumulates in or reads A
/// from, or that an accumulator is moved to; how many such registers there are.
pub(super) fn mark(
    code: &mut [Instruction],
    details: &mut [Detail],
    locations: &[RegisterSlot],
) -> usize {
    let mut indices = Indices::default();
    for (instruction, detail) in code.iter().zip(details.iter()) {
        if let Action::Wgmma(wgmma) = &instruction.action {
            let a = match wgmma.a {
                Multiplicand::Registers(registers) => registers.len(),
                Multiplicand::Shared(..) => 0,
            };
            indices.add(&detail.writes);
            indices.add(&detail.reads[..a]);
        }
    }
    if indices.0.is_empty() {
        return 0;
    }
    mark_moves(code, details, locations, &mut indices);
    for detail in details {
        let moves = is_move(detail) && detail.reads.iter().all(|n| indices.0.contains_key(n));
        let uses = |numbers: &[u32], writes| {
            let used = numbers.iter().filter_map(|&number| {
                let index = *indices.0.get(&number)?;
                Some(FragmentUse { index, number, writes, moves })
            });
            used.collect::<Vec<_>>()
        };
        detail.fragments = [uses(&detail.reads, false), uses(&detail.writes, true)].concat().into();
    }
    indices.0.len()
}

/// Finds the moves of accumulators, and those of what they move to.
fn mark_moves(
    code: &mut [Instruction],
    details: &[Detail],
    locations: &[RegisterSlot],
    indices: &mut Indices,
) {
    let slot = |&number: &u32| match locations[number as usize] {
        RegisterSlot::Value(AnySlot::Word(slot)) => Some(slot),
        _ => None,
    };
    loop {
        let known = indices.0.len();
        for (instruction, detail) in code.iter_mut().zip(details) {
            let moves =
                is_move(detail) && detail.reads.iter().any(|number| indices.0.contains_key(number));
            if !moves || !matches!(instruction.action, Action::Compute(_)) {
                continue;
            }
            indices.add(&detail.writes);
            let action = std::mem::replace(&mut instruction.action, Action::Nothing);
            if let Action::Compute(compute) = action {
                let sources: Box<[Slot<u32>]> = detail.reads.iter().filter_map(slot).collect();
                instruction.action =
                    Action::MoveFragment(Box::new(MoveFragment { compute, sources }));
            }
        }
        if indices.0.len() == known {
            break;
        }
    }
}

fn is_move(detail: &Detail) -> bool {
    detail.mnemonic.as_ref().is_some_and(|name| name.opcode() == Opcode::Mov)
}

/// Registers by number, and the place of each among them.
#[derive(Default)]
struct Indices(BTreeMap<u32, u32>);

impl Indices {
    fn add(&mut self, numbers: &[u32]) {
        for &number in numbers {
            let next = self.0.len() as u32;
            self.0.entry(number).or_insert(next);
        }
    }
}
