//! Which form of an instruction is meant, and whether the target and the version have it.

use std::sync::Arc;

use super::body::{Body, LISTED_LIMIT};
use super::error::CheckErrorKind;
use super::operands::{Mismatch, describe, found};
use super::resolved::CheckedOperand;
use crate::gpu::{Target, TargetSet};
use crate::ptx::Version;
use crate::ptx::isa::Binding;
use crate::ptx::tree::{Instruction, Operand};

/// A form whose operands fit.
pub(super) struct Fit<'a> {
    pub(super) binding: &'a Arc<Binding>,
    pub(super) operands: Vec<CheckedOperand>,
}

/// A form whose operands do not fit: the first that does not, and why.
struct Miss<'a> {
    binding: &'a Binding,
    position: usize,
    mismatch: Mismatch,
}

impl<'a> Body<'_, 'a> {
    /// Finds the form whose operands fit and which the target and the version have, or reports why
    /// there is none.
    pub(super) fn select(&mut self, instruction: &'a Instruction) -> Option<Fit<'a>> {
        let mut best: Option<(Version, Fit<'a>)> = None;
        let mut closest: Option<Miss<'a>> = None;
        let mut lacking: Vec<TargetSet> = Vec::new();
        for binding in instruction.mnemonic.bindings() {
            let operands = match self.fit(instruction, binding) {
                Ok(operands) => operands,
                Err(miss) => {
                    let rank = |m: &Miss<'_>| (m.position, m.mismatch.weight());
                    if closest.as_ref().is_none_or(|c| rank(c) < rank(&miss)) {
                        closest = Some(miss);
                    }
                    continue;
                }
            };
            if let Some(targets) = lacks(binding, self.checker.target) {
                lacking.push(targets);
                continue;
            }
            let version = binding.version;
            let fit = Fit { binding, operands };
            if self.checker.version.is_some_and(|module| version <= module) {
                self.checker.needed = self.checker.needed.max(version);
                return Some(fit);
            }
            if best.as_ref().is_none_or(|(least, _)| version < *least) {
                best = Some((version, fit));
            }
        }
        let what = || format!("`{}`", instruction.mnemonic);
        if let Some((version, fit)) = best {
            self.checker.need(instruction.span, version, what);
            return Some(fit);
        }
        if !lacking.is_empty() {
            let mut all = Vec::new();
            for target in lacking.into_iter().flat_map(|t| t.0) {
                if !all.contains(&target) {
                    all.push(target);
                }
            }
            let (target, targets) = (self.checker.target, TargetSet(all));
            let kind = CheckErrorKind::Target { what: what(), target, targets };
            self.checker.error(instruction.span, kind);
        } else if let Some(miss) = closest {
            self.report(instruction, &miss);
        }
        None
    }

    fn fit(
        &mut self,
        instruction: &'a Instruction,
        binding: &'a Binding,
    ) -> Result<Vec<CheckedOperand>, Miss<'a>> {
        let given = &instruction.operands;
        let mut operands = Vec::with_capacity(given.len());
        for (position, (operand, spec)) in given.iter().zip(&binding.operands).enumerate() {
            let checked = self.operand(operand, spec, binding);
            operands.push(checked.map_err(|mismatch| Miss { binding, position, mismatch })?);
        }
        match binding.takes(given.len()) {
            true => Ok(operands),
            false => {
                let position = given.len().min(binding.operands.len());
                Err(Miss { binding, position, mismatch: Mismatch::Count })
            }
        }
    }

    fn report(&mut self, instruction: &Instruction, miss: &Miss<'_>) {
        let mnemonic = instruction.mnemonic.text().into();
        let span = instruction.span;
        let Some(operand) = instruction.operands.get(miss.position) else {
            return self.report_count(instruction, miss.binding);
        };
        let (kind, hint) = match &miss.mismatch {
            Mismatch::Count => return self.report_count(instruction, miss.binding),
            Mismatch::Undeclared(name) => {
                let hint = self.undeclared_hint(name);
                (CheckErrorKind::Undeclared { name: name.clone() }, hint)
            }
            Mismatch::Space { name, found, expected } => {
                let (name, found, expected) = (name.clone(), *found, *expected);
                (CheckErrorKind::Space { name, found, expected }, None)
            }
            Mismatch::Lists => {
                let what = "the number of branch targets and prototype parameters named".into();
                let limit = LISTED_LIMIT as u64;
                (CheckErrorKind::Limit { what, found: limit + 1, limit }, None)
            }
            Mismatch::Kind if self.is_undeclared(operand) => {
                (CheckErrorKind::Undeclared { name: operand.to_string().into() }, None)
            }
            mismatch => {
                let Some(spec) = miss.binding.operands.get(miss.position) else { return };
                let expected = describe(spec, miss.binding);
                let found = found(operand, mismatch);
                let hint = super::operands::hint(operand, spec, miss.binding);
                let position = miss.position + 1;
                (CheckErrorKind::Operand { mnemonic, position, expected, found }, hint)
            }
        };
        self.checker.hinted(span, kind, hint);
    }

    fn report_count(&mut self, instruction: &Instruction, binding: &Binding) {
        let (required, most) = (binding.required, binding.operands.len());
        let expected = match required == most {
            true if most == 1 => "1 operand".into(),
            true => format!("{most} operands"),
            false if required + 1 == most => format!("{required} or {most} operands"),
            false => format!("{required} to {most} operands"),
        };
        let mnemonic = instruction.mnemonic.text().into();
        let found = instruction.operands.len();
        let kind = CheckErrorKind::OperandCount { mnemonic, expected, found };
        self.checker.error(instruction.span, kind);
    }

    fn is_undeclared(&mut self, operand: &Operand) -> bool {
        match operand {
            Operand::Symbol(name, 0) => {
                self.scopes.find(name).is_none() && self.checker.global(name).is_none()
            }
            _ => false,
        }
    }

    fn undeclared_hint(&self, name: &str) -> Option<String> {
        let (prefix, count) = self.scopes.near_range(name)?;
        Some(match count {
            0 => format!("`{prefix}<0>` declares nothing"),
            _ => format!("`{prefix}<{count}>` ends at `{prefix}{}`", count - 1),
        })
    }
}

/// The targets that have a form, where `target` is not among them.
fn lacks(binding: &Binding, target: Target) -> Option<TargetSet> {
    let choices = binding.choices().filter_map(|c| c.targets.as_ref());
    choices.chain([&binding.form.targets]).find(|set| !set.contains(target)).cloned()
}
