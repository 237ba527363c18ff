//! Blocks, branches and conditions.

use smol_str::SmolStr;

use super::emit::register;
use super::values::{Slot, Stored, Value, element_type};
use super::{LoopTargets, Lowerer};
use crate::kernel::constant::Constant;
use crate::kernel::tree::{Block, Expression, Kind, LoopId, Statement, Storage, VariableId};
use crate::kernel::types::{Scalar, Type};

impl Lowerer<'_> {
    /// A block's statements and its value. A mistake in one statement does not hide those in the
    /// others.
    pub(super) fn block(&mut self, block: &Block) -> syn::Result<Value> {
        for statement in &block.statements {
            match self.statement(statement) {
                Ok(Value::Never) => return Ok(Value::Never),
                Ok(_) => {}
                Err(error)
                    if matches!(statement, Statement::Expression(_)) && !self.is_exhausted() =>
                {
                    self.diagnostics.push(error);
                }
                // What a failed `let` was to declare is missing from here on.
                Err(error) => return Err(error),
            }
        }
        match &block.value {
            Some(value) => self.expression(value),
            None => Ok(Value::UNIT),
        }
    }

    fn statement(&mut self, statement: &Statement) -> syn::Result<Value> {
        match statement {
            Statement::Expression(expression) => self.expression(expression),
            Statement::Let(id, value) => self.declare(*id, value.as_ref()),
            Statement::LetTuple(variables, value) => self.take_apart(variables, value),
        }
    }

    fn declare(&mut self, id: VariableId, value: Option<&Expression>) -> syn::Result<Value> {
        let program = self.program;
        let variable = &program.variables[id.0];
        let stored = match value {
            None => Stored::Memory(self.shared_array(id, variable)?),
            Some(value) => {
                let lowered = self.expression(value)?;
                if matches!(lowered, Value::Never) {
                    return Ok(Value::Never);
                }
                self.at(value.location, |lowerer| {
                    lowerer.store_variable(id, variable, lowered, &variable.ty)
                })?
            }
        };
        self.variables.insert(id, stored);
        Ok(Value::UNIT)
    }

    fn take_apart(&mut self, variables: &[VariableId], value: &Expression) -> syn::Result<Value> {
        let program = self.program;
        let ty = self.inference.resolve(&value.ty);
        let Value::Aggregate(elements) = self.expression(value)? else {
            return Ok(Value::Never);
        };
        for (i, (id, element)) in variables.iter().zip(elements).enumerate() {
            let variable = &program.variables[id.0];
            let stored = self.store_variable(*id, variable, element, &element_type(&ty, i))?;
            self.variables.insert(*id, stored);
        }
        Ok(Value::UNIT)
    }

    pub(super) fn branch(
        &mut self,
        condition: &Expression,
        then: &Block,
        otherwise: Option<&Expression>,
        ty: &Type,
    ) -> syn::Result<Value> {
        if let Some(known) = self.known_condition(condition) {
            return match (known, otherwise) {
                (true, _) => self.block(then),
                (false, Some(otherwise)) => self.expression(otherwise),
                (false, None) => Ok(Value::UNIT),
            };
        }
        let result = self.slot(ty);
        let end = self.new_label("end");
        let Some(otherwise) = otherwise else {
            self.jump_unless(condition, &end)?;
            self.block(then)?;
            self.place_label(end);
            return Ok(Value::UNIT);
        };
        let alternative = self.new_label("else");
        self.jump_unless(condition, &alternative)?;
        let value = self.block(then)?;
        let then_ends = !matches!(value, Value::Never);
        self.assign(&result, value, ty)?;
        if then_ends {
            self.jump(&end)?;
        }
        self.place_label(alternative);
        let value = self.expression(otherwise)?;
        let otherwise_ends = !matches!(value, Value::Never);
        self.assign(&result, value, ty)?;
        self.place_label(end);
        match then_ends || otherwise_ends {
            true => Ok(self.read_slot(&result)),
            false => Ok(Value::Never),
        }
    }

    /// Whether a condition is known without evaluating anything.
    fn known_condition(&self, condition: &Expression) -> Option<bool> {
        if !self.program.is_static(condition) {
            return match &condition.kind {
                Kind::Both(a, b) => {
                    let (a, b) = (self.known_condition(a), self.known_condition(b));
                    if a == Some(false) { Some(false) } else { a.and(b).filter(|known| *known) }
                }
                _ => None,
            };
        }
        match self.static_value(condition)? {
            Constant::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Jumps to `label` where the condition does not hold.
    pub(super) fn jump_unless(
        &mut self,
        condition: &Expression,
        label: &SmolStr,
    ) -> syn::Result<()> {
        self.jump_on(condition, false, label)
    }

    /// Jumps to `label` where the condition is `when`.
    fn jump_on(&mut self, condition: &Expression, when: bool, label: &SmolStr) -> syn::Result<()> {
        match (&condition.kind, when) {
            (Kind::Not(inner), _) if self.inference.scalar(&inner.ty) == Some(Scalar::Bool) => {
                self.jump_on(inner, !when, label)
            }
            (Kind::Both(a, b), false) | (Kind::Either(a, b), true) if !b.is_free_of_effects() => {
                self.jump_on(a, when, label)?;
                self.jump_on(b, when, label)
            }
            (Kind::Both(a, b), true) | (Kind::Either(a, b), false) if !b.is_free_of_effects() => {
                let skip = self.new_label("skip");
                self.jump_on(a, !when, &skip)?;
                self.jump_on(b, when, label)?;
                self.place_label(skip);
                Ok(())
            }
            _ => {
                let predicate = self.expression(condition)?;
                match predicate {
                    Value::Never => Ok(()),
                    predicate => self.jump_if(&predicate, when, label),
                }
            }
        }
    }

    /// `&&` or `||` as a value. The second operand is evaluated in any case where nobody can tell.
    pub(super) fn condition_value(&mut self, condition: &Expression) -> syn::Result<Value> {
        let (a, b, mnemonic) = match &condition.kind {
            Kind::Both(a, b) => (a, b, "and.pred"),
            Kind::Either(a, b) => (a, b, "or.pred"),
            _ => return self.expression(condition),
        };
        if !b.is_free_of_effects() {
            return self.condition_by_jumps(condition);
        }
        let first = self.expression(a)?;
        let second = self.expression(b)?;
        match (&first, &second) {
            (Value::Constant(Constant::Bool(known)), other)
            | (other, Value::Constant(Constant::Bool(known))) => {
                let decides = *known == (mnemonic == "or.pred");
                Ok(if decides { Value::Constant(Constant::Bool(*known)) } else { other.clone() })
            }
            (Value::Register(first), Value::Register(second)) => {
                let operands = [register(first), register(second)];
                Ok(Value::Register(self.emit_to(Scalar::Bool, mnemonic, operands)?))
            }
            _ => Ok(Value::Never),
        }
    }

    fn condition_by_jumps(&mut self, condition: &Expression) -> syn::Result<Value> {
        let result = self.slot(&Type::BOOL);
        let end = self.new_label("end");
        let known = |value| Value::Constant(Constant::Bool(value));
        self.assign(&result, known(false), &Type::BOOL)?;
        self.jump_unless(condition, &end)?;
        self.assign(&result, known(true), &Type::BOOL)?;
        self.place_label(end);
        Ok(self.read_slot(&result))
    }

    pub(super) fn labelled_block(
        &mut self,
        id: LoopId,
        block: &Block,
        ty: &Type,
    ) -> syn::Result<Value> {
        let slot = self.slot(ty);
        let end = self.new_label("end");
        let targets =
            LoopTargets { next: end.clone(), end: end.clone(), value: Some(slot.clone()) };
        self.loops.insert(id, targets);
        let value = self.block(block)?;
        self.assign(&slot, value, ty)?;
        self.place_label(end);
        Ok(self.read_slot(&slot))
    }

    pub(super) fn break_out(
        &mut self,
        id: LoopId,
        value: Option<&Expression>,
    ) -> syn::Result<Value> {
        let targets = self.loops[&id].clone();
        if let Some(value) = value {
            let lowered = self.expression(value)?;
            if let Some(slot) = &targets.value {
                self.assign(slot, lowered, &value.ty)?;
            }
        }
        self.jump(&targets.end)?;
        Ok(Value::Never)
    }

    /// The value of an expression that [`is_static`](crate::kernel::tree::Program::is_static).
    fn static_value(&self, expression: &Expression) -> Option<Constant> {
        let read = |id: &VariableId| match self.variables.get(id) {
            Some(Stored::Value(Value::Constant(constant))) => Some(*constant),
            _ => None,
        };
        crate::kernel::constant::evaluate_with(expression, self.inference, &read).ok()
    }

    /// Whether a variable's value is known in this iteration of every unrolled loop.
    pub(super) fn bind_static(
        &mut self,
        id: VariableId,
        value: Value,
        ty: &Type,
    ) -> syn::Result<()> {
        let program = self.program;
        let stored = match program.variables[id.0].storage {
            Storage::Static => Stored::Value(value),
            _ => Stored::Slot(self.mutable_slot(ty, value)?),
        };
        self.variables.insert(id, stored);
        Ok(())
    }

    pub(super) fn slot_register(slot: &Slot) -> Option<SmolStr> {
        match slot {
            Slot::Register(name) => Some(name.clone()),
            _ => None,
        }
    }
}
