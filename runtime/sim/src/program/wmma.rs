//! `wmma`.

use tilewright_codegen::ptx::ScalarType;
use tilewright_codegen::ptx::check::CheckedOperand;

use super::code::{Action, FragmentAccess};
use super::matrix::double;
use super::name::Name;
use super::operands::{Lowered, Operands};
use crate::exec::registers::Slot;
use crate::numeric::matrix::wmma::{Factor, Fragment, Matrix, Shape, Sum, Types, wmma};

/// The shape that a name gives, as `m16n16k16`.
fn shape(name: &Name<'_>) -> Option<Shape> {
    name.modifiers().find_map(|word| {
        let (m, rest) = word.strip_prefix('m')?.split_once('n')?;
        let (n, k) = rest.split_once('k')?;
        Some(Shape { m: m.parse().ok()?, n: n.parse().ok()?, k: k.parse().ok()? })
    })
}

/// Lowers `wmma.load`.
pub(super) fn load(o: &mut Operands<'_>) -> Lowered<Action> {
    let elements = o.elements(0)?;
    let mut registers = Vec::with_capacity(elements.len());
    for element in elements {
        let Some(slot) = o.any_destination(element)? else {
            return Err(o.unsupported("an element that is thrown away"));
        };
        registers.push(slot);
    }
    let access = access(o, 1, registers)?;
    Ok(Action::LoadFragment(Box::new(access)))
}

/// Lowers `wmma.store`.
pub(super) fn store(o: &mut Operands<'_>) -> Lowered<Action> {
    let elements = o.elements(1)?;
    let registers = elements.iter().map(|e| o.any_source(e, false)).collect::<Lowered<_>>()?;
    let access = access(o, 0, registers)?;
    Ok(Action::StoreFragment(Box::new(access)))
}

/// The matrix in memory at operand `address`; its stride is operand 2.
fn access(
    o: &mut Operands<'_>,
    address: usize,
    registers: Vec<crate::exec::registers::AnySlot>,
) -> Lowered<FragmentAccess> {
    let matrix = match o.name.first_of(&["a", "b", "c", "d"]) {
        Some("a") => Matrix::A,
        Some("b") => Matrix::B,
        _ => Matrix::Sum,
    };
    let (Some(shape), Some(scalar)) = (shape(&o.name), o.name.scalar()) else {
        return Err(o.unsupported("its shape or type"));
    };
    let bits = scalar.bits() as usize;
    let fragment = Fragment { matrix, shape, bits, registers: registers.len() };
    let by_rows = o.name.has("row");
    let (rows, columns) = fragment.size();
    let stride = match o.len() {
        3.. => o.source(2)?,
        _ => {
            let dense = if by_rows { columns } else { rows };
            o.source_of(&CheckedOperand::Immediate(dense as u64))?
        }
    };
    let address = o.address(address)?;
    Ok(FragmentAccess { address, stride, fragment, by_rows, registers: registers.into() })
}

/// Lowers `wmma.mma`.
pub(super) fn multiply(o: &mut Operands<'_>) -> Lowered<Action> {
    let Some(shape) = shape(&o.name) else { return Err(o.unsupported("its shape")) };
    let types: Vec<ScalarType> = o.name.types().collect();
    let (d, a, b, c) = match types[..] {
        [ScalarType::F64, ..] => return double(o),
        [d, c] => (sum(d), factor(ScalarType::F16), factor(ScalarType::F16), sum(c)),
        [d, a, b, c] => (sum(d), factor(a), factor(b), sum(c)),
        _ => return Err(o.unsupported("its types")),
    };
    let (Some(d), Some(a), Some(b), Some(c)) = (d, a, b, c) else {
        return Err(o.unsupported("these types"));
    };
    let types = Types { a, b, c, d, finite: o.name.has("satfinite") };
    match o.elements(0)?.len() {
        4 => multiply_of::<4>(o, shape, types),
        8 => multiply_of::<8>(o, shape, types),
        _ => Err(o.unsupported("these operands")),
    }
}

fn multiply_of<const D: usize>(
    o: &mut Operands<'_>,
    shape: Shape,
    types: Types,
) -> Lowered<Action> {
    let d = o.destinations::<u32, D>(0)?;
    let mut sources = |index| -> Lowered<Vec<Slot<u32>>> {
        o.elements(index)?.iter().map(|element| o.source_of(element)).collect()
    };
    let operands = [sources(1)?, sources(2)?, sources(3)?];
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let [a, b, c] = operands
            .each_ref()
            .map(|slots| slots.iter().map(|&slot| registers.get(slot)).collect::<Vec<_>>());
        let result = wmma::<D>(shape, types, [&a, &b, &c]);
        for (d, value) in d.iter().zip(&result) {
            registers.set(*d, value, mask);
        }
    })))
}

fn factor(scalar: ScalarType) -> Option<Factor> {
    Some(match scalar {
        ScalarType::F16 => Factor::F16,
        ScalarType::Bf16 => Factor::Bf16,
        ScalarType::Tf32 => Factor::Tf32,
        ScalarType::S8 => Factor::S8,
        ScalarType::U8 => Factor::U8,
        _ => return None,
    })
}

fn sum(scalar: ScalarType) -> Option<Sum> {
    Some(match scalar {
        ScalarType::F16 => Sum::F16,
        ScalarType::F32 => Sum::F32,
        ScalarType::S32 => Sum::S32,
        _ => return None,
    })
}
