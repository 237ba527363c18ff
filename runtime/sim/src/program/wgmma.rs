//! `wgmma.mma_async`.

use super::code::{Action, Multiplicand, Wgmma};
use super::operands::{Lowered, Operands};
use crate::exec::registers::Slot;
use crate::numeric::matrix::Major;
use crate::numeric::matrix::wgmma::{Factor, Product};
use crate::numeric::matrix::wmma::Sum;

/// Lowers `wgmma.mma_async`: D, A, B, scale-d, then for floating point the signs of A and B, then
/// for 16-bit elements the orders of those that lie in shared memory.
pub(super) fn multiply(o: &mut Operands<'_>) -> Lowered<Action> {
    let words: Vec<&str> = o.name.modifiers().filter(|word| *word != "satfinite").collect();
    let shape = words.iter().position(|word| word.starts_with("m64n"));
    let types: Option<[&str; 4]> = shape.and_then(|i| words.get(i..i + 4)?.try_into().ok());
    let Some([shape, sum, a, b]) = types else {
        return Err(o.unsupported("its types are missing"));
    };
    let n = shape["m64n".len()..].split('k').next().and_then(|n| n.parse().ok());
    let (Some(n), Some(sum), Some(a_factor), Some(b_factor)) =
        (n, of_sum(sum), factor(a), factor(b))
    else {
        return Err(o.unsupported("these types"));
    };
    let k = a_factor.k();
    // A comes first among the registers that are read.
    let a = match o.elements(1)?.len() {
        4 => Multiplicand::Registers(o.sources::<u32, 4>(1)?),
        _ => Multiplicand::Shared(o.source(1)?, Major::K),
    };
    let b: Slot<u64> = o.source(2)?;
    let accumulate = o.condition(3)?;
    let d = o.elements(0)?.iter().map(|e| o.destination_of(e)).collect::<Lowered<Box<_>>>()?;
    let flag = |o: &Operands<'_>, index: usize| match index < o.len() {
        true => o.immediate(index).map(|bits| bits as i32),
        false => Ok(0),
    };
    let negate = (flag(o, 4)? == -1) != (flag(o, 5)? == -1);
    let major = |flag: i32| if flag == 1 { Major::Mn } else { Major::K };
    let (a, b_flag) = match a {
        Multiplicand::Shared(slot, _) => (Multiplicand::Shared(slot, major(flag(o, 6)?)), 7),
        registers => (registers, 6),
    };
    let product = Product { k, sum, negate, finite: o.name.has("satfinite") };
    let b_major = major(flag(o, b_flag)?);
    Ok(Action::Wgmma(Box::new(Wgmma {
        n,
        product,
        a,
        a_factor,
        b,
        b_major,
        b_factor,
        d,
        accumulate,
    })))
}

fn factor(name: &str) -> Option<Factor> {
    Some(match name {
        "f16" => Factor::F16,
        "bf16" => Factor::Bf16,
        "tf32" => Factor::Tf32,
        "e4m3" => Factor::E4m3,
        "e5m2" => Factor::E5m2,
        "s8" => Factor::S8,
        "u8" => Factor::U8,
        "b1" => Factor::B1,
        _ => return None,
    })
}

fn of_sum(name: &str) -> Option<Sum> {
    Some(match name {
        "f16" => Sum::F16,
        "f32" => Sum::F32,
        "s32" => Sum::S32,
        _ => return None,
    })
}
