//! The body of a function.

use smol_str::SmolStr;

use super::error::CheckErrorKind;
use super::form::Fit;
use super::layout;
use super::module::Checker;
use super::operands::Mismatch;
use super::resolved::{
    AddressBase, CheckedFunction, CheckedInstruction, CheckedOperand, ParameterLayout, RegisterId,
};
use super::scope::{Name, Scopes};
use super::types::is_register_type;
use crate::ptx::parse::NESTING_LIMIT;
use crate::ptx::tree::{Function, Guard, Instruction, Parameter, Registers, Statement, Variable};
use crate::ptx::{Opcode, ScalarType, Space, Span};

/// Labels of one block, each with the index of the instruction that follows it.
type Labels<'a> = Vec<(&'a SmolStr, u32, Span)>;

/// The state of checking one body.
pub(super) struct Body<'c, 'a> {
    pub(super) checker: &'c mut Checker<'a>,
    pub(super) scopes: Scopes<'a>,
    function: &'a Function,
    /// Labels of every block, in the order in which blocks begin.
    labels: std::vec::IntoIter<Labels<'a>>,
    code: Vec<CheckedInstruction>,
    /// Branch targets and parameters of prototypes that the code names, each time counted.
    listed: usize,
}

/// Each use of a list has a copy of it, and this many elements are the most of all copies.
pub(super) const LISTED_LIMIT: usize = 1 << 20;

impl<'c, 'a> Body<'c, 'a> {
    /// Checks a body and brings it into resolved form.
    pub(super) fn check(
        checker: &'c mut Checker<'a>,
        function: &'a Function,
        statements: &'a [Statement],
    ) -> CheckedFunction {
        let mut blocks = Vec::new();
        number(statements, &mut 0, &mut blocks, 0);
        let mut body = Self {
            checker,
            scopes: Scopes::default(),
            function,
            labels: blocks.into_iter(),
            code: Vec::new(),
            listed: 0,
        };
        body.scopes.enter();
        let parameters = body.parameters(&function.parameters, false);
        let returns = body.parameters(&function.returns, true);
        body.block(statements, 0);
        CheckedFunction {
            name: function.name.clone(),
            is_entry: function.is_entry,
            is_defined: true,
            directives: function.directives.clone(),
            parameters,
            returns,
            registers: body.scopes.registers,
            code: body.code,
        }
    }

    fn parameters(&mut self, parameters: &'a [Parameter], is_return: bool) -> Vec<ParameterLayout> {
        let mut layouts = layout::parameters(parameters);
        for (index, (parameter, layout)) in parameters.iter().zip(&mut layouts).enumerate() {
            let name = &parameter.name;
            let free = match parameter.is_register {
                true => {
                    layout.register = Some(RegisterId(self.scopes.registers.len() as u32));
                    self.scopes.declare_register(name, parameter.scalar, None)
                }
                false => {
                    let index = index as u32;
                    self.scopes.declare(name, Name::Parameter { is_return, index })
                }
            };
            if !free {
                self.duplicate(self.function.span, name);
            }
        }
        layouts
    }

    fn duplicate(&mut self, span: Span, name: &SmolStr) {
        self.checker.error(span, CheckErrorKind::Duplicate { name: name.clone() });
    }

    fn block(&mut self, statements: &'a [Statement], depth: usize) {
        // The outermost block shares its scope with the parameters.
        if depth > 0 {
            self.scopes.enter();
        }
        for (name, index, span) in self.labels.next().unwrap_or_default() {
            self.declare(name, Name::Label(index), span);
        }
        for statement in statements {
            match statement {
                Statement::Registers(registers) => self.registers(registers),
                Statement::Variable(variable) => self.variable(variable),
                Statement::Instruction(instruction) => self.instruction(instruction),
                Statement::Block(inner) if depth < NESTING_LIMIT => self.block(inner, depth + 1),
                Statement::Block(_) => {
                    let what = format!("a block nested more than {NESTING_LIMIT} deep");
                    let span = self.function.span;
                    self.checker.error(span, CheckErrorKind::Misplaced { what });
                }
                Statement::BranchTargets { name, targets, span } => {
                    self.declare(name, Name::BranchTargets(targets), *span);
                }
                Statement::CallTargets { name, targets, span } => {
                    self.declare(name, Name::CallTargets(targets), *span);
                }
                Statement::CallPrototype(function) => self.prototype_declaration(function),
                Statement::Pragma(text) => self.checker.pragma(self.function.span, text),
                Statement::Label(..) => {}
            }
        }
        if depth > 0 {
            self.scopes.leave();
        }
    }

    fn declare(&mut self, name: &SmolStr, meaning: Name<'a>, span: Span) {
        if !self.scopes.declare(name, meaning) {
            self.duplicate(span, name);
        }
    }

    fn prototype_declaration(&mut self, function: &'a Function) {
        for parameter in function.parameters.iter().chain(&function.returns) {
            self.checker.check_parameter(function.span, false, parameter);
        }
        self.declare(&function.name, Name::Prototype(function), function.span);
    }

    fn registers(&mut self, registers: &Registers) {
        if !is_register_type(registers.scalar) {
            let kind = CheckErrorKind::Type { what: "register", scalar: registers.scalar };
            self.checker.error(registers.span, kind);
        }
        for name in self.scopes.declare_registers(registers) {
            self.duplicate(registers.span, &name);
        }
    }

    fn variable(&mut self, variable: &'a Variable) {
        let id = self.checker.variable(variable, Some(&self.function.name));
        self.declare(&variable.name, Name::Variable(id), variable.span);
    }

    /// Counts the elements of a list that is named once more.
    pub(super) fn list(&mut self, elements: usize) -> Result<(), Mismatch> {
        match self.listed + elements <= LISTED_LIMIT {
            true => {
                self.listed += elements;
                Ok(())
            }
            false => Err(Mismatch::Lists),
        }
    }

    fn instruction(&mut self, instruction: &'a Instruction) {
        let guard = instruction.guard.as_ref().map(|guard| self.guard(guard, instruction.span));
        let Some(fit) = self.select(instruction) else { return };
        let Fit { binding, mut operands } = fit;
        if instruction.mnemonic.opcode() == Opcode::Call {
            self.check_call(instruction, &mut operands);
        }
        self.check_access(instruction, &operands);
        self.code.push(CheckedInstruction {
            mnemonic: instruction.mnemonic.clone(),
            binding: binding.clone(),
            guard: guard.flatten(),
            operands,
            span: instruction.span,
        });
    }

    fn guard(&mut self, guard: &Guard, span: Span) -> Option<(RegisterId, bool)> {
        let name = &guard.register;
        let found = match self.scopes.find(name) {
            Some(Name::Register(id, None)) => match self.scopes.register(id).scalar {
                ScalarType::Pred => return Some((id, guard.negated)),
                scalar => format!("of type .{scalar}"),
            },
            Some(_) => "no register".into(),
            None => {
                self.checker.error(span, CheckErrorKind::Undeclared { name: name.clone() });
                return None;
            }
        };
        self.checker.error(span, CheckErrorKind::Guard { name: name.clone(), found });
        None
    }

    /// Parameters are read, return parameters written; and what passes to a call and comes back
    /// from it is read and written whatever a predicate says.
    fn check_access(&mut self, instruction: &Instruction, operands: &[CheckedOperand]) {
        let is_store = match instruction.mnemonic.opcode() {
            Opcode::St => true,
            Opcode::Ld => false,
            _ => return,
        };
        let base = operands.iter().find_map(|operand| match operand {
            CheckedOperand::Address { base, .. } => Some(*base),
            _ => None,
        });
        let (name, verb) = match base {
            Some(AddressBase::Parameter { is_return: false, index }) if is_store => {
                (&self.function.parameters[index as usize].name, "written")
            }
            Some(AddressBase::Parameter { is_return: true, index }) if !is_store => {
                (&self.function.returns[index as usize].name, "read")
            }
            Some(AddressBase::Variable(id)) if instruction.guard.is_some() => {
                let variable = &self.checker.variables[id.0 as usize];
                if variable.space != Space::Param {
                    return;
                }
                (&variable.name, "read or written under a guard")
            }
            _ => return,
        };
        let name = name.clone();
        self.checker.error(instruction.span, CheckErrorKind::Access { name, verb });
    }
}

/// Finds the labels of every block, and the index of the instruction that follows each.
fn number<'a>(
    statements: &'a [Statement],
    next: &mut u32,
    blocks: &mut Vec<Labels<'a>>,
    depth: usize,
) {
    let block = blocks.len();
    blocks.push(Vec::new());
    for statement in statements {
        match statement {
            Statement::Label(name, span) => blocks[block].push((name, *next, *span)),
            Statement::Instruction(_) => *next += 1,
            Statement::Block(inner) if depth < NESTING_LIMIT => {
                number(inner, next, blocks, depth + 1);
            }
            _ => {}
        }
    }
}
