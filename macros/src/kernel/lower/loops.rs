//! Loops. The bounds of a range are evaluated once, and no counter overflows.

use smol_str::SmolStr;

use super::emit::{integer, register};
use super::values::{Slot, Stored, Value};
use super::{LoopTargets, Lowerer};
use crate::kernel::tree::{Block, Comparison, Expression, For, LoopId, Operator};
use crate::kernel::types::{Scalar, Type};

impl Lowerer<'_> {
    pub(super) fn while_loop(
        &mut self,
        id: LoopId,
        condition: &Expression,
        body: &Block,
    ) -> syn::Result<Value> {
        let (head, end) = (self.new_label("while"), self.new_label("end"));
        let targets = LoopTargets { next: head.clone(), end: end.clone(), value: None };
        self.loops.insert(id, targets);
        self.place_head(head.clone());
        self.jump_unless(condition, &end)?;
        self.block(body)?;
        self.jump(&head)?;
        self.place_label(end);
        Ok(Value::UNIT)
    }

    pub(super) fn endless_loop(
        &mut self,
        id: LoopId,
        body: &Block,
        ty: &Type,
    ) -> syn::Result<Value> {
        let (head, end) = (self.new_label("loop"), self.new_label("end"));
        let slot = self.slot(ty);
        let targets =
            LoopTargets { next: head.clone(), end: end.clone(), value: Some(slot.clone()) };
        self.loops.insert(id, targets);
        self.place_head(head.clone());
        self.block(body)?;
        self.jump(&head)?;
        let is_left = self.used_labels.contains(&end);
        self.place_label(end);
        Ok(if is_left { self.read_slot(&slot) } else { Value::Never })
    }

    pub(super) fn for_loop(&mut self, counted: &For) -> syn::Result<Value> {
        let scalar = self.scalar(&counted.start)?;
        let mut bounds = vec![&counted.start, &counted.end];
        bounds.extend(&counted.step);
        let mut values = self.operands(&bounds)?;
        for value in &mut values {
            *value = self.owned(value.clone(), &Type::Scalar(scalar))?;
        }
        let step = if values.len() == 3 { values.pop() } else { None };
        if let (Some(step), Some(expression)) = (&step, &counted.step)
            && step.as_integer().is_some_and(|step| step <= 0)
        {
            let message = "a range needs a step of at least 1";
            return Err(syn::Error::new_spanned(expression.location, message));
        }
        let (Some(end), Some(start)) = (values.pop(), values.pop()) else {
            return Ok(Value::Never);
        };
        let range = Range { start, end, step: step.unwrap_or(Value::integer(1)), scalar };
        match counted.unroll {
            true => self.unrolled(counted, &range),
            false if counted.reversed => self.counted_down(counted, &range),
            false => self.counted_up(counted, &range),
        }
    }

    fn unrolled(&mut self, counted: &For, range: &Range) -> syn::Result<Value> {
        let bounds = [&range.start, &range.end, &range.step].map(Value::as_integer);
        let [Some(start), Some(end), Some(step)] = bounds else {
            return Err(self.error("the bounds of this loop are not known"));
        };
        let end = if counted.inclusive { end + 1 } else { end };
        let count = ((end - start).max(0) + step - 1) / step;
        let leave = self.new_label("end");
        for i in 0..count {
            self.spend()?;
            let i = if counted.reversed { count - 1 - i } else { i };
            let value = Value::integer(start + i * step);
            let next = self.new_label("next");
            let targets = LoopTargets { next: next.clone(), end: leave.clone(), value: None };
            self.loops.insert(counted.id, targets);
            self.bind_static(counted.variable, value, &Type::Scalar(range.scalar))?;
            self.block(&counted.body)?;
            self.place_label(next);
        }
        self.place_label(leave);
        Ok(Value::UNIT)
    }

    /// `start..end` and its forms: tested before the first iteration, then after each.
    fn counted_up(&mut self, counted: &For, range: &Range) -> syn::Result<Value> {
        let labels = self.loop_labels(counted);
        let counter = self.counter(&range.start, range.scalar)?;
        let enters = if counted.inclusive { Comparison::LessOrEqual } else { Comparison::Less };
        let known = match (range.start.as_integer(), range.end.as_integer()) {
            (Some(start), Some(end)) => Some(start < end + i128::from(counted.inclusive)),
            _ => None,
        };
        match known {
            Some(true) => {}
            Some(false) => return Ok(Value::UNIT),
            None => self.leave_unless(enters, &range.start, &range.end, range.scalar, &labels)?,
        }
        self.place_head(labels.head.clone());
        self.iterate(counted, &counter, range.scalar, &labels)?;
        let current = Value::Register(counter.clone());
        if range.step.as_integer() == Some(1) {
            self.count_by_one(counted.inclusive, &counter, range, &labels)?;
        } else {
            let left = self.distance(&current, &range.end, range.scalar)?;
            let (unsigned, leaves) = match counted.inclusive {
                true => (range.scalar, Comparison::Less),
                false => (range.scalar, Comparison::LessOrEqual),
            };
            let unsigned = unsigned_of(unsigned);
            let step = self.cast(&range.step, range.scalar, unsigned)?;
            let ends = self.compare(leaves, &left, &step, &Type::Scalar(unsigned))?;
            self.jump_if(&ends, true, &labels.end)?;
            self.advance(Operator::Add, &counter, range)?;
            self.jump(&labels.head)?;
        }
        self.place_label(labels.end);
        Ok(Value::UNIT)
    }

    fn count_by_one(
        &mut self,
        inclusive: bool,
        counter: &SmolStr,
        range: &Range,
        labels: &Labels,
    ) -> syn::Result<()> {
        let current = Value::Register(counter.clone());
        if inclusive {
            // The last value may be the greatest of its type, so it is not counted past.
            self.leave_unless(Comparison::Less, &current, &range.end, range.scalar, labels)?;
            self.advance(Operator::Add, counter, range)?;
            return self.jump(&labels.head);
        }
        self.advance(Operator::Add, counter, range)?;
        let ty = Type::Scalar(range.scalar);
        let again = self.compare(Comparison::Less, &current, &range.end, &ty)?;
        self.jump_if(&again, true, &labels.head)
    }

    /// `(start..end).rev()`: from the end down, testing before each step.
    fn counted_down(&mut self, counted: &For, range: &Range) -> syn::Result<Value> {
        let labels = self.loop_labels(counted);
        let counter = self.counter(&range.end, range.scalar)?;
        let current = Value::Register(counter.clone());
        let ty = Type::Scalar(range.scalar);
        if counted.inclusive {
            let enters = Comparison::LessOrEqual;
            self.leave_unless(enters, &range.start, &range.end, range.scalar, &labels)?;
            self.place_head(labels.head.clone());
            self.iterate(counted, &counter, range.scalar, &labels)?;
            self.leave_unless(Comparison::Greater, &current, &range.start, range.scalar, &labels)?;
            self.advance(Operator::Subtract, &counter, range)?;
        } else {
            self.place_head(labels.head.clone());
            let enters = self.compare(Comparison::Greater, &current, &range.start, &ty)?;
            self.jump_if(&enters, false, &labels.end)?;
            self.advance(Operator::Subtract, &counter, range)?;
            self.iterate(counted, &counter, range.scalar, &labels)?;
        }
        self.jump(&labels.head)?;
        self.place_label(labels.end);
        Ok(Value::UNIT)
    }

    fn loop_labels(&mut self, counted: &For) -> Labels {
        let labels = Labels {
            head: self.new_label("for"),
            next: self.new_label("next"),
            end: self.new_label("end"),
        };
        let targets =
            LoopTargets { next: labels.next.clone(), end: labels.end.clone(), value: None };
        self.loops.insert(counted.id, targets);
        labels
    }

    /// A register of its own for the counter: an assignment to the loop's variable does not
    /// change how often the loop runs.
    fn counter(&mut self, first: &Value, scalar: Scalar) -> syn::Result<SmolStr> {
        let slot = self.mutable_slot(&Type::Scalar(scalar), first.clone())?;
        Self::slot_register(&slot).ok_or_else(|| self.error("a number counts a loop"))
    }

    fn iterate(
        &mut self,
        counted: &For,
        counter: &SmolStr,
        scalar: Scalar,
        labels: &Labels,
    ) -> syn::Result<()> {
        let program = self.program;
        let stored = match program.variables[counted.variable.0].mutable {
            true => {
                let current = Value::Register(counter.clone());
                Stored::Slot(self.mutable_slot(&Type::Scalar(scalar), current)?)
            }
            false => Stored::Slot(Slot::Register(counter.clone())),
        };
        self.variables.insert(counted.variable, stored);
        self.block(&counted.body)?;
        self.place_label(labels.next.clone());
        Ok(())
    }

    fn leave_unless(
        &mut self,
        comparison: Comparison,
        a: &Value,
        b: &Value,
        scalar: Scalar,
        labels: &Labels,
    ) -> syn::Result<()> {
        let holds = self.compare(comparison, a, b, &Type::Scalar(scalar))?;
        self.jump_if(&holds, false, &labels.end)
    }

    /// `end - current`, which is not negative, as an unsigned number of the same width.
    fn distance(&mut self, current: &Value, end: &Value, scalar: Scalar) -> syn::Result<Value> {
        let unsigned = unsigned_of(scalar);
        let end = self.cast(end, scalar, unsigned)?;
        let current = self.cast(current, scalar, unsigned)?;
        self.binary(Operator::Subtract, &end, &current, unsigned, unsigned)
    }

    fn advance(&mut self, operator: Operator, counter: &SmolStr, range: &Range) -> syn::Result<()> {
        let name = match operator {
            Operator::Add => "add",
            _ => "sub",
        };
        let step = match range.step.as_integer() {
            Some(step) => integer(step),
            None => self.operand(&range.step, range.scalar)?,
        };
        let mnemonic = format!("{name}.{}", range.scalar.in_arithmetic());
        self.emit(&mnemonic, vec![register(counter), register(counter), step])
    }
}

/// The values that a `for` counts through.
struct Range {
    start: Value,
    end: Value,
    step: Value,
    scalar: Scalar,
}

struct Labels {
    head: SmolStr,
    next: SmolStr,
    end: SmolStr,
}

/// The unsigned integer type of the same width.
fn unsigned_of(scalar: Scalar) -> Scalar {
    match scalar.bits() {
        8 => Scalar::U8,
        16 => Scalar::U16,
        32 => Scalar::U32,
        _ => Scalar::U64,
    }
}
