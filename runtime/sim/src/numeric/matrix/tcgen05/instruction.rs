//! *Instruction descriptor*: shape and types of a product in 32 bits.
//!
//! | bits | f16, tf32, f8f6f4, i8 | mxf8f6f4 | mxf4, mxf4nvf4 |
//! |---|---|---|---|
//! | 0–1 | sparsity selector | 0 | 0 |
//! | 2 | sparse | sparse | sparse |
//! | 3 | saturate (i8) | 0 | 0 |
//! | 4–5 | D: 0 f16, 1 f32, 2 s32 | byte of B's scales | byte of B's scales |
//! | 7–9, 10–12 | types of A and B | types of A and B | 1 (10–11 of B) |
//! | 13, 14 | negate A, B | negate A, B | negate A, B |
//! | 15, 16 | A, B MN-major | A, B MN-major | 0 |
//! | 17–22 | N / 8 | N / 8 | N / 8 |
//! | 23 | 0 | scales: 1 ue8m0 | scales: 0 ue4m3, 1 ue8m0 |
//! | 24–28 | M / 16 | M / 16 | M / 16 |
//! | 29–30 | 30–31: `.ws`, largest shift | byte of A's scales | byte of A's scales |
//! | 31 | | 0 | K: 0 dense 64, 1 dense 96 |

use thiserror::Error;

use super::operand::Factor;
use super::scale::{ScaleFactors, ScaleType};
use crate::numeric::matrix::Major;
use crate::numeric::matrix::wmma::Sum;

/// `.kind`: the family of types that A and B have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    F16,
    Tf32,
    F8f6f4,
    I8,
    Mxf8f6f4,
    Mxf4,
    Mxf4nvf4,
}

impl Kind {
    /// The kind as instructions name it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "kind::f16" => Self::F16,
            "kind::tf32" => Self::Tf32,
            "kind::f8f6f4" => Self::F8f6f4,
            "kind::i8" => Self::I8,
            "kind::mxf8f6f4" => Self::Mxf8f6f4,
            "kind::mxf4" => Self::Mxf4,
            "kind::mxf4nvf4" => Self::Mxf4nvf4,
            _ => return None,
        })
    }

    /// Whether blocks of elements are scaled.
    pub const fn is_scaled(self) -> bool {
        matches!(self, Self::Mxf8f6f4 | Self::Mxf4 | Self::Mxf4nvf4)
    }

    /// Whether elements are packed two a byte.
    const fn is_packed(self) -> bool {
        matches!(self, Self::Mxf4 | Self::Mxf4nvf4)
    }
}

/// The form of an instruction, which its name gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// `.kind`.
    pub kind: Kind,
    /// `.cta_group::2`: a pair of blocks computes together.
    pub pair: bool,
    /// `.ws`: B is stationary.
    pub stationary: bool,
    /// `.sp`: half of A's elements are left out.
    pub sparse: bool,
    /// Elements that share a scale, where there are scales: 32 or 16.
    pub block: usize,
}

/// A decoded instruction descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// Rows of A and D, of both blocks of a pair.
    pub m: usize,
    /// Columns of B and D, of both blocks of a pair.
    pub n: usize,
    /// Columns of A and rows of B, those left out of a sparse A among them.
    pub k: usize,
    /// The type of A's elements.
    pub a: Factor,
    /// The type of B's elements.
    pub b: Factor,
    /// The type of D's elements.
    pub sum: Sum,
    /// Whether one of A and B is negated, but not both.
    pub negate: bool,
    /// The order of A in shared memory.
    pub a_major: Major,
    /// The order of B in shared memory.
    pub b_major: Major,
    /// Integers stop at the ends of their range.
    pub saturate: bool,
    /// Half of A's elements are left out.
    pub sparse: bool,
    /// Which of the metadata that lie together are those of a sparse A.
    pub selector: u32,
    /// Where A's scales lie, of a scaled kind.
    pub a_scales: Option<ScaleFactors>,
    /// Where B's scales lie, of a scaled kind.
    pub b_scales: Option<ScaleFactors>,
}

/// Why an instruction descriptor is not one that the hardware defines.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InstructionError {
    /// Bits without a meaning are set.
    #[error("reserved bits {0:#010x} are set")]
    Reserved(u32),
    /// A field has a value without a meaning.
    #[error("{field} is {found}; expected {expected}")]
    Field {
        /// The field, and its bits.
        field: &'static str,
        /// Its value.
        found: u32,
        /// What would be right.
        expected: String,
    },
}

fn refuse<T>(field: &'static str, found: u32, expected: &str) -> Result<T, InstructionError> {
    Err(InstructionError::Field { field, found, expected: expected.into() })
}

impl Instruction {
    /// Takes the descriptor of an instruction of some form apart.
    ///
    /// ```
    /// use tilewright_sim::numeric::matrix::tcgen05::{Factor, Form, Instruction, Kind};
    /// let form =
    ///     Form { kind: Kind::F16, pair: false, stationary: false, sparse: false, block: 32 };
    /// let instruction = Instruction::decode(0x8100490, form).unwrap();
    /// assert_eq!((instruction.m, instruction.n, instruction.k), (128, 64, 16));
    /// assert_eq!(instruction.a, Factor::Bf16);
    /// ```
    ///
    /// # Errors
    ///
    /// Where reserved bits are set, or a field has no meaning for this form.
    pub fn decode(bits: u32, form: Form) -> Result<Self, InstructionError> {
        let Form { kind, .. } = form;
        let field = |first: u32, count: u32| bits >> first & ((1 << count) - 1);
        let reserved = reserved(form) & bits;
        if reserved != 0 {
            return Err(InstructionError::Reserved(reserved));
        }
        if (field(2, 1) == 1) != form.sparse {
            let expected = if form.sparse { "1, as of .sp" } else { "0, as without .sp" };
            return refuse("sparsity (bit 2)", field(2, 1), expected);
        }
        let a = factor(kind, field(7, 3), "the type of A (bits 7 to 9)")?;
        let b_bits = if kind.is_packed() { 2 } else { 3 };
        let b = factor(kind, field(10, b_bits), "the type of B (bits 10 to 12)")?;
        let sum = match kind.is_scaled() {
            true => Sum::F32,
            false => sum(kind, field(4, 2), (a, b))?,
        };
        let major = |bit| if field(bit, 1) == 1 { Major::Mn } else { Major::K };
        let k = match (kind.is_packed(), field(31, 1)) {
            (true, 1) => 96,
            _ => 2 * a.each(),
        };
        let (m, n) = (16 * field(24, 5) as usize, 8 * field(17, 6) as usize);
        check_shape((m, n), form)?;
        let (a_scales, b_scales) = match kind.is_scaled() {
            true => {
                let scales = scales(form, k, field(23, 1), [field(29, 2), field(4, 2)])?;
                (Some(scales[0]), Some(scales[1]))
            }
            false => (None, None),
        };
        let instruction = Self {
            m,
            n,
            k: if form.sparse { 2 * k } else { k },
            a,
            b,
            sum,
            negate: field(13, 1) != field(14, 1),
            a_major: major(15),
            b_major: major(16),
            saturate: field(3, 1) == 1,
            sparse: form.sparse,
            selector: field(0, 2),
            a_scales,
            b_scales,
        };
        instruction.check_mn_major(form)
    }

    /// Columns that A has in memory, which are fewer than K where half of them are left out.
    pub fn a_columns(&self) -> usize {
        if self.sparse { self.k / 2 } else { self.k }
    }

    /// Refuses columns that fill no whole units of 16 bytes.
    fn check_mn_major(self, form: Form) -> Result<Self, InstructionError> {
        let each = self.b.each();
        let columns = if form.pair { self.n / 2 } else { self.n };
        if self.b_major == Major::Mn && !columns.is_multiple_of(each) {
            let expected = format!("a multiple of {each} columns a block where B is MN-major");
            return Err(InstructionError::Field {
                field: "N (bits 17 to 22, times 8)",
                found: self.n as u32,
                expected,
            });
        }
        Ok(self)
    }
}

/// Bits that are 0 in every descriptor of a form.
fn reserved(form: Form) -> u32 {
    match form.kind {
        Kind::Mxf8f6f4 => 1 << 31 | 7 << 24 | 1 << 6 | 0b1011,
        Kind::Mxf4 | Kind::Mxf4nvf4 => 7 << 24 | 3 << 15 | 1 << 12 | 1 << 6 | 0b1011,
        kind => {
            let integers = kind == Kind::I8;
            let saturate = if integers { 0 } else { 1 << 3 };
            let negate = if integers { 3 << 13 } else { 0 };
            let selector = if form.sparse { 0 } else { 0b11 };
            let shift = if form.stationary { 0 } else { 3 << 30 };
            shift | 1 << 29 | 1 << 23 | 1 << 6 | saturate | negate | selector
        }
    }
}

/// The type that a code stands for.
fn factor(kind: Kind, code: u32, field: &'static str) -> Result<Factor, InstructionError> {
    Ok(match (kind, code) {
        (Kind::F16, 0) => Factor::F16,
        (Kind::F16, 1) => Factor::Bf16,
        (Kind::Tf32, 2) => Factor::Tf32,
        (Kind::I8, 0) => Factor::U8,
        (Kind::I8, 1) => Factor::S8,
        (Kind::F8f6f4 | Kind::Mxf8f6f4, 0) => Factor::E4m3,
        (Kind::F8f6f4 | Kind::Mxf8f6f4, 1) => Factor::E5m2,
        (Kind::F8f6f4 | Kind::Mxf8f6f4, 3) => Factor::E2m3,
        (Kind::F8f6f4 | Kind::Mxf8f6f4, 4) => Factor::E3m2,
        (Kind::F8f6f4 | Kind::Mxf8f6f4, 5) => Factor::E2m1,
        (Kind::Mxf4 | Kind::Mxf4nvf4, 1) => Factor::E2m1Packed,
        (Kind::F16, _) => return refuse(field, code, "0 (f16) or 1 (bf16)"),
        (Kind::Tf32, _) => return refuse(field, code, "2 (tf32)"),
        (Kind::I8, _) => return refuse(field, code, "0 (u8) or 1 (s8)"),
        (Kind::Mxf4 | Kind::Mxf4nvf4, _) => return refuse(field, code, "1 (e2m1)"),
        _ => {
            let expected = "0 (e4m3), 1 (e5m2), 3 (e2m3), 4 (e3m2) or 5 (e2m1)";
            return refuse(field, code, expected);
        }
    })
}

/// The type of D that a code stands for.
fn sum(kind: Kind, code: u32, factors: (Factor, Factor)) -> Result<Sum, InstructionError> {
    let field = "the type of D (bits 4 and 5)";
    match (kind, code) {
        (Kind::F16, 0) if factors != (Factor::F16, Factor::F16) => {
            refuse(field, code, "1 (f32), as A or B is bf16")
        }
        (Kind::F16 | Kind::F8f6f4, 0) => Ok(Sum::F16),
        (Kind::F16 | Kind::F8f6f4 | Kind::Tf32, 1) => Ok(Sum::F32),
        (Kind::I8, 2) => Ok(Sum::S32),
        (Kind::I8, _) => refuse(field, code, "2 (s32)"),
        (Kind::Tf32, _) => refuse(field, code, "1 (f32)"),
        _ => refuse(field, code, "0 (f16) or 1 (f32)"),
    }
}

/// Refuses what the table *Matrix shape* does not have.
fn check_shape((m, n): (usize, usize), form: Form) -> Result<(), InstructionError> {
    let (rows, m_expected): (&[usize], _) = match (form.stationary, form.pair) {
        (true, _) => (&[32, 64, 128], "32, 64 or 128, as of .ws"),
        (false, false) if form.kind.is_scaled() => {
            (&[128], "128, as of scaled kinds with .cta_group::1")
        }
        (false, false) => (&[64, 128], "64 or 128, as of .cta_group::1"),
        (false, true) => (&[128, 256], "128 or 256, as of .cta_group::2"),
    };
    if !rows.contains(&m) {
        return refuse("M (bits 24 to 28, times 16)", m as u32, m_expected);
    }
    let (holds, n_expected) = match (form.stationary, form.pair, form.kind) {
        (true, ..) => (matches!(n, 64 | 128 | 256), "64, 128 or 256, as of .ws"),
        (_, false, Kind::I8) => {
            (matches!(n, 8 | 24) || n.is_multiple_of(16), "8, 24 or a multiple of 16 up to 256")
        }
        (_, true, Kind::I8) => (n.is_multiple_of(32), "a multiple of 32 up to 256"),
        (_, true, _) => (n.is_multiple_of(16), "a multiple of 16 up to 256, as of .cta_group::2"),
        _ => (true, "a multiple of 8 up to 256"),
    };
    if !holds || !(8..=256).contains(&n) {
        return refuse("N (bits 17 to 22, times 8)", n as u32, n_expected);
    }
    Ok(())
}

/// Where the scales of A and B lie within their words.
fn scales(
    form: Form,
    k: usize,
    code: u32,
    bytes: [u32; 2],
) -> Result<[ScaleFactors; 2], InstructionError> {
    let ty = match (code, form.kind) {
        (1, _) => ScaleType::Ue8m0,
        (_, Kind::Mxf4nvf4) => ScaleType::Ue4m3,
        _ => return refuse("the type of the scales (bit 23)", code, "1 (ue8m0)"),
    };
    // Elements left out count: a scale is that of as many as are left.
    let factors = k.div_ceil(form.block);
    let step = factors.next_power_of_two();
    let names =
        ["the byte of A's scales (bits 29 and 30)", "the byte of B's scales (bits 4 and 5)"];
    for (byte, name) in bytes.into_iter().zip(names) {
        if !(byte as usize).is_multiple_of(step.min(4)) {
            let expected = if step == 2 { "0 or 2" } else { "0" };
            return refuse(name, byte, expected);
        }
    }
    Ok(bytes.map(|byte| ScaleFactors { ty, byte, factors }))
}
