//! `tcgen05.mma`.

use tilewright_codegen::ptx::check::CheckedOperand;

use super::code::Address;
use super::operands::{Lowered, Operands};
use crate::exec::registers::{Condition, Slot};
use crate::numeric::matrix::tcgen05::{Form, Kind};

/// `tcgen05.mma`.
#[derive(Debug)]
pub(crate) struct Multiply {
    pub(crate) form: Form,
    pub(crate) d: Address,
    pub(crate) a: Multiplicand,
    /// The matrix descriptor of B.
    pub(crate) b: Slot<u64>,
    /// The instruction descriptor.
    pub(crate) instruction: Slot<u32>,
    /// The scales of A and of B, of a scaled kind.
    pub(crate) scales: Option<[Address; 2]>,
    /// Lanes of D that are not written, a bit each, of both blocks of a pair.
    pub(crate) disabled: Box<[Slot<u32>]>,
    /// Whether D is added to.
    pub(crate) accumulate: Condition,
    /// The power of two that D is divided by before.
    pub(crate) scale: u32,
    /// Columns of B that count as zeros.
    pub(crate) zeros: Option<Slot<u64>>,
    /// Whether rows of A in tensor memory move down by one.
    pub(crate) shift: bool,
}

/// A of `tcgen05.mma`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Multiplicand {
    /// In shared memory, by its matrix descriptor.
    Shared(Slot<u64>),
    Tensor(Address),
}

/// Lowers `tcgen05.mma`: D, A, B, the instruction descriptor, the scales of a scaled kind or else the
/// lanes to leave alone, whether D is added to, and then the power of two for D, or with `.ws` the
/// columns of B that count as zeros.
pub(super) fn lower(o: &mut Operands<'_>) -> Lowered<Multiply> {
    let form = form(o)?;
    if form.sparse {
        return Err(o.unsupported("a sparse A"));
    }
    let (d, a) = (o.address(0)?, multiplicand(o)?);
    let b = o.source(2)?;
    let mut next = 3;
    let instruction = o.source(next)?;
    next += 1;
    let scales = match form.kind.is_scaled() {
        true => Some([o.address(next)?, o.address(next + 1)?]),
        false => None,
    };
    let disabled = match o.operand(next)? {
        CheckedOperand::Vector(lanes) => {
            lanes.iter().map(|word| o.source_of(word)).collect::<Lowered<Box<_>>>()?
        }
        _ => Box::default(),
    };
    next += if scales.is_some() { 2 } else { usize::from(!disabled.is_empty()) };
    let accumulate = o.condition(next)?;
    let has_more = o.len() > next + 1;
    let (mut scale, mut zeros) = (0, None);
    match form.stationary {
        true if has_more => zeros = Some(o.source(next + 1)?),
        false if has_more => scale = o.immediate(next + 1)? as u32,
        _ => {}
    }
    let shift = o.name.has("ashift");
    Ok(Multiply { form, d, a, b, instruction, scales, disabled, accumulate, scale, zeros, shift })
}

fn form(o: &Operands<'_>) -> Lowered<Form> {
    let Some(kind) = o.name.modifiers().find_map(Kind::from_name) else {
        return Err(o.unsupported("its kind is missing"));
    };
    let small = o.name.first_of(&["scale_vec::4X", "block16"]).is_some();
    Ok(Form {
        kind,
        pair: o.name.has("cta_group::2"),
        stationary: o.name.has("ws"),
        sparse: o.name.has("sp"),
        block: if small { 16 } else { 32 },
    })
}

fn multiplicand(o: &mut Operands<'_>) -> Lowered<Multiplicand> {
    Ok(match o.operand(1)? {
        CheckedOperand::Address { .. } => Multiplicand::Tensor(o.address(1)?),
        _ => Multiplicand::Shared(o.source(1)?),
    })
}
