//! Calls: the function called, its arguments, and whether they fit.

use smol_str::SmolStr;

use super::body::Body;
use super::error::CheckErrorKind;
use super::layout;
use super::module::Global;
use super::operands::Mismatch;
use super::resolved::{CheckedOperand, ParameterLayout, Prototype};
use super::scope::Name;
use super::types::{holds, immediate};
use crate::ptx::tree::{Instruction, Operand};
use crate::ptx::{ScalarType, Space};

type Checked = Result<CheckedOperand, Mismatch>;

impl<'a> Body<'_, 'a> {
    pub(super) fn callee(&mut self, operand: &Operand) -> Checked {
        match operand {
            Operand::Symbol(name, 0) => match self.checker.global(name) {
                Some(Global::Function(index)) => Ok(CheckedOperand::Function(index)),
                Some(Global::Variable(_)) => Err(Mismatch::Kind),
                None => Err(Mismatch::Undeclared(name.clone())),
            },
            Operand::Register(name, None) => {
                let id = self.register(name, None)?;
                let found = self.scopes.register(id).scalar;
                match holds(found, ScalarType::U64, false) {
                    true => Ok(CheckedOperand::Register(id)),
                    false => Err(Mismatch::Register(found)),
                }
            }
            _ => Err(Mismatch::Kind),
        }
    }

    pub(super) fn prototype(&mut self, operand: &Operand) -> Checked {
        let Operand::Symbol(name, 0) = operand else { return Err(Mismatch::Kind) };
        match self.scopes.find(name) {
            Some(Name::Prototype(function)) => {
                self.list(function.returns.len() + function.parameters.len())?;
                let returns = layout::parameters(&function.returns);
                let parameters = layout::parameters(&function.parameters);
                Ok(CheckedOperand::Prototype(Box::new(Prototype { returns, parameters })))
            }
            // All functions of a list have the same parameters.
            Some(Name::CallTargets(names)) => {
                let first = names.first().and_then(|name| self.checker.global(name));
                let Some(Global::Function(index)) = first else {
                    let name = names.first().unwrap_or(name).clone();
                    return Err(Mismatch::Undeclared(name));
                };
                let function = &self.checker.functions[index as usize];
                let (returns, parameters) = (function.returns.clone(), function.parameters.clone());
                self.list(returns.len() + parameters.len())?;
                Ok(CheckedOperand::Prototype(Box::new(Prototype { returns, parameters })))
            }
            Some(_) => Err(Mismatch::Kind),
            None => Err(Mismatch::Undeclared(name.clone())),
        }
    }

    /// A list of registers, constants and variables in `.param` space. A constant takes its type
    /// from the parameter, see [`Self::check_call`].
    pub(super) fn arguments(&mut self, operand: &'a Operand) -> Checked {
        let Operand::Arguments(arguments) = operand else { return Err(Mismatch::Kind) };
        let checked: Result<_, _> = arguments.iter().map(|a| self.argument(a)).collect();
        checked.map(CheckedOperand::Arguments)
    }

    fn argument(&mut self, operand: &Operand) -> Checked {
        match operand {
            Operand::Register(name, component) => {
                Ok(CheckedOperand::Register(self.register(name, *component)?))
            }
            Operand::Sink => Ok(CheckedOperand::Sink),
            Operand::Literal(_) => Ok(CheckedOperand::Immediate(0)),
            Operand::Symbol(name, 0) => match self.scopes.find(name) {
                Some(Name::Variable(id)) => Ok(CheckedOperand::Variable(id, 0)),
                Some(_) => Err(Mismatch::Kind),
                None => Err(Mismatch::Undeclared(name.clone())),
            },
            _ => Err(Mismatch::Kind),
        }
    }

    /// Whether a call's arguments fit what is called; sets the types of constants.
    pub(super) fn check_call(
        &mut self,
        instruction: &'a Instruction,
        operands: &mut [CheckedOperand],
    ) {
        let callee = operands
            .iter()
            .position(|o| matches!(o, CheckedOperand::Function(_) | CheckedOperand::Register(_)));
        let Some(callee) = callee else { return };
        let (name, returns, parameters) = match (&operands[callee], operands.last()) {
            (CheckedOperand::Function(index), _) => {
                let function = &self.checker.functions[*index as usize];
                (function.name.clone(), function.returns.clone(), function.parameters.clone())
            }
            (_, Some(CheckedOperand::Prototype(prototype))) => (
                instruction.operands[callee].to_string().into(),
                prototype.returns.clone(),
                prototype.parameters.clone(),
            ),
            _ => {
                let function = instruction.operands[callee].to_string().into();
                let found = "none".into();
                let expected = "a prototype, since the address is in a register".into();
                let kind = CheckErrorKind::Call { function, found, expected };
                return self.checker.error(instruction.span, kind);
            }
        };
        let lists = [
            (callee.checked_sub(1), &returns, "return value"),
            (Some(callee + 1), &parameters, "argument"),
        ];
        for (position, expected, what) in lists {
            let given =
                position.and_then(|p| match (instruction.operands.get(p), operands.get_mut(p)) {
                    (Some(Operand::Arguments(written)), Some(CheckedOperand::Arguments(given))) => {
                        Some((written.as_slice(), &mut given[..]))
                    }
                    _ => None,
                });
            let list = List { function: &name, what, given: given.unwrap_or_default(), expected };
            self.check_list(instruction, list);
        }
    }

    fn check_list(&mut self, instruction: &Instruction, list: List<'_>) {
        let List { function, what, given: (written, given), expected } = list;
        if given.len() != expected.len() {
            let kind = CheckErrorKind::Call {
                function: function.clone(),
                found: given.len().to_string(),
                expected: match expected.len() {
                    1 => format!("1 {what}"),
                    count => format!("{count} {what}s"),
                },
            };
            return self.checker.error(instruction.span, kind);
        }
        for (i, parameter) in expected.iter().enumerate() {
            if !self.fits(&written[i], &mut given[i], parameter) {
                let kind = CheckErrorKind::Call {
                    function: function.clone(),
                    found: format!("`{}`", written[i]),
                    expected: format!("{} as {what} {}", describe(parameter), i + 1),
                };
                self.checker.error(instruction.span, kind);
            }
        }
    }

    /// Whether an argument is what the parameter takes; sets the bits of a constant.
    fn fits(
        &self,
        written: &Operand,
        given: &mut CheckedOperand,
        parameter: &ParameterLayout,
    ) -> bool {
        let is_scalar = parameter.size == u64::from(parameter.scalar.bytes());
        match (written, given) {
            (_, CheckedOperand::Register(id)) => {
                is_scalar && similar(self.scopes.register(*id).scalar, parameter.scalar)
            }
            (_, CheckedOperand::Variable(id, _)) => {
                let variable = &self.checker.variables[id.0 as usize];
                let varying = parameter.size == 0;
                let same = (variable.size, variable.align) == (parameter.size, parameter.align);
                let types = !is_scalar || similar(variable.scalar, parameter.scalar);
                variable.space == Space::Param && (varying || (same && types))
            }
            (Operand::Literal(literal), CheckedOperand::Immediate(bits)) => {
                let value = immediate(*literal, parameter.scalar).filter(|_| is_scalar);
                *bits = value.unwrap_or(0);
                value.is_some()
            }
            _ => true,
        }
    }
}

/// A list of arguments or return values: as written, in resolved form, and what is expected.
struct List<'l> {
    function: &'l SmolStr,
    what: &'l str,
    given: (&'l [Operand], &'l mut [CheckedOperand]),
    expected: &'l [ParameterLayout],
}

/// Whether a value of type `a` may be passed as one of type `b`.
fn similar(a: ScalarType, b: ScalarType) -> bool {
    holds(a, b, false) || holds(b, a, false)
}

fn describe(parameter: &ParameterLayout) -> String {
    let ParameterLayout { scalar, size, align, .. } = parameter;
    match *size == u64::from(scalar.bytes()) {
        true => format!("a .{scalar}"),
        false => format!("{size} bytes aligned to {align}"),
    }
}
