//! Floating-point arithmetic.

use tilewright_codegen::ptx::{Opcode, ScalarType};

use super::code::Action;
use super::held::{Held, with_float};
use super::name::Name;
use super::operands::{Lowered, Operands};
use crate::exec::registers::Slot;
use crate::numeric::float::{Extremum, Property};
use crate::numeric::{
    Arithmetic, Bf16, Clamp, F16, F32, F64, Format, Mode, Rounding, approximate, float, packed,
};

/// The rounding that a name asks for; to nearest where it asks for none.
pub(super) fn rounding(name: &Name<'_>) -> Rounding {
    for word in name.modifiers() {
        return match word {
            "rn" | "rni" => Rounding::NearestEven,
            "rna" => Rounding::NearestAway,
            "rz" | "rzi" => Rounding::TowardZero,
            "rm" | "rmi" => Rounding::Down,
            "rp" | "rpi" => Rounding::Up,
            _ => continue,
        };
    }
    Rounding::NearestEven
}

/// The modifiers of a name.
pub(super) fn mode(name: &Name<'_>) -> Mode {
    let clamp = match name.first_of(&["sat", "relu"]) {
        Some("sat") => Clamp::Saturate,
        Some(_) => Clamp::Relu,
        None => Clamp::None,
    };
    Mode { rounding: rounding(name), flush: name.has("ftz"), clamp }
}

/// The common modes become constants, so that their loops over lanes vectorize: `full` those of
/// `.f32`, `plain` those of the other types.
macro_rules! specialized {
    ($full:ident, $plain:ident, $method:ident, $($x:ident: $X:ident),+) => {
        fn $full<T: Held, $($X: Held),+>(
            o: &mut Operands<'_>,
            mode: Mode,
            f: impl Fn($($X),+, Mode) -> T + Copy + Send + Sync + 'static,
        ) -> Lowered<Action> {
            match mode {
                Mode::NEAREST_FLUSH => o.$method(move |$($x),+| f($($x),+, Mode::NEAREST_FLUSH)),
                mode => $plain(o, mode, f),
            }
        }

        fn $plain<T: Held, $($X: Held),+>(
            o: &mut Operands<'_>,
            mode: Mode,
            f: impl Fn($($X),+, Mode) -> T + Copy + Send + Sync + 'static,
        ) -> Lowered<Action> {
            match mode {
                Mode::NEAREST => o.$method(move |$($x),+| f($($x),+, Mode::NEAREST)),
                mode => o.$method(move |$($x),+| f($($x),+, mode)),
            }
        }
    };
}
specialized!(unary, unary_plain, unary, a: A);
specialized!(binary, binary_plain, binary, a: A, b: B);
specialized!(ternary, ternary_plain, ternary, a: A, b: B, c: C);

/// Lowers an operation on each element of a floating-point type, packed or not.
macro_rules! elementwise {
    ($o:ident, ($lower:ident, $plain:ident), $halves:ident, $scalar:expr, $chosen:expr,
     |$F:ident, $($x:ident),+; $mode:ident| $body:expr) => {{
        macro_rules! single {
            ($format:ty, $specialize:ident) => {{
                type $F = $format;
                $specialize($o, $chosen, |$($x: <$format as Format>::Bits),+, $mode| $body)
            }};
        }
        macro_rules! pair {
            ($format:ty) => {{
                type $F = $format;
                $plain($o, $chosen, |$($x: u32),+, $mode| {
                    packed::$halves($($x),+, |$($x: u16),+| $body)
                })
            }};
        }
        match $scalar {
            ScalarType::F16 => single!(F16, $plain),
            ScalarType::Bf16 => single!(Bf16, $plain),
            ScalarType::F32 => single!(F32, $lower),
            ScalarType::F64 => single!(F64, $plain),
            ScalarType::F16x2 => pair!(F16),
            ScalarType::Bf16x2 => pair!(Bf16),
            _ => Err($o.unsupported("this type")),
        }
    }};
}

/// Lowers an instruction on floating-point numbers.
pub(super) fn lower(o: &mut Operands<'_>) -> Lowered<Action> {
    let Some(scalar) = o.name.scalar() else { return Err(o.unsupported("")) };
    let mode = mode(&o.name);
    if let (2, Some(narrow)) = (o.name.types().count(), o.name.types().last()) {
        return mixed(o, narrow, mode);
    }
    if scalar == ScalarType::F32x2 {
        return pair_of_singles(o, mode);
    }
    let opcode = o.instruction.opcode();
    match opcode {
        Opcode::Add => elementwise!(o, (binary, binary_plain), halves2, scalar, mode,
            |F, a, b; mode| float::add::<F>(a, b, mode)),
        Opcode::Sub => elementwise!(o, (binary, binary_plain), halves2, scalar, mode,
            |F, a, b; mode| float::subtract::<F>(a, b, mode)),
        Opcode::Mul => elementwise!(o, (binary, binary_plain), halves2, scalar, mode,
            |F, a, b; mode| float::multiply::<F>(a, b, mode)),
        Opcode::Fma | Opcode::Mad => {
            elementwise!(o, (ternary, ternary_plain), halves3, scalar, mode,
            |F, a, b, c; mode| float::multiply_add::<F>(a, b, c, mode))
        }
        Opcode::Neg => elementwise!(o, (unary, unary_plain), halves, scalar, mode,
            |F, a; mode| float::negate::<F>(a, mode.flush)),
        Opcode::Abs => elementwise!(o, (unary, unary_plain), halves, scalar, mode,
            |F, a; mode| float::absolute::<F>(a, mode.flush)),
        Opcode::Min | Opcode::Max => extremum(o, scalar),
        Opcode::Div => divide(o, scalar, mode),
        Opcode::Copysign => with_float!(o, scalar, F => o.binary(float::copy_sign::<F>)),
        Opcode::Testp => test_property(o, scalar),
        _ => special(o, scalar, mode),
    }
}

/// `.f32x2`: two numbers in 64 bits.
fn pair_of_singles(o: &mut Operands<'_>, mode: Mode) -> Lowered<Action> {
    match o.instruction.opcode() {
        Opcode::Add => {
            binary(o, mode, |a, b, mode| packed::words2(a, b, |a, b| float::add::<F32>(a, b, mode)))
        }
        Opcode::Sub => binary(o, mode, |a, b, mode| {
            packed::words2(a, b, |a, b| float::subtract::<F32>(a, b, mode))
        }),
        Opcode::Mul => binary(o, mode, |a, b, mode| {
            packed::words2(a, b, |a, b| float::multiply::<F32>(a, b, mode))
        }),
        Opcode::Fma => ternary(o, mode, |a, b, c, mode| {
            packed::words3(a, b, c, |a, b, c| float::multiply_add::<F32>(a, b, c, mode))
        }),
        _ => Err(o.unsupported("this type")),
    }
}

/// `.f32` with operands of a `narrow` type, which are widened first: all but the last.
fn mixed(o: &mut Operands<'_>, narrow: ScalarType, mode: Mode) -> Lowered<Action> {
    match narrow {
        ScalarType::F16 => mixed_with::<F16>(o, mode),
        ScalarType::Bf16 => mixed_with::<Bf16>(o, mode),
        _ => Err(o.unsupported("these types")),
    }
}

fn mixed_with<N: Arithmetic<Bits = u16> + 'static>(
    o: &mut Operands<'_>,
    mode: Mode,
) -> Lowered<Action> {
    let wide = |a: u16| N::to_f32(a).to_bits();
    match o.instruction.opcode() {
        Opcode::Add => binary_plain(o, mode, move |a, b, mode| float::add::<F32>(wide(a), b, mode)),
        Opcode::Sub => {
            binary_plain(o, mode, move |a, b, mode| float::subtract::<F32>(wide(a), b, mode))
        }
        Opcode::Fma => ternary_plain(o, mode, move |a, b, c, mode| {
            float::multiply_add::<F32>(wide(a), wide(b), c, mode)
        }),
        _ => Err(o.unsupported("these types")),
    }
}

fn extremum(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    let smaller = o.instruction.opcode() == Opcode::Min;
    let how = Extremum {
        flush: o.name.has("ftz"),
        propagate_nan: o.name.has("NaN"),
        xor_sign: o.name.has("xorsign"),
    };
    if o.len() > 3 {
        return extremum_of_three(o, how, smaller);
    }
    if how == Extremum::default() && scalar == ScalarType::F32 {
        // By far the most frequent form, as constants.
        return match smaller {
            true => o.binary(|a, b| float::minimum::<F32>(a, b, Extremum::default())),
            false => o.binary(|a, b| float::maximum::<F32>(a, b, Extremum::default())),
        };
    }
    elementwise!(o, (extremum_of, extremum_of), halves2, scalar, (how, smaller), |F, a, b; mode| {
        let (how, smaller) = mode;
        if smaller { float::minimum::<F>(a, b, how) } else { float::maximum::<F>(a, b, how) }
    })
}

/// The extremum of three `.f32`, with `.abs` of their magnitudes.
fn extremum_of_three(o: &mut Operands<'_>, how: Extremum, smaller: bool) -> Lowered<Action> {
    let of_two = if smaller { float::minimum::<F32> } else { float::maximum::<F32> };
    let of_three = move |[a, b, c]: [u32; 3], how| of_two(of_two(a, b, how), c, how);
    match (o.name.has("abs"), how == Extremum::default(), smaller) {
        (true, ..) => o.ternary(move |a, b, c| {
            of_three([a, b, c].map(|x| float::absolute::<F32>(x, false)), how)
        }),
        // The frequent forms, as constants.
        (_, true, true) => o.ternary(|a, b, c| {
            let least = float::minimum::<F32>(a, b, Extremum::default());
            float::minimum::<F32>(least, c, Extremum::default())
        }),
        (_, true, false) => o.ternary(|a, b, c| {
            let most = float::maximum::<F32>(a, b, Extremum::default());
            float::maximum::<F32>(most, c, Extremum::default())
        }),
        _ => o.ternary(move |a, b, c| of_three([a, b, c], how)),
    }
}

fn extremum_of<T: Held>(
    o: &mut Operands<'_>,
    how: (Extremum, bool),
    f: impl Fn(T, T, (Extremum, bool)) -> T + Send + Sync + 'static,
) -> Lowered<Action> {
    o.binary(move |a, b| f(a, b, how))
}

fn divide(o: &mut Operands<'_>, scalar: ScalarType, mode: Mode) -> Lowered<Action> {
    let flush = mode.flush;
    match (scalar, o.name.first_of(&["approx", "full"])) {
        (ScalarType::F64, _) => binary(o, mode, float::divide::<F64>),
        (ScalarType::F32, None) => binary(o, mode, float::divide::<F32>),
        (ScalarType::F32, Some("full")) if flush => {
            o.binary(|a, b| approximate::divide_full(a, b, true))
        }
        (ScalarType::F32, Some("full")) => o.binary(|a, b| approximate::divide_full(a, b, false)),
        (ScalarType::F32, _) => o.binary(move |a, b| approximate::divide(a, b, flush)),
        _ => Err(o.unsupported("this type")),
    }
}

/// `testp`, whose destination is a predicate.
fn test_property(o: &mut Operands<'_>, scalar: ScalarType) -> Lowered<Action> {
    let property = o.name.modifiers().find_map(|word| {
        Some(match word {
            "finite" => Property::Finite,
            "infinite" => Property::Infinite,
            "number" => Property::Number,
            "notanumber" => Property::NotANumber,
            "normal" => Property::Normal,
            "subnormal" => Property::Subnormal,
            _ => return None,
        })
    });
    let Some(property) = property else { return Err(o.unsupported("")) };
    let d = o.predicates(0)?.0;
    match scalar {
        ScalarType::F64 => {
            let a: Slot<u64> = o.source(1)?;
            Ok(Action::Compute(Box::new(move |registers, mask| {
                let holds = crate::exec::registers::compare(registers, (a, a), |a, _| {
                    float::test_property::<F64>(a, property)
                });
                registers.set_predicate(d, holds, mask);
            })))
        }
        _ => {
            let a: Slot<u32> = o.source(1)?;
            Ok(Action::Compute(Box::new(move |registers, mask| {
                let holds = crate::exec::registers::compare(registers, (a, a), |a, _| {
                    float::test_property::<F32>(a, property)
                });
                registers.set_predicate(d, holds, mask);
            })))
        }
    }
}

/// Roots, reciprocals and transcendental functions.
fn special(o: &mut Operands<'_>, scalar: ScalarType, mode: Mode) -> Lowered<Action> {
    let approximate = o.name.has("approx");
    let flush = mode.flush;
    match (o.instruction.opcode(), scalar) {
        (Opcode::Sqrt, ScalarType::F32) if approximate => {
            o.unary(move |a| approximate::square_root(a, flush))
        }
        (Opcode::Sqrt, ScalarType::F32) => unary(o, mode, float::square_root::<F32>),
        (Opcode::Sqrt, ScalarType::F64) => unary(o, mode, float::square_root::<F64>),
        (Opcode::Rcp, ScalarType::F32) if approximate => {
            o.unary(move |a| approximate::reciprocal(a, flush))
        }
        (Opcode::Rcp, ScalarType::F32) => unary(o, mode, float::reciprocal::<F32>),
        (Opcode::Rcp, ScalarType::F64) if approximate => o.unary(approximate::reciprocal_f64),
        (Opcode::Rcp, ScalarType::F64) => unary(o, mode, float::reciprocal::<F64>),
        (Opcode::Rsqrt, ScalarType::F32) => {
            o.unary(move |a| approximate::reciprocal_square_root(a, flush))
        }
        (Opcode::Rsqrt, ScalarType::F64) if flush => {
            o.unary(approximate::reciprocal_square_root_upper_f64)
        }
        (Opcode::Rsqrt, ScalarType::F64) => o.unary(approximate::reciprocal_square_root_f64),
        (Opcode::Sin, ScalarType::F32) => o.unary(move |a| approximate::sine(a, flush)),
        (Opcode::Cos, ScalarType::F32) => o.unary(move |a| approximate::cosine(a, flush)),
        (Opcode::Lg2, ScalarType::F32) => o.unary(move |a| approximate::logarithm(a, flush)),
        (Opcode::Ex2, _) => {
            elementwise!(o, (unary, unary_plain), halves, scalar, mode.clamped(Clamp::None),
            |F, a; mode| approximate::exponential::<F>(a, mode.flush))
        }
        (Opcode::Tanh, _) => elementwise!(o, (unary, unary_plain), halves, scalar, mode,
            |F, a; _mode| approximate::hyperbolic_tangent::<F>(a)),
        _ => Err(o.unsupported("this type")),
    }
}
