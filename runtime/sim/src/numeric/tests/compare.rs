use proptest::prelude::*;

use super::{encodings, integers};
use crate::numeric::compare::{self, Combine};
use crate::numeric::{Arithmetic, Bf16, Comparison, F16, F32, F64};

/// Each operator with its ordered and unordered meaning on f64.
fn holds(name: &str, a: f64, b: f64) -> bool {
    let unordered = a.is_nan() || b.is_nan();
    match name {
        "eq" => a == b,
        "ne" => !unordered && a != b,
        "lt" => a < b,
        "le" => a <= b,
        "gt" => a > b,
        "ge" => a >= b,
        "equ" => unordered || a == b,
        "neu" => unordered || a != b,
        "ltu" => unordered || a < b,
        "leu" => unordered || a <= b,
        "gtu" => unordered || a > b,
        "geu" => unordered || a >= b,
        "num" => !unordered,
        "nan" => unordered,
        _ => unreachable!(),
    }
}

const NAMES: [&str; 14] =
    ["eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"];

fn check_float<F: Arithmetic>(a: F::Bits, b: F::Bits) {
    for name in NAMES {
        let comparison = Comparison::from_name(name).unwrap();
        let (x, y) = (F::to_f64(a), F::to_f64(b));
        assert_eq!(
            compare::float::<F>(comparison, a, b, false),
            holds(name, x, y),
            "{x} {name} {y}"
        );
        let (x, y) = (F::to_f64(F::flush(a)), F::to_f64(F::flush(b)));
        assert_eq!(
            compare::float::<F>(comparison, a, b, true),
            holds(name, x, y),
            "{x} {name} {y}"
        );
    }
}

proptest! {
    #[test]
    fn floats(
        a in encodings::<F32>(), b in encodings::<F32>(), c in encodings::<F64>(),
        d in encodings::<F64>(), e in encodings::<F16>(), f in encodings::<F16>(),
        g in encodings::<Bf16>(), h in encodings::<Bf16>(),
    ) {
        check_float::<F32>(a, b);
        check_float::<F32>(a, a);
        check_float::<F64>(c, d);
        check_float::<F16>(e, f);
        check_float::<Bf16>(g, h);
    }

    #[test]
    fn integers_by_signedness(a in integers(), b in integers()) {
        let check = |name| Comparison::from_name(name).unwrap();
        prop_assert_eq!(compare::integer(check("lt"), a as i32, b as i32), (a as i32) < b as i32);
        prop_assert_eq!(compare::integer(check("lo"), a as u32, b as u32), (a as u32) < b as u32);
        prop_assert_eq!(compare::integer(check("ls"), a as u16, b as u16), a as u16 <= b as u16);
        prop_assert_eq!(compare::integer(check("hi"), a, b), a > b);
        prop_assert_eq!(compare::integer(check("hs"), a, b), a >= b);
        prop_assert_eq!(compare::integer(check("ge"), a as i64, b as i64), a as i64 >= b as i64);
        prop_assert_eq!(compare::integer(check("eq"), a as i16, b as i16), a as i16 == b as i16);
        prop_assert_eq!(compare::integer(check("ne"), a, b), a != b);
    }
}

#[test]
fn combinations_and_results() {
    for (p, q) in [(false, false), (false, true), (true, false), (true, true)] {
        assert_eq!(Combine::And.apply(p, q), p && q);
        assert_eq!(Combine::Or.apply(p, q), p || q);
        assert_eq!(Combine::Xor.apply(p, q), p != q);
    }
    assert_eq!(f32::from_bits(compare::set_f32(true)), 1.0);
    assert_eq!([compare::set_f32(false), compare::set_integer(false)], [0, 0]);
    assert_eq!(compare::set_integer(true), u32::MAX);
    assert_eq!(Comparison::from_name("lx"), None);
}

#[test]
fn slct_chooses_by_sign() {
    let check = |selector: f32, flush, first| {
        assert_eq!(compare::selects_first_f32(selector.to_bits(), flush), first, "{selector}");
    };
    check(-0.0, false, true);
    check(1.0, false, true);
    check(-1.0, true, false);
    check(-1e-40, false, false);
    check(-1e-40, true, true);
    check(f32::NAN, false, false);
    assert!(compare::selects_first_s32(0) && !compare::selects_first_s32(-1));
}
