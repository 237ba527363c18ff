//! Which instructions use registers of `wgmma`.

use std::collections::BTreeMap;

use tilewright_codegen::ptx::Opcode;

use super::code::{Action, Detail, FragmentUse, Instruction, Multiplicand};

/// Notes in each instruction which registers it uses that some `wgmma` accumulates in or reads A
/// from; how many such registers there are.
pub(super) fn mark(code: &[Instruction], details: &mut [Detail]) -> usize {
    let mut indices: BTreeMap<u32, u32> = BTreeMap::new();
    for (instruction, detail) in code.iter().zip(details.iter()) {
        if let Action::Wgmma(wgmma) = &instruction.action {
            let a = match wgmma.a {
                Multiplicand::Registers(registers) => registers.len(),
                Multiplicand::Shared(..) => 0,
            };
            for &number in detail.writes.iter().chain(&detail.reads[..a]) {
                let next = indices.len() as u32;
                indices.entry(number).or_insert(next);
            }
        }
    }
    if indices.is_empty() {
        return 0;
    }
    for detail in details {
        let is_move = detail.mnemonic.as_ref().is_some_and(|name| name.opcode() == Opcode::Mov);
        let moves = is_move && detail.reads.iter().all(|number| indices.contains_key(number));
        let uses = |numbers: &[u32], writes| {
            let used = numbers.iter().filter_map(|&number| {
                let index = *indices.get(&number)?;
                Some(FragmentUse { index, number, writes, moves })
            });
            used.collect::<Vec<_>>()
        };
        detail.fragments = [uses(&detail.reads, false), uses(&detail.writes, true)].concat().into();
    }
    indices.len()
}
