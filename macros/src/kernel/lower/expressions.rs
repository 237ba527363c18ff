use tilewright_codegen::ptx::SpecialRegister;
use tilewright_codegen::ptx::tree::Operand;

use super::emit::integer;
use super::values::{Stored, Value};
use super::{Frame, Lowerer};
use crate::kernel::constant::{self, Constant};
use crate::kernel::intrinsics::Builtin;
use crate::kernel::tree::{Expression, FunctionId, Kind};
use crate::kernel::types::{Scalar, Type};

impl Lowerer<'_> {
    pub(super) fn expression(&mut self, expression: &Expression) -> syn::Result<Value> {
        self.at(expression.location, |lowerer| lowerer.expression_here(expression))
    }

    fn expression_here(&mut self, expression: &Expression) -> syn::Result<Value> {
        match &expression.kind {
            Kind::Constant(constant) => Ok(Value::Constant(self.typed(*constant, expression))),
            Kind::Decimal(digits) => {
                let scalar = self.scalar(expression)?;
                Ok(Value::Constant(constant::decimal(digits, scalar)))
            }
            Kind::Builtin(builtin, axis) => self.builtin(builtin, *axis),
            Kind::Read(place) => self.read(place),
            Kind::Address(place) => self.address_of(place),
            Kind::Negate(value) => {
                let scalar = self.scalar(expression)?;
                let value = self.expression(value)?;
                self.negate(&value, scalar)
            }
            Kind::Not(value) => {
                let scalar = self.scalar(expression)?;
                let value = self.expression(value)?;
                self.not(&value, scalar)
            }
            Kind::Binary(operator, a, b) => {
                let (scalar, amount) = (self.scalar(expression)?, self.scalar(b)?);
                let [a, b] = self.pair(a, b)?;
                self.binary(*operator, &a, &b, scalar, amount)
            }
            Kind::Compare(comparison, a, b) => {
                let ty = self.inference.resolve(&a.ty);
                let [a, b] = self.pair(a, b)?;
                self.compare(*comparison, &a, &b, &ty)
            }
            Kind::Both(..) | Kind::Either(..) => self.condition_value(expression),
            Kind::Cast(value) => self.cast_expression(value, &expression.ty),
            Kind::Reinterpret(value) => {
                let (from, to) = (self.scalar(value)?, self.scalar(expression)?);
                let value = self.expression(value)?;
                self.reinterpret(&value, from, to)
            }
            Kind::Offset { pointer, count, backwards } => {
                self.offset_pointer(pointer, count, *backwards)
            }
            Kind::Assign(place, value) => self.assign_place(place, value),
            Kind::Update(operator, place, value) => self.update_place(*operator, place, value),
            Kind::Intrinsic(intrinsic, arguments) => {
                self.intrinsic(intrinsic, arguments, expression)
            }
            Kind::Call(function, arguments) => self.inline(*function, arguments),
            Kind::Tuple(elements) | Kind::Array(elements) => {
                let elements: Vec<&Expression> = elements.iter().collect();
                Ok(Value::Aggregate(self.operands(&elements)?))
            }
            Kind::Repeat(value, count) => {
                self.refuse_large_copy(self.inference.resolve(&expression.ty).elements())?;
                let ty = value.ty.clone();
                let value = self.expression(value)?;
                let value = self.owned(value, &ty)?;
                Ok(Value::Aggregate(vec![value; *count as usize]))
            }
            Kind::Block(None, block) => self.block(block),
            Kind::Block(Some(id), block) => self.labelled_block(*id, block, &expression.ty),
            Kind::If(condition, then, otherwise) => {
                self.branch(condition, then, otherwise.as_deref(), &expression.ty)
            }
            Kind::While(id, condition, body) => self.while_loop(*id, condition, body),
            Kind::Loop(id, body) => self.endless_loop(*id, body, &expression.ty),
            Kind::For(counted) => self.for_loop(counted),
            Kind::Break(id, value) => self.break_out(*id, value.as_deref()),
            Kind::Continue(id) => {
                let next = self.loops[id].next.clone();
                self.jump(&next)?;
                Ok(Value::Never)
            }
            Kind::Return(value) => self.return_from(value.as_deref()),
            Kind::Error => Err(self.error("this has not been understood")),
        }
    }

    /// An integer literal where a float's constant, such as `f32::MAX`, is rounded to its type.
    fn typed(&self, constant: Constant, expression: &Expression) -> Constant {
        match self.inference.scalar(&expression.ty) {
            Some(scalar) => constant.cast(scalar),
            None => constant,
        }
    }

    pub(super) fn scalar(&self, expression: &Expression) -> syn::Result<Scalar> {
        match self.inference.resolve(&expression.ty) {
            Type::Scalar(scalar) => Ok(scalar),
            // Control does not reach a use of it, whatever it is taken for.
            Type::Never => Ok(Scalar::U32),
            other => {
                let found = self.inference.describe(&other);
                let message = format!("a number is expected here, not {found}");
                Err(syn::Error::new_spanned(expression.location, message))
            }
        }
    }

    fn pair(&mut self, a: &Expression, b: &Expression) -> syn::Result<[Value; 2]> {
        let mut values = self.operands(&[a, b])?.into_iter();
        match (values.next(), values.next()) {
            (Some(a), Some(b)) => Ok([a, b]),
            _ => Err(self.error("two operands are expected here")),
        }
    }

    /// Evaluates operands in order; one that is a variable keeps the value that it had before a
    /// later operand assigns it.
    pub(super) fn operands(&mut self, operands: &[&Expression]) -> syn::Result<Vec<Value>> {
        let mut values = Vec::new();
        for (i, operand) in operands.iter().enumerate() {
            let value = self.expression(operand)?;
            let may_change = operands[i + 1..].iter().any(|later| later.may_assign());
            let value = if may_change { self.owned(value, &operand.ty)? } else { value };
            values.push(value);
        }
        Ok(values)
    }

    fn builtin(&mut self, builtin: &Builtin, axis: usize) -> syn::Result<Value> {
        use SpecialRegister::*;
        let registers = match builtin.name {
            "thread_index" => [TidX, TidY, TidZ],
            "block_index" => [CtaidX, CtaidY, CtaidZ],
            "block_dim" => [NtidX, NtidY, NtidZ],
            "grid_dim" => [NctaidX, NctaidY, NctaidZ],
            "lane" => [LaneId; 3],
            _ => return self.warp_index(),
        };
        self.special(registers[axis])
    }

    fn special(&mut self, special: SpecialRegister) -> syn::Result<Value> {
        let value = self.emit_to(Scalar::U32, "mov.u32", [Operand::Special(special)])?;
        Ok(Value::Register(value))
    }

    /// `%warpid` may change while a thread runs, so this counts threads instead.
    fn warp_index(&mut self) -> syn::Result<Value> {
        use SpecialRegister::{NtidX, NtidY, TidX, TidY, TidZ};
        let mut index = self.special(TidZ)?;
        for (extent, place) in [(NtidY, TidY), (NtidX, TidX)] {
            let (extent, place) = (self.special(extent)?, self.special(place)?);
            let mut operands = Vec::new();
            for value in [index, extent, place] {
                operands.push(self.operand(&value, Scalar::U32)?);
            }
            index = Value::Register(self.emit_to(Scalar::U32, "mad.lo.u32", operands)?);
        }
        let index = self.operand(&index, Scalar::U32)?;
        let warp = self.emit_to(Scalar::U32, "shr.u32", [index, integer(5)])?;
        Ok(Value::Register(warp))
    }

    /// A call: the function's body, here.
    fn inline(&mut self, id: FunctionId, arguments: &[Expression]) -> syn::Result<Value> {
        let program = self.program;
        let function = &program.functions[id.0];
        if self.frames.iter().any(|frame| frame.function == id) {
            return Err(self.error(format_args!(
                "`{}` calls itself\n\nhelp: device functions are inlined; write a loop",
                function.name
            )));
        }
        self.spend()?;
        let expressions: Vec<&Expression> = arguments.iter().collect();
        let values = self.operands(&expressions)?;
        for ((parameter, value), argument) in function.parameters.iter().zip(values).zip(arguments)
        {
            let variable = &program.variables[parameter.0];
            let stored = self.store_variable(*parameter, variable, value, &argument.ty)?;
            self.variables.insert(*parameter, stored);
        }
        if !function.body.contains_return() {
            self.frames.push(Frame { function: id, end: None });
            let value = self.block(&function.body);
            self.frames.pop();
            return value;
        }
        let slot = self.slot(&function.result);
        let end = self.new_label("returned");
        self.frames.push(Frame { function: id, end: Some((end.clone(), slot.clone())) });
        let value = self.block(&function.body);
        self.frames.pop();
        self.assign(&slot, value?, &function.result)?;
        self.place_label(end);
        Ok(self.read_slot(&slot))
    }

    fn return_from(&mut self, value: Option<&Expression>) -> syn::Result<Value> {
        let value = match value {
            Some(value) => Some((self.expression(value)?, value.ty.clone())),
            None => None,
        };
        let end = self.frames.last().and_then(|frame| frame.end.clone());
        match end {
            Some((label, slot)) => {
                if let Some((value, ty)) = value {
                    self.assign(&slot, value, &ty)?;
                }
                self.jump(&label)?;
            }
            None => self.emit("ret", Vec::new())?,
        }
        Ok(Value::Never)
    }

    /// Puts a value into what a variable stands for.
    pub(super) fn store_variable(
        &mut self,
        id: crate::kernel::tree::VariableId,
        variable: &crate::kernel::tree::Variable,
        value: Value,
        ty: &Type,
    ) -> syn::Result<Stored> {
        if self.in_memory.contains(&id) {
            let pointer = self.local_array(id, variable)?;
            self.store(&pointer, value, ty)?;
            return Ok(Stored::Memory(pointer));
        }
        Ok(match variable.mutable {
            true => Stored::Slot(self.mutable_slot(ty, value)?),
            false => Stored::Value(self.owned(value, ty)?),
        })
    }
}
