//! `cvt` to and from packed and narrow formats.

use super::code::Action;
use super::float::rounding;
use super::name::Name;
use super::operands::{Lowered, Operands};
use crate::exec::registers::Slot;
use crate::numeric::narrow::{self, Narrowing};
use crate::numeric::{Arithmetic, Bf16, E2m1, E2m3, E3m2, E4m3, E5m2, F16};

/// Types of conversions that are lowered here.
const TYPES: [&str; 14] = [
    "f16x2", "bf16x2", "tf32", "e4m3x2", "e5m2x2", "e3m2x2", "e2m3x2", "e2m1x2", "ue8m0x2",
    "e4m3x4", "e5m2x4", "e3m2x4", "e2m3x4", "e2m1x4",
];

/// Whether a conversion is lowered here: to or from packed or narrow formats, or with a result that
/// is kept finite.
pub(super) fn is_narrow(name: &Name<'_>) -> bool {
    let narrows = |word| TYPES.contains(&word) || matches!(word, "satfinite" | "relu");
    name.modifiers().any(narrows)
}

/// Lowers a conversion to or from packed and narrow formats.
pub(super) fn lower(o: &mut Operands<'_>) -> Lowered<Action> {
    let words: Vec<&str> = o.name.modifiers().collect();
    let [.., to, from] = words[..] else { return Err(o.unsupported("its types are missing")) };
    let how = Narrowing {
        rounding: rounding(&o.name),
        relu: o.name.has("relu"),
        finite: o.name.has("satfinite"),
    };
    match (to, from) {
        _ if o.name.has("rs") => at_random(o, to, how),
        ("f16x2", "f32") if how == Narrowing::default() => {
            o.binary(|a, b| narrow::half_pair::<F16>(a, b, Narrowing::default()))
        }
        ("bf16x2", "f32") if how == Narrowing::default() => {
            o.binary(|a, b| narrow::half_pair::<Bf16>(a, b, Narrowing::default()))
        }
        ("f16x2", "f32") => o.binary(move |a, b| narrow::half_pair::<F16>(a, b, how)),
        ("bf16x2", "f32") => o.binary(move |a, b| narrow::half_pair::<Bf16>(a, b, how)),
        ("f16", "f32") => o.unary(move |a| narrow::half::<F16>(a, how)),
        ("bf16", "f32") => o.unary(move |a| narrow::half::<Bf16>(a, how)),
        ("tf32", "f32") => o.unary(move |a| narrow::tf32(a, how)),
        ("e4m3x2", "f32") => o.binary(move |a, b| narrow::byte_pair::<E4m3>(a, b, how)),
        ("e5m2x2", "f32") => o.binary(move |a, b| narrow::byte_pair::<E5m2>(a, b, how)),
        ("e3m2x2", "f32") => o.binary(move |a, b| narrow::byte_pair::<E3m2>(a, b, how)),
        ("e2m3x2", "f32") => o.binary(move |a, b| narrow::byte_pair::<E2m3>(a, b, how)),
        ("e2m1x2", "f32") => o.binary(move |a, b| narrow::nibble_pair::<E2m1>(a, b, how)),
        ("ue8m0x2", "f32") => {
            o.binary(move |a, b| narrow::scale_pair(a, b, how.rounding, how.finite))
        }
        ("ue8m0x2", "bf16x2") => {
            o.unary(move |a| narrow::scale_pair_from_half_pair(a, how.rounding, how.finite))
        }
        ("bf16x2", "ue8m0x2") => o.unary(narrow::half_pair_from_scale_pair),
        (_, "f16x2") => from_halves::<F16>(o, to, how),
        (_, "bf16x2") => from_halves::<Bf16>(o, to, how),
        ("f16x2", _) => to_halves::<F16>(o, from, how),
        ("bf16x2", _) => to_halves::<Bf16>(o, from, how),
        _ => Err(o.unsupported("these types")),
    }
}

/// From two halves to a narrower format.
fn from_halves<S: Arithmetic<Bits = u16>>(
    o: &mut Operands<'_>,
    to: &str,
    how: Narrowing,
) -> Lowered<Action> {
    match to {
        "e4m3x2" => o.unary(move |a| narrow::byte_pair_from_half_pair::<E4m3, S>(a, how)),
        "e5m2x2" => o.unary(move |a| narrow::byte_pair_from_half_pair::<E5m2, S>(a, how)),
        "e3m2x2" => o.unary(move |a| narrow::byte_pair_from_half_pair::<E3m2, S>(a, how)),
        "e2m3x2" => o.unary(move |a| narrow::byte_pair_from_half_pair::<E2m3, S>(a, how)),
        "e2m1x2" => o.unary(move |a| narrow::nibble_pair_from_half_pair::<E2m1, S>(a, how)),
        _ => Err(o.unsupported("these types")),
    }
}

/// From a narrower format to two halves.
fn to_halves<D: Arithmetic<Bits = u16>>(
    o: &mut Operands<'_>,
    from: &str,
    how: Narrowing,
) -> Lowered<Action> {
    match from {
        "e4m3x2" => o.unary(move |a| narrow::half_pair_from_byte_pair::<E4m3, D>(a, how)),
        "e5m2x2" => o.unary(move |a| narrow::half_pair_from_byte_pair::<E5m2, D>(a, how)),
        "e3m2x2" => o.unary(move |a| narrow::half_pair_from_byte_pair::<E3m2, D>(a, how)),
        "e2m3x2" => o.unary(move |a| narrow::half_pair_from_byte_pair::<E2m3, D>(a, how)),
        "e2m1x2" => o.unary(move |a| narrow::half_pair_from_nibble_pair::<E2m1, D>(a, how)),
        _ => Err(o.unsupported("these types")),
    }
}

/// `.rs`: rounding by random bits, which are the last operand.
fn at_random(o: &mut Operands<'_>, to: &str, how: Narrowing) -> Lowered<Action> {
    match to {
        "f16x2" => o.ternary(move |a, b, r| narrow::half_pair_at_random::<F16>(a, b, r, how)),
        "bf16x2" => o.ternary(move |a, b, r| narrow::half_pair_at_random::<Bf16>(a, b, r, how)),
        "e4m3x4" => quad(o, move |values, r| narrow::byte_quad_at_random::<E4m3>(values, r, how)),
        "e5m2x4" => quad(o, move |values, r| narrow::byte_quad_at_random::<E5m2>(values, r, how)),
        "e3m2x4" => quad(o, move |values, r| narrow::byte_quad_at_random::<E3m2>(values, r, how)),
        "e2m3x4" => quad(o, move |values, r| narrow::byte_quad_at_random::<E2m3>(values, r, how)),
        "e2m1x4" => {
            quad(o, move |values, r| narrow::nibble_quad_at_random::<E2m1>(values, r, how).into())
        }
        _ => Err(o.unsupported("these types")),
    }
}

/// `operand 0 = f(the four elements of operand 1, operand 2)`.
fn quad(
    o: &mut Operands<'_>,
    f: impl Fn([u32; 4], u32) -> u32 + Send + Sync + 'static,
) -> Lowered<Action> {
    let d: Slot<u32> = o.destination(0)?;
    let (values, random): ([Slot<u32>; 4], Slot<u32>) = (o.sources(1)?, o.source(2)?);
    Ok(Action::Compute(Box::new(move |registers, mask| {
        let (values, random) = (values.map(|slot| registers.get(slot)), registers.get(random));
        let result = std::array::from_fn(|lane| f(values.map(|v| v[lane]), random[lane]));
        registers.set(d, &result, mask);
    })))
}
