use super::Lowering::{self, Custom, Instruction};
use super::{Builtin, Intrinsic};
use crate::kernel::lower::intrinsics as lower;
use crate::kernel::types::Scalar::{Bf16, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
use crate::kernel::types::ScalarSet;

const NUMBER: Option<ScalarSet> = Some(ScalarSet::NUMBER);
const INTEGER: Option<ScalarSet> = Some(ScalarSet::INTEGER);
const SIGNED: Option<ScalarSet> = Some(ScalarSet::SIGNED);
const FLOAT: Option<ScalarSet> = Some(ScalarSet::FLOAT);
const REAL: Option<ScalarSet> = Some(ScalarSet::of(&[F32, F64]));
const ROUNDED: Option<ScalarSet> = Some(ScalarSet::of(&[F16, F32, F64]));
const SINGLE: Option<ScalarSet> = Some(ScalarSet::of(&[F32]));
const WORD: Option<ScalarSet> = Some(ScalarSet::of(&[U32, I32, U64, I64]));
const WORD32: Option<ScalarSet> = Some(ScalarSet::of(&[U32, I32]));
const UNSIGNED32: Option<ScalarSet> = Some(ScalarSet::of(&[U32]));
const MULTIPLIED: Option<ScalarSet> = Some(ScalarSet::of(&[U16, U32, U64, I16, I32, I64]));
const ADDED: Option<ScalarSet> = Some(ScalarSet::of(&[U32, I32, U64, I64, F16, Bf16, F32, F64]));
const EXCHANGED: Option<ScalarSet> = Some(ScalarSet::of(&[U32, I32, U64, I64, F32, F64]));
const NARROW: Option<ScalarSet> =
    Some(ScalarSet::of(&[U8, U16, U32, I8, I16, I32, F16, Bf16, F32]));

const fn row(
    declaration: &'static str,
    types: Option<ScalarSet>,
    methods: &'static str,
    lowering: Lowering,
    description: &'static str,
) -> Intrinsic {
    Intrinsic { declaration, types, methods, lowering, description }
}

/// Every built-in function.
#[rustfmt::skip]
pub(crate) const TABLE: &[Intrinsic] = &[
    // Arithmetic.
    row("fma(a: T, b: T, c: T) -> T", FLOAT, "mul_add", Instruction("fma.rn.{T}"),
        "`a·b + c`, rounded once"),
    row("min(a: T, b: T) -> T", NUMBER, "min", Instruction("min.{T}"),
        "The lesser; of a number and a NaN, the number"),
    row("max(a: T, b: T) -> T", NUMBER, "max", Instruction("max.{T}"),
        "The greater; of a number and a NaN, the number"),
    row("clamp(value: T, low: T, high: T) -> T", NUMBER, "clamp", Custom(lower::clamp),
        "`min(max(value, low), high)`"),
    row("abs(value: T) -> T", SIGNED, "abs wrapping_abs", Instruction("abs.{T}"),
        "The magnitude; the least integer stays itself"),
    row("mul_hi(a: T, b: T) -> T", MULTIPLIED, "", Instruction("mul.hi.{T}"),
        "The upper half of the product"),
    row("wrapping_add(a: T, b: T) -> T", INTEGER, "wrapping_add", Custom(lower::wrapping_add),
        "`a + b`, which wraps in any case"),
    row("wrapping_sub(a: T, b: T) -> T", INTEGER, "wrapping_sub", Custom(lower::wrapping_sub),
        "`a - b`, which wraps in any case"),
    row("wrapping_mul(a: T, b: T) -> T", INTEGER, "wrapping_mul", Custom(lower::wrapping_mul),
        "`a * b`, which wraps in any case"),
    row("sqrt(value: T) -> T", REAL, "sqrt", Instruction("sqrt.rn.{T}"),
        "The square root, correctly rounded"),
    row("rsqrt(value: T) -> T", REAL, "", Instruction("rsqrt.approx.{T}"),
        "`1 / sqrt(value)`, approximated: relative error up to 2⁻²²·⁹"),
    row("reciprocal(value: T) -> T", REAL, "recip", Instruction("rcp.rn.{T}"),
        "`1 / value`, correctly rounded"),
    row("exp2(value: T) -> T", SINGLE, "exp2", Instruction("ex2.approx.{T}"),
        "2 to the power, approximated: up to 2 units in the last place"),
    row("log2(value: T) -> T", SINGLE, "log2", Instruction("lg2.approx.{T}"),
        "The logarithm to base 2, approximated: error up to 2⁻²² between 0.5 and 2, relative beyond"),
    row("exp(value: T) -> T", SINGLE, "exp", Custom(lower::exp),
        "e to the power, as `exp2(value · log₂ e)`"),
    row("log(value: T) -> T", SINGLE, "ln", Custom(lower::log),
        "The natural logarithm, as `log2(value) · ln 2`"),
    row("sin(value: T) -> T", SINGLE, "sin", Instruction("sin.approx.{T}"),
        "The sine, approximated: error up to 2⁻²⁰·⁵ between −π and π"),
    row("cos(value: T) -> T", SINGLE, "cos", Instruction("cos.approx.{T}"),
        "The cosine, approximated: error up to 2⁻²⁰·⁵ between −π and π"),
    row("tanh(value: T) -> T", SINGLE, "tanh", Instruction("tanh.approx.{T}"),
        "The hyperbolic tangent, approximated: relative error up to 2⁻¹¹"),
    row("floor(value: T) -> T", ROUNDED, "floor", Instruction("cvt.rmi.{T}.{T}"),
        "The integer below"),
    row("ceil(value: T) -> T", ROUNDED, "ceil", Instruction("cvt.rpi.{T}.{T}"),
        "The integer above"),
    row("trunc(value: T) -> T", ROUNDED, "trunc", Instruction("cvt.rzi.{T}.{T}"),
        "The integer towards zero"),
    row("round_ties_even(value: T) -> T", ROUNDED, "round_ties_even", Instruction("cvt.rni.{T}.{T}"),
        "The nearest integer, halfway cases to the even one"),
    row("round(value: T) -> T", REAL, "round", Custom(lower::round),
        "The nearest integer, halfway cases away from zero"),
    row("copysign(magnitude: T, sign: T) -> T", REAL, "copysign", Custom(lower::copysign),
        "The magnitude of the one with the sign of the other"),
    row("is_nan(value: T) -> bool", REAL, "is_nan", Instruction("testp.notanumber.{T}"),
        "Whether it is NaN"),
    row("is_finite(value: T) -> bool", REAL, "is_finite", Instruction("testp.finite.{T}"),
        "Whether it is neither infinite nor NaN"),
    // Bits.
    row("popcount(value: T) -> u32", WORD, "count_ones", Instruction("popc.{B}"),
        "How many bits are one"),
    row("leading_zeros(value: T) -> u32", WORD, "leading_zeros", Instruction("clz.{B}"),
        "How many bits are zero above the highest one"),
    row("trailing_zeros(value: T) -> u32", WORD, "trailing_zeros", Custom(lower::trailing_zeros),
        "How many bits are zero below the lowest one"),
    row("reverse_bits(value: T) -> T", WORD, "reverse_bits", Instruction("brev.{B}"),
        "The bits in opposite order"),
    row("rotate_left(value: T, amount: u32) -> T", WORD32, "rotate_left", Custom(lower::rotate_left),
        "The bits moved up, those that fall out coming in below"),
    row("rotate_right(value: T, amount: u32) -> T", WORD32, "rotate_right",
        Custom(lower::rotate_right), "The bits moved down, those that fall out coming in above"),
    // Threads of a block.
    row("barrier()", None, "", Custom(lower::barrier),
        "Waits until every thread of the block is here; orders memory between them"),
    row("barrier_warp(mask: u32)", None, "", Instruction("bar.warp.sync"),
        "Waits until every lane of the mask is here; orders memory between them"),
    row("fence_block()", None, "", Instruction("membar.cta"),
        "Orders memory accesses as seen by the block"),
    row("fence()", None, "", Instruction("membar.gl"),
        "Orders memory accesses as seen by the GPU"),
    // Lanes of a warp. All 32 take part.
    row("shuffle_xor(value: T, mask: u32) -> T", NUMBER, "", Custom(lower::shuffle_xor),
        "The value of lane `lane ^ mask`"),
    row("shuffle_up(value: T, delta: u32) -> T", NUMBER, "", Custom(lower::shuffle_up),
        "The value of lane `lane - delta`, or one's own where there is none"),
    row("shuffle_down(value: T, delta: u32) -> T", NUMBER, "", Custom(lower::shuffle_down),
        "The value of lane `lane + delta`, or one's own where there is none"),
    row("shuffle_index(value: T, lane: u32) -> T", NUMBER, "", Custom(lower::shuffle_index),
        "The value of that lane"),
    row("vote_any(condition: bool) -> bool", None, "", Custom(lower::vote_any),
        "Whether it holds in any lane"),
    row("vote_all(condition: bool) -> bool", None, "", Custom(lower::vote_all),
        "Whether it holds in every lane"),
    row("vote_ballot(condition: bool) -> u32", None, "", Custom(lower::vote_ballot),
        "A mask of the lanes where it holds"),
    row("active_mask() -> u32", None, "", Instruction("activemask.b32"),
        "A mask of the lanes that execute this together"),
    row("redux_add(value: T) -> T", WORD32, "", Custom(lower::redux_add), "The sum over the lanes"),
    row("redux_min(value: T) -> T", WORD32, "", Custom(lower::redux_min), "The least of the lanes"),
    row("redux_max(value: T) -> T", WORD32, "", Custom(lower::redux_max), "The greatest of the lanes"),
    row("redux_and(value: T) -> T", UNSIGNED32, "", Custom(lower::redux_and), "`&` over the lanes"),
    row("redux_or(value: T) -> T", UNSIGNED32, "", Custom(lower::redux_or), "`|` over the lanes"),
    row("redux_xor(value: T) -> T", UNSIGNED32, "", Custom(lower::redux_xor), "`^` over the lanes"),
    // Atomics, relaxed. All give the old value.
    row("atomic_add(pointer: *mut T, value: T) -> T", ADDED, "", Custom(lower::atomic_add),
        "Adds to memory"),
    row("atomic_min(pointer: *mut T, value: T) -> T", WORD, "", Custom(lower::atomic_min),
        "Keeps the lesser"),
    row("atomic_max(pointer: *mut T, value: T) -> T", WORD, "", Custom(lower::atomic_max),
        "Keeps the greater"),
    row("atomic_and(pointer: *mut T, value: T) -> T", WORD, "", Custom(lower::atomic_and),
        "`&` into memory"),
    row("atomic_or(pointer: *mut T, value: T) -> T", WORD, "", Custom(lower::atomic_or),
        "`|` into memory"),
    row("atomic_xor(pointer: *mut T, value: T) -> T", WORD, "", Custom(lower::atomic_xor),
        "`^` into memory"),
    row("atomic_exchange(pointer: *mut T, value: T) -> T", EXCHANGED, "",
        Custom(lower::atomic_exchange), "Stores a value"),
    row("atomic_cas(pointer: *mut T, expected: T, value: T) -> T", EXCHANGED, "",
        Custom(lower::atomic_cas), "Stores a value where memory holds the expected bits"),
    // Wide accesses, aligned to their whole width.
    row("load_2(pointer: *const T) -> [T; 2]", NUMBER, "", Custom(lower::load_vector),
        "Two neighbours in one access"),
    row("load_4(pointer: *const T) -> [T; 4]", NARROW, "", Custom(lower::load_vector),
        "Four neighbours in one access"),
    row("store_2(pointer: *mut T, values: [T; 2])", NUMBER, "", Custom(lower::store_vector),
        "Two neighbours in one access"),
    row("store_4(pointer: *mut T, values: [T; 4])", NARROW, "", Custom(lower::store_vector),
        "Four neighbours in one access"),
    // Asynchronous copies from global to shared memory.
    row("copy_async_4(destination: *mut T, source: *const T)", NUMBER, "",
        Custom(lower::copy_async_4), "Begins to copy 4 bytes to shared memory"),
    row("copy_async_8(destination: *mut T, source: *const T)", NUMBER, "",
        Custom(lower::copy_async_8), "Begins to copy 8 bytes to shared memory"),
    row("copy_async_16(destination: *mut T, source: *const T)", NUMBER, "",
        Custom(lower::copy_async_16), "Begins to copy 16 bytes to shared memory"),
    row("copy_async_commit()", None, "", Instruction("cp.async.commit_group"),
        "Ends a group of copies"),
    row("copy_async_wait(groups: u32)", None, "", Custom(lower::copy_async_wait),
        "Waits until at most that many of the thread's groups are under way; a constant"),
    // The rest.
    row("clock() -> u64", None, "", Custom(lower::clock), "A counter of clock cycles"),
    row("nanosleep(nanoseconds: u32)", None, "", Instruction("nanosleep.u32"),
        "Rests for about that long"),
    row("trap()", None, "", Instruction("trap"), "Aborts the launch with an error"),
];

const fn axes(name: &'static str, description: &'static str) -> Builtin {
    Builtin { name, has_axes: true, description }
}

/// Every built-in value; all are `u32`.
pub(crate) const BUILTINS: &[Builtin] = &[
    axes("thread_index", "The thread's place in its block"),
    axes("block_index", "The block's place in the grid"),
    axes("block_dim", "Threads in a block"),
    axes("grid_dim", "Blocks in the grid"),
    Builtin {
        name: "lane",
        has_axes: false,
        description: "The thread's place in its warp, 0 to 31",
    },
    Builtin {
        name: "warp",
        has_axes: false,
        description: "The warp's place in its block: the thread's, counted with `x` fastest, by 32",
    },
];
