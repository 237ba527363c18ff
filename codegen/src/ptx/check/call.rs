//! Calls: the function called, its arguments, and whether they fit.

use smol_str::SmolStr;

use super::body::Body;
use super::error::CheckErrorKind;
use super::layout;
use super::module::Global;
use super::operands::Mismatch;
use super::resolved::{CheckedOperand, ParameterLayout};
use super::scope::Name;
use super::types::{holds, immediate};
use crate::ptx::ScalarType;
use crate::ptx::tree::{Instruction, Operand};

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
            Some(Name::Prototype(function)) => Ok(CheckedOperand::Prototype {
                returns: layout::parameters(&function.returns),
                parameters: layout::parameters(&function.parameters),
            }),
            // All functions of a list have the same parameters.
            Some(Name::CallTargets(names)) => {
                let first = names.first().and_then(|name| self.checker.global(name));
                let Some(Global::Function(index)) = first else {
                    let name = names.first().unwrap_or(name).clone();
                    return Err(Mismatch::Undeclared(name));
                };
                let function = &self.checker.functions[index as usize];
                Ok(CheckedOperand::Prototype {
                    returns: function.returns.clone(),
                    parameters: function.parameters.clone(),
                })
            }
            Some(_) => Err(Mismatch::Kind),
            None => Err(Mismatch::Undeclared(name.clone())),
        }
    }

    /// A list of registers, constants, and variables and parameters in `.param` space. A constant
    /// takes its type from the parameter, see [`Self::check_call`].
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
            Operand::Literal(literal) => {
                let ty = match literal {
                    crate::ptx::tree::Literal::F32(_) => ScalarType::F32,
                    crate::ptx::tree::Literal::F64(_) => ScalarType::F64,
                    crate::ptx::tree::Literal::Integer(_) => ScalarType::B64,
                };
                immediate(*literal, ty).map(CheckedOperand::Immediate).ok_or(Mismatch::Kind)
            }
            Operand::Symbol(name, 0) => match self.scopes.find(name) {
                Some(Name::Variable(id)) => Ok(CheckedOperand::Variable(id, 0)),
                Some(Name::Parameter { is_return, index }) => {
                    Ok(CheckedOperand::Parameter { is_return, index, offset: 0 })
                }
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
            (_, Some(CheckedOperand::Prototype { returns, parameters })) => (
                instruction.operands[callee].to_string().into(),
                returns.clone(),
                parameters.clone(),
            ),
            _ => {
                let function = instruction.operands[callee].to_string().into();
                let found = "no prototype".into();
                let expected = "one as its last operand, since its address is in a register".into();
                let kind = CheckErrorKind::Call { function, found, expected };
                return self.checker.error(instruction.span, kind);
            }
        };
        let (before, after) = operands.split_at_mut(callee);
        let given = before.first_mut();
        self.check_list(instruction, &name, given, &returns, "return values");
        let given = after.get_mut(1).filter(|o| matches!(o, CheckedOperand::Arguments(_)));
        self.check_list(instruction, &name, given, &parameters, "arguments");
    }

    fn check_list(
        &mut self,
        instruction: &Instruction,
        function: &SmolStr,
        given: Option<&mut CheckedOperand>,
        expected: &[ParameterLayout],
        what: &str,
    ) {
        let mut none = Vec::new();
        let given = match given {
            Some(CheckedOperand::Arguments(list)) => list,
            _ => &mut none,
        };
        if given.len() != expected.len() {
            let kind = CheckErrorKind::Call {
                function: function.clone(),
                found: format!("{} {what}", given.len()),
                expected: expected.len().to_string(),
            };
            return self.checker.error(instruction.span, kind);
        }
        for (i, (argument, parameter)) in given.iter_mut().zip(expected).enumerate() {
            if let Some(found) = self.misfit(argument, parameter) {
                let kind = CheckErrorKind::Call {
                    function: function.clone(),
                    found: format!("{found} as number {} of its {what}", i + 1),
                    expected: format!("{} bytes of .{}", parameter.size, parameter.scalar),
                };
                self.checker.error(instruction.span, kind);
            }
        }
    }

    /// What an argument is, where it is not what the parameter takes.
    fn misfit(&self, argument: &mut CheckedOperand, parameter: &ParameterLayout) -> Option<String> {
        match argument {
            CheckedOperand::Register(id) => {
                let found = self.scopes.register(*id).scalar;
                let fits = found.bits() == parameter.scalar.bits()
                    && parameter.size == u64::from(parameter.scalar.bytes());
                (!fits).then(|| format!("a .{found} register"))
            }
            CheckedOperand::Variable(id, _) => {
                let found = &self.checker.variables[id.0 as usize];
                (found.size != parameter.size)
                    .then(|| format!("`{}` of {} bytes", found.name, found.size))
            }
            CheckedOperand::Immediate(bits) => {
                *bits &= u64::MAX >> (64 - parameter.scalar.bits().min(64));
                None
            }
            _ => None,
        }
    }
}
