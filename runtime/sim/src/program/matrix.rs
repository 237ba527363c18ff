//! `mma`, `ldmatrix`, `stmatrix` and `movmatrix`.

use super::code::{Action, LoadMatrix, MatrixElements, StoreMatrix};
use super::float::rounding;
use super::operands::{Lowered, Operands};
use crate::exec::registers::{ALL, Slot};
use crate::numeric::matrix::{
    self, Accumulator, BitOperation, Element, Layout, Packing, Register, S4, S8, U4, U8, mma_b1,
    mma_f16, mma_f32, mma_f64, mma_m8n8k4_f16, mma_m8n8k4_f32, mma_s32, mma_s32_m8,
};
use crate::numeric::{Bf16, E4m3, E5m2, F16, Tf32};

/// Lowers `ldmatrix`.
pub(super) fn load(o: &mut Operands<'_>) -> Lowered<Action> {
    let elements = o.elements(0)?;
    let destinations = elements.iter().map(|e| o.destination_of(e)).collect::<Lowered<_>>()?;
    let (address, elements) = (o.address(1)?, matrix_elements(o));
    let transposed = o.name.has("trans");
    let load = LoadMatrix { address, elements, transposed, destinations };
    Ok(Action::LoadMatrix(Box::new(load)))
}

/// Lowers `stmatrix`.
pub(super) fn store(o: &mut Operands<'_>) -> Lowered<Action> {
    let (address, elements) = (o.address(0)?, o.elements(1)?);
    let sources = elements.iter().map(|e| o.source_of(e)).collect::<Lowered<_>>()?;
    let (elements, transposed) = (matrix_elements(o), o.name.has("trans"));
    Ok(Action::StoreMatrix(Box::new(StoreMatrix { address, elements, transposed, sources })))
}

/// The elements of the matrices that `ldmatrix` or `stmatrix` moves.
fn matrix_elements(o: &Operands<'_>) -> MatrixElements {
    match o.name.first_of(&["b16", "b6x16_p32", "b4x16_p64"]) {
        Some("b16") => MatrixElements::Halves,
        Some("b6x16_p32") => MatrixElements::Bytes(Packing::B6),
        Some(_) => MatrixElements::Bytes(Packing::B4),
        None => MatrixElements::Bytes(Packing::B8),
    }
}

/// Lowers `movmatrix`.
pub(super) fn move_matrix(o: &mut Operands<'_>) -> Lowered<Action> {
    let (d, a): (Slot<u32>, Slot<u32>) = (o.destination(0)?, o.source(1)?);
    Ok(Action::Compute(Box::new(move |registers, _| {
        let transposed = matrix::transpose(registers.get(a));
        registers.set(d, &transposed, ALL);
    })))
}

/// Lowers `mma`. The number of registers of its operands tells its shape within a type.
pub(super) fn mma(o: &mut Operands<'_>) -> Lowered<Action> {
    let words: Vec<&str> = o.name.modifiers().collect();
    // Bytes have a kind of the same meaning; the others have types or scales of their own.
    let is_other = |word: &&str| word.starts_with("kind") && *word != "kind::f8f6f4";
    if words.iter().any(|word| word.starts_with("sp") || is_other(word)) {
        return Err(o.unsupported(""));
    }
    if let [.., "b1", "b1", _, operation, "popc"] = words[..] {
        return bits(o, if operation == "and" { BitOperation::And } else { BitOperation::Xor });
    }
    let [.., d, a, b, c] = words[..] else { return Err(o.unsupported("its types are missing")) };
    if words.contains(&"m8n8k4") && a == "f16" {
        return quads(o, d, c);
    }
    match (d, a, b, c) {
        ("f64", "f64", "f64", "f64") => double(o),
        ("f32", "f16", "f16", "f32") => single::<F16, F16, 8>(o),
        ("f32", "bf16", "bf16", "f32") => single::<Bf16, Bf16, 8>(o),
        ("f32", "tf32", "tf32", "f32") => single::<Tf32, Tf32, 4>(o),
        ("f32", "e4m3", "e4m3", "f32") => single::<E4m3, E4m3, 16>(o),
        ("f32", "e4m3", "e5m2", "f32") => single::<E4m3, E5m2, 16>(o),
        ("f32", "e5m2", "e4m3", "f32") => single::<E5m2, E4m3, 16>(o),
        ("f32", "e5m2", "e5m2", "f32") => single::<E5m2, E5m2, 16>(o),
        ("f16", "f16", "f16", "f16") => half::<F16, F16, 8>(o),
        ("f16", "e4m3", "e4m3", "f16") => half::<E4m3, E4m3, 16>(o),
        ("f16", "e4m3", "e5m2", "f16") => half::<E4m3, E5m2, 16>(o),
        ("f16", "e5m2", "e4m3", "f16") => half::<E5m2, E4m3, 16>(o),
        ("f16", "e5m2", "e5m2", "f16") => half::<E5m2, E5m2, 16>(o),
        ("s32", "s8", "s8", "s32") => integer::<S8, S8, 16>(o),
        ("s32", "s8", "u8", "s32") => integer::<S8, U8, 16>(o),
        ("s32", "u8", "s8", "s32") => integer::<U8, S8, 16>(o),
        ("s32", "u8", "u8", "s32") => integer::<U8, U8, 16>(o),
        ("s32", "s4", "s4", "s32") => integer::<S4, S4, 32>(o),
        ("s32", "s4", "u4", "s32") => integer::<S4, U4, 32>(o),
        ("s32", "u4", "s4", "s32") => integer::<U4, S4, 32>(o),
        ("s32", "u4", "u4", "s32") => integer::<U4, U4, 32>(o),
        _ => Err(o.unsupported("these types")),
    }
}

/// Operand 0 = `f` of operands 1, 2 and 3, each as many registers of a warp as its type says.
fn product<const D: usize, const A: usize, const B: usize, const C: usize>(
    o: &mut Operands<'_>,
    f: impl Fn([&Register; A], [&Register; B], [&Register; C]) -> [Register; D] + Send + Sync + 'static,
) -> Lowered<Action> {
    let d = o.destinations::<u32, D>(0)?;
    let (a, b, c) = (o.sources::<u32, A>(1)?, o.sources::<u32, B>(2)?, o.sources::<u32, C>(3)?);
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let get = |slot| registers.get(slot);
        let result = f(a.map(get), b.map(get), c.map(get));
        for (d, value) in d.iter().zip(&result) {
            registers.set(*d, value, mask);
        }
    })))
}

/// C and D in `.f32`.
fn single<A: Element<E>, B: Element<E>, const E: usize>(o: &mut Operands<'_>) -> Lowered<Action> {
    match o.elements(1)?.len() {
        2 => product(o, |a, b, c| mma_f32::<A, B, E, 1>([a], b, c)),
        _ => product(o, |[a, e, f, g], b, c| mma_f32::<A, B, E, 2>([[a, e], [f, g]], b, c)),
    }
}

/// C and D in `.f16`.
fn half<A: Element<E>, B: Element<E>, const E: usize>(o: &mut Operands<'_>) -> Lowered<Action> {
    match o.elements(1)?.len() {
        2 => product(o, |a, b, c| mma_f16::<A, B, E, 1>([a], b, c)),
        _ => product(o, |[a, e, f, g], b, c| mma_f16::<A, B, E, 2>([[a, e], [f, g]], b, c)),
    }
}

/// C and D in `.s32`.
fn integer<A: Element<E>, B: Element<E>, const E: usize>(o: &mut Operands<'_>) -> Lowered<Action> {
    let finite = o.name.has("satfinite");
    match o.elements(1)?.len() {
        1 => product(o, move |[a], [b], c| mma_s32_m8::<A, B, E>(a, b, c, finite)),
        2 => product(o, move |a, b, c| mma_s32::<A, B, E, 1>([a], b, c, finite)),
        _ => product(o, move |[a, e, f, g], b, c| {
            mma_s32::<A, B, E, 2>([[a, e], [f, g]], b, c, finite)
        }),
    }
}

/// A and B of single bits.
fn bits(o: &mut Operands<'_>, operation: BitOperation) -> Lowered<Action> {
    let join = |[[a, b], [c, d]]: [[Register; 2]; 2]| [a, b, c, d];
    match o.elements(1)?.len() {
        1 => product(o, move |a, b, c| {
            let [d] = mma_b1::<1, 1>([a], b, [c], operation);
            d
        }),
        2 => product(o, move |a, b, [c, d, e, f]| {
            join(mma_b1::<2, 1>([a], b, [[c, d], [e, f]], operation))
        }),
        _ => product(o, move |[a, g, h, i], b, [c, d, e, f]| {
            join(mma_b1::<2, 2>([[a, g], [h, i]], b, [[c, d], [e, f]], operation))
        }),
    }
}

/// m8n8k4 of `.f16`: a product for each of four groups of eight lanes.
fn quads(o: &mut Operands<'_>, d: &str, c: &str) -> Lowered<Action> {
    let layouts: Vec<Layout> = o
        .name
        .modifiers()
        .filter_map(|word| match word {
            "row" => Some(Layout::Row),
            "col" => Some(Layout::Column),
            _ => None,
        })
        .collect();
    let [a, b] = layouts[..] else { return Err(o.unsupported("its layouts are missing")) };
    let layouts = [a, b];
    match (d, c) {
        ("f16", "f16") => product(o, move |a, b, c| mma_m8n8k4_f16(a, b, layouts, c)),
        ("f32", "f16") => {
            product(o, move |a, b, c| mma_m8n8k4_f32(a, b, layouts, Accumulator::Half(c)))
        }
        _ => product(o, move |a, b, c| mma_m8n8k4_f32(a, b, layouts, Accumulator::Single(c))),
    }
}

/// `.f64`.
/// Lowers a product in double precision.
pub(super) fn double(o: &mut Operands<'_>) -> Lowered<Action> {
    match o.name.first_of(&["m8n8k4", "m16n8k4", "m16n8k8", "m16n8k16"]) {
        Some("m8n8k4") => double_of::<1, 1, 1, 2>(o),
        Some("m16n8k4") => double_of::<2, 1, 2, 4>(o),
        Some("m16n8k8") => double_of::<2, 2, 4, 4>(o),
        Some("m16n8k16") => double_of::<2, 4, 8, 4>(o),
        _ => Err(o.unsupported("this shape")),
    }
}

/// `A` is `HALVES · STEPS` registers, `C` is 2 · `HALVES`.
fn double_of<const HALVES: usize, const STEPS: usize, const A: usize, const C: usize>(
    o: &mut Operands<'_>,
) -> Lowered<Action> {
    let rounding = rounding(&o.name);
    let d = o.destinations::<u64, C>(0)?;
    let (a, b, c) = (o.sources::<u64, A>(1)?, o.sources::<u64, STEPS>(2)?, o.sources::<u64, C>(3)?);
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let get = |slot| registers.get(slot);
        let a = std::array::from_fn(|step| std::array::from_fn(|i| get(a[step * HALVES + i])));
        let c = std::array::from_fn(|half| std::array::from_fn(|i| get(c[2 * half + i])));
        let result = mma_f64::<HALVES, STEPS>(a, b.map(get), c, rounding);
        for (d, value) in d.iter().zip(result.as_flattened()) {
            registers.set(*d, value, mask);
        }
    })))
}
