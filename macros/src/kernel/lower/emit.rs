//! Registers, labels and instructions.

use std::collections::HashSet;
use std::fmt::Display;

use smol_str::{SmolStr, format_smolstr};
use tilewright_codegen::ptx::tree::{
    Guard, Instruction, Literal, Operand, RegisterNames, Registers as Declaration, Statement,
};
use tilewright_codegen::ptx::{Mnemonic, ScalarType, Span};

use super::values::Value;
use super::{Lowerer, MAXIMUM_WORK};
use crate::diagnostic::Location;
use crate::kernel::constant::Constant;
use crate::kernel::types::Scalar;

/// The registers of a kernel, by class.
#[derive(Debug, Default)]
pub(super) struct Registers {
    counts: [u32; CLASSES.len()],
    /// Those of variables: what is read from them may change later.
    mutable: HashSet<SmolStr>,
}

/// Types that registers are declared with, and the beginnings of their names.
const CLASSES: [(ScalarType, &str); 6] = [
    (ScalarType::Pred, "%p"),
    (ScalarType::B16, "%h"),
    (ScalarType::B32, "%r"),
    (ScalarType::B64, "%rd"),
    (ScalarType::F32, "%f"),
    (ScalarType::F64, "%fd"),
];

impl Registers {
    /// A new register for a value of this type.
    pub(super) fn of(&mut self, scalar: Scalar) -> SmolStr {
        let wanted = match scalar {
            Scalar::F32 => ScalarType::F32,
            Scalar::F64 => ScalarType::F64,
            other => other.as_bits(),
        };
        let class = CLASSES.iter().position(|(ty, _)| *ty == wanted).unwrap_or_default();
        let number = self.counts[class];
        self.counts[class] += 1;
        format_smolstr!("{}{number}", CLASSES[class].1)
    }

    pub(super) fn mark_mutable(&mut self, register: &SmolStr) {
        self.mutable.insert(register.clone());
    }

    pub(super) fn is_mutable(&self, register: &SmolStr) -> bool {
        self.mutable.contains(register)
    }

    pub(super) fn declarations(&self) -> Vec<Statement> {
        CLASSES
            .iter()
            .zip(self.counts)
            .filter(|(_, count)| *count > 0)
            .map(|((scalar, prefix), count)| {
                Statement::Registers(Declaration {
                    vector: None,
                    scalar: *scalar,
                    names: vec![RegisterNames::Range { prefix: SmolStr::new(prefix), count }],
                    span: Span::default(),
                })
            })
            .collect()
    }
}

impl Lowerer<'_> {
    /// An error at the expression being lowered.
    pub(super) fn error(&self, message: impl Display) -> syn::Error {
        match self.here {
            Some(location) => syn::Error::new_spanned(location, message),
            None => syn::Error::new(proc_macro2::Span::call_site(), message),
        }
    }

    /// Lowers with errors and instructions attributed to `location`.
    pub(super) fn at<R>(&mut self, location: Location, lower: impl FnOnce(&mut Self) -> R) -> R {
        let outer = self.here.replace(location);
        let result = lower(self);
        self.here = outer;
        result
    }

    fn span(&mut self) -> Span {
        let Some(here) = self.here else { return Span::default() };
        self.locations.push(here);
        Span { line: self.locations.len() as u32, column: 1 }
    }

    /// Counts a step of the lowering, so that no source keeps it busy without end.
    pub(super) fn spend(&mut self) -> syn::Result<()> {
        self.work += 1;
        match self.is_exhausted() {
            true => Err(self.error(format_args!(
                "the kernel has grown beyond {MAXIMUM_WORK} instructions here\n\n\
                 help: unroll less, or use a loop"
            ))),
            false => Ok(()),
        }
    }

    /// Whether the kernel has grown too large, which one error says.
    pub(super) fn is_exhausted(&self) -> bool {
        self.work > MAXIMUM_WORK
    }

    pub(super) fn emit(&mut self, mnemonic: &str, operands: Vec<Operand>) -> syn::Result<()> {
        self.emit_guarded(None, mnemonic, operands)
    }

    pub(super) fn emit_guarded(
        &mut self,
        guard: Option<Guard>,
        mnemonic: &str,
        operands: Vec<Operand>,
    ) -> syn::Result<()> {
        self.spend()?;
        let mnemonic = Mnemonic::parse(mnemonic).map_err(|error| self.error(error))?;
        let span = self.span();
        self.body.push(Statement::Instruction(Instruction { guard, mnemonic, operands, span }));
        Ok(())
    }

    /// Emits an instruction whose first operand is a new register for a value of type `scalar`.
    pub(super) fn emit_to(
        &mut self,
        scalar: Scalar,
        mnemonic: &str,
        operands: impl IntoIterator<Item = Operand>,
    ) -> syn::Result<SmolStr> {
        let destination = self.registers.of(scalar);
        let mut all = vec![register(&destination)];
        all.extend(operands);
        self.emit(mnemonic, all)?;
        Ok(destination)
    }

    /// The operand that a value of this type is.
    pub(super) fn operand(&mut self, value: &Value, scalar: Scalar) -> syn::Result<Operand> {
        match value {
            Value::Register(name) => Ok(register(name)),
            Value::Constant(constant) => match literal(*constant, scalar) {
                Some(literal) => Ok(Operand::Literal(literal)),
                None => {
                    let name = self.registers.of(scalar);
                    self.move_into(name.clone(), value, scalar)?;
                    Ok(register(&name))
                }
            },
            _ => Err(self.error("a number is expected here")),
        }
    }

    /// The register that a value of this type is in.
    pub(super) fn in_register(&mut self, value: &Value, scalar: Scalar) -> syn::Result<SmolStr> {
        match value {
            Value::Register(name) => Ok(name.clone()),
            value => {
                let name = self.registers.of(scalar);
                self.move_into(name.clone(), value, scalar)?;
                Ok(name)
            }
        }
    }

    /// Copies a value into a register.
    pub(super) fn move_into(
        &mut self,
        name: SmolStr,
        value: &Value,
        scalar: Scalar,
    ) -> syn::Result<()> {
        let source = match value {
            Value::Register(from) => register(from),
            Value::Constant(Constant::Bool(value)) => integer(i128::from(*value)),
            Value::Constant(constant) => match literal(*constant, scalar) {
                Some(literal) => Operand::Literal(literal),
                None => integer(constant.bits(scalar).into()),
            },
            _ => return Ok(()),
        };
        let ty = match scalar {
            Scalar::F32 | Scalar::F64 => scalar.in_arithmetic(),
            other => other.as_bits(),
        };
        self.emit(&format!("mov.{ty}"), vec![register(&name), source])
    }

    /// A label that nothing has yet.
    pub(super) fn new_label(&mut self, name: &'static str) -> SmolStr {
        let count = self.labels.entry(name).or_default();
        *count += 1;
        format_smolstr!("${name}_{count}")
    }

    /// Puts a label here, where something jumps to it. Every jump but a loop's own comes before.
    pub(super) fn place_label(&mut self, label: SmolStr) {
        if self.used_labels.contains(&label) {
            self.body.push(Statement::Label(label, Span::default()));
        }
    }

    /// Puts the label that a loop goes back to.
    pub(super) fn place_head(&mut self, label: SmolStr) {
        self.body.push(Statement::Label(label, Span::default()));
    }

    pub(super) fn jump(&mut self, label: &SmolStr) -> syn::Result<()> {
        self.used_labels.insert(label.clone());
        self.emit("bra", vec![Operand::Symbol(label.clone(), 0)])
    }

    /// Jumps where the predicate is `when`.
    pub(super) fn jump_if(
        &mut self,
        predicate: &Value,
        when: bool,
        label: &SmolStr,
    ) -> syn::Result<()> {
        match predicate {
            Value::Constant(Constant::Bool(value)) if *value == when => self.jump(label),
            Value::Constant(_) => Ok(()),
            predicate => {
                let register = self.in_register(predicate, Scalar::Bool)?;
                self.used_labels.insert(label.clone());
                let guard = Some(Guard { register, negated: !when });
                self.emit_guarded(guard, "bra", vec![Operand::Symbol(label.clone(), 0)])
            }
        }
    }
}

/// A register as an operand.
pub(super) fn register(name: &SmolStr) -> Operand {
    Operand::Register(name.clone(), None)
}

/// An integer as an operand.
pub(super) fn integer(value: i128) -> Operand {
    Operand::Literal(Literal::Integer(value))
}

/// A constant as a literal; PTX has none for predicates and 16-bit floats.
fn literal(constant: Constant, scalar: Scalar) -> Option<Literal> {
    match (constant, scalar) {
        (Constant::Integer(value), _) => Some(Literal::Integer(value)),
        (Constant::Float(value), Scalar::F32) => Some(Literal::F32((value as f32).to_bits())),
        (Constant::Float(value), Scalar::F64) => Some(Literal::F64(value.to_bits())),
        _ => None,
    }
}
