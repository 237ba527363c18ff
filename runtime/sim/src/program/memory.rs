//! Loads, stores, atomics, copies and fences.

use tilewright_codegen::ptx::check::CheckedOperand;
use tilewright_codegen::ptx::{Opcode, ScalarType, Space};

use super::code::{Action, Atomic, AtomicElement, CopyAsync, Load, Order, Scope, Store, Update};
use super::name::Name;
use super::operands::{Lowered, Operands};
use crate::numeric::float::Extremum;
use crate::numeric::{Bf16, F16, F32, F64, Format, Mode, float, packed};

/// The semantics that a name gives an access; `default` where it gives none.
pub(super) fn order(name: &Name<'_>, default: Order) -> Order {
    let words = ["relaxed", "acquire", "release", "acq_rel", "sc", "volatile", "mmio", "weak"];
    match name.first_of(&words) {
        Some("relaxed" | "volatile" | "mmio") => Order::Relaxed,
        Some("acquire") => Order::Acquire,
        Some("release") => Order::Release,
        Some("acq_rel" | "sc") => Order::AcquireRelease,
        Some(_) => Order::Weak,
        None => default,
    }
}

/// The scope that a name gives; `default` where it gives none.
pub(super) fn scope(name: &Name<'_>, default: Scope) -> Scope {
    match name.first_of(&["cta", "cluster", "gpu", "gl", "sys", "volatile"]) {
        Some("cta") => Scope::Block,
        Some("cluster") => Scope::Cluster,
        Some("gpu" | "gl") => Scope::Device,
        Some(_) => Scope::System,
        None => default,
    }
}

/// Lowers `ld` and `ldu`.
pub(super) fn load(o: &mut Operands<'_>) -> Lowered<Action> {
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    let elements = o.elements(0)?;
    if elements.len() != o.name.vector() {
        return Err(o.unsupported("a vector has an unexpected length"));
    }
    let destinations = elements.iter().map(|e| o.any_destination(e)).collect::<Lowered<_>>()?;
    let width = elements.iter().map(|e| o.destination_bits(e)).min().unwrap_or(64);
    Ok(Action::Load(Box::new(Load {
        address: o.address(1)?,
        element: scalar.bytes(),
        signed: scalar.is_signed(),
        keep: u64::MAX >> (64 - width),
        destinations,
        order: order(&o.name, Order::Weak),
        scope: scope(&o.name, Scope::System),
    })))
}

/// Lowers `st`.
pub(super) fn store(o: &mut Operands<'_>) -> Lowered<Action> {
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    let elements = o.elements(1)?;
    if elements.len() != o.name.vector() {
        return Err(o.unsupported("a vector has an unexpected length"));
    }
    let wide = scalar.bits() >= 64;
    let sources = elements.iter().map(|e| o.any_source(e, wide)).collect::<Lowered<_>>()?;
    Ok(Action::Store(Box::new(Store {
        address: o.address(0)?,
        element: scalar.bytes(),
        sources,
        order: order(&o.name, Order::Weak),
        scope: scope(&o.name, Scope::System),
    })))
}

/// Lowers `atom` and `red`.
pub(super) fn atomic(o: &mut Operands<'_>) -> Lowered<Action> {
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    if scalar.bits() > 64 {
        return Err(o.unsupported("128 bits"));
    }
    let first = usize::from(o.instruction.opcode() == Opcode::Atom);
    let address = o.address(first)?;
    let elements = (0..o.name.vector()).map(|index| atomic_element(o, first, index, scalar));
    let elements = elements.collect::<Lowered<_>>()?;
    let update = update(o, scalar, address.space)?;
    Ok(Action::Atomic(Box::new(Atomic {
        address,
        element: scalar.bytes(),
        elements,
        update,
        order: order(&o.name, Order::Relaxed),
        scope: scope(&o.name, Scope::Device),
    })))
}

/// The registers of an element of an atomic operation whose address is operand `first`.
fn atomic_element(
    o: &mut Operands<'_>,
    first: usize,
    index: usize,
    scalar: ScalarType,
) -> Lowered<AtomicElement> {
    let element = |o: &Operands<'_>, operand: usize| match o.elements(operand)?.get(index) {
        Some(element) => Ok(element.clone()),
        None => Err(o.unsupported("a vector has an unexpected length")),
    };
    let wide = scalar.bits() == 64;
    let destination = match first {
        0 => None,
        _ => {
            let destination = element(o, 0)?;
            o.any_destination(&destination)?
        }
    };
    let operand = element(o, first + 1)?;
    let a = o.any_source(&operand, wide)?;
    let b = match o.name.has("cas") {
        true => {
            let operand = element(o, first + 2)?;
            o.any_source(&operand, wide)?
        }
        false => a,
    };
    Ok(AtomicElement { destination, operands: [a, b] })
}

/// Operations of `red`, and of reductions by copies.
pub(super) const REDUCTIONS: [&str; 8] = ["and", "or", "xor", "add", "inc", "dec", "min", "max"];

/// What an atomic operation makes of the old value and its operands.
pub(super) fn update(o: &Operands<'_>, scalar: ScalarType, space: Space) -> Lowered<Update> {
    match o.name.first_of(&["cas", "exch"]) {
        Some("cas") => Ok(Box::new(|old, compare, new| if old == compare { new } else { old })),
        Some(_) => Ok(Box::new(|_, new, _| new)),
        None => {
            let operation = o.name.first_of(&REDUCTIONS);
            let update = operation.and_then(|name| element_update(name, scalar, space));
            update.ok_or_else(|| o.unsupported("this type"))
        }
    }
}

/// What a reduction makes of the old value and another of this type.
pub(crate) fn element_update(operation: &str, scalar: ScalarType, space: Space) -> Option<Update> {
    Some(match operation {
        "and" => Box::new(|old, a, _| old & a),
        "or" => Box::new(|old, a, _| old | a),
        "xor" => Box::new(|old, a, _| old ^ a),
        "inc" => Box::new(|old, limit, _| if old >= limit { 0 } else { old + 1 }),
        "dec" => Box::new(|old, limit, _| if old == 0 || old > limit { limit } else { old - 1 }),
        "add" => return add(scalar, space),
        "min" => return extremum(scalar, true),
        "max" => return extremum(scalar, false),
        _ => return None,
    })
}

fn extremum(scalar: ScalarType, smaller: bool) -> Option<Update> {
    fn half<F: Format<Bits = u16>>(smaller: bool) -> Update {
        let choose = if smaller { float::minimum::<F> } else { float::maximum::<F> };
        Box::new(move |old, a, _| choose(old as u16, a as u16, Extremum::default()).into())
    }
    fn halves<F: Format<Bits = u16>>(smaller: bool) -> Update {
        let choose = if smaller { float::minimum::<F> } else { float::maximum::<F> };
        let choose = move |x, y| choose(x, y, Extremum::default());
        Box::new(move |old, a, _| packed::halves2(old as u32, a as u32, choose).into())
    }
    Some(match scalar {
        ScalarType::U32 | ScalarType::U64 => {
            Box::new(move |old, a, _| if smaller { old.min(a) } else { old.max(a) })
        }
        ScalarType::S32 => Box::new(move |old, a, _| {
            let (old, a) = (old as i32, a as i32);
            u64::from(if smaller { old.min(a) } else { old.max(a) } as u32)
        }),
        ScalarType::S64 => Box::new(move |old, a, _| {
            let (old, a) = (old as i64, a as i64);
            (if smaller { old.min(a) } else { old.max(a) }) as u64
        }),
        ScalarType::F16 => half::<F16>(smaller),
        ScalarType::Bf16 => half::<Bf16>(smaller),
        ScalarType::F16x2 => halves::<F16>(smaller),
        ScalarType::Bf16x2 => halves::<Bf16>(smaller),
        _ => return None,
    })
}

fn add(scalar: ScalarType, space: Space) -> Option<Update> {
    // *atom*: on global memory `.f32` flushes subnormal numbers, on shared memory it does not.
    let mode = if space == Space::Shared { Mode::NEAREST } else { Mode::NEAREST_FLUSH };
    let half = Mode::NEAREST;
    Some(match scalar {
        ScalarType::F32 => {
            Box::new(move |old, a, _| u64::from(float::add::<F32>(old as u32, a as u32, mode)))
        }
        ScalarType::F64 => Box::new(move |old, a, _| float::add::<F64>(old, a, Mode::NEAREST)),
        ScalarType::F16 => {
            Box::new(move |old, a, _| u64::from(float::add::<F16>(old as u16, a as u16, half)))
        }
        ScalarType::Bf16 => {
            Box::new(move |old, a, _| u64::from(float::add::<Bf16>(old as u16, a as u16, half)))
        }
        ScalarType::F16x2 => Box::new(move |old, a, _| {
            let sum = packed::halves2(old as u32, a as u32, |x, y| float::add::<F16>(x, y, half));
            u64::from(sum)
        }),
        ScalarType::Bf16x2 => Box::new(move |old, a, _| {
            let sum = packed::halves2(old as u32, a as u32, |x, y| float::add::<Bf16>(x, y, half));
            u64::from(sum)
        }),
        ScalarType::U32 | ScalarType::S32 => {
            Box::new(|old, a, _| u64::from((old as u32).wrapping_add(a as u32)))
        }
        ScalarType::U64 | ScalarType::S64 => Box::new(|old, a, _| old.wrapping_add(a)),
        _ => return None,
    })
}

/// Lowers `cp.async`.
pub(super) fn copy_async(o: &mut Operands<'_>) -> Lowered<Action> {
    let (destination, source) = (o.address(0)?, o.address(1)?);
    let size = o.immediate(2)? as u32;
    let (mut source_size, mut ignore_source) = (None, None);
    if o.len() > 3 {
        // What follows is a size, a predicate or a cache policy, which its width tells.
        match o.operand(3)? {
            CheckedOperand::NotRegister(_) => ignore_source = Some(o.condition(3)?),
            operand if o.destination_bits(operand) == 1 => ignore_source = Some(o.condition(3)?),
            CheckedOperand::Register(_) if o.destination_bits(o.operand(3)?) == 64 => {}
            operand => source_size = Some(o.source_of(operand)?),
        }
    }
    Ok(Action::CopyAsync(Box::new(CopyAsync {
        destination,
        source,
        size,
        source_size,
        ignore_source,
    })))
}

/// Lowers `cp.async.wait_group`.
pub(super) fn copy_wait_group(o: &mut Operands<'_>) -> Lowered<Action> {
    Ok(Action::CopyWait(Some(o.immediate(0)? as u32)))
}

/// Lowers `cp.async.mbarrier.arrive`.
pub(super) fn copy_arrive(o: &mut Operands<'_>) -> Lowered<Action> {
    Ok(Action::CopyMbarrierArrive { barrier: o.address(0)?, counted: o.name.has("noinc") })
}
