//! *Warp Level Matrix Multiply-Accumulate Instructions Using wmma*.
//!
//! PTX leaves open which lane holds what of a fragment. Here the elements of a matrix, of A, C and D
//! row after row, of B column after column, are dealt out in the order of lane, register, place in
//! the register; where a fragment has room for more, they are dealt out again. A fragment of C and
//! one of D agree in lanes and order whatever their types, so that a kernel may scale one by
//! elements. For `.f64` these are the fragments of [`mma_f64`](super::mma_f64).

use super::Register;
use crate::numeric::{F16, F32, Format, bf16_to_f32, f16_to_f32, f32_to_f16};

/// The shape of a product: A is m × k, B k × n, C and D m × n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows of A, C and D.
    pub m: usize,
    /// Columns of B, C and D.
    pub n: usize,
    /// Columns of A and rows of B.
    pub k: usize,
}

/// A type of the elements of A and B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Factor {
    F16,
    Bf16,
    Tf32,
    S8,
    U8,
}

impl Factor {
    /// Bits of an element.
    pub const fn bits(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 16,
            Self::Tf32 => 32,
            Self::S8 | Self::U8 => 8,
        }
    }

    fn value(self, bits: u32) -> f32 {
        match self {
            Self::F16 => f16_to_f32(bits as u16),
            Self::Bf16 => bf16_to_f32(bits as u16),
            Self::Tf32 => f32::from_bits(bits & !0x1fff),
            Self::S8 => f32::from(bits as i8),
            Self::U8 => f32::from(bits as u8),
        }
    }
}

/// A type of the elements of C and D.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Sum {
    F16,
    F32,
    S32,
}

impl Sum {
    /// Bits of an element.
    pub const fn bits(self) -> usize {
        match self {
            Self::F16 => 16,
            Self::F32 | Self::S32 => 32,
        }
    }
}

/// Which matrix of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// The left factor.
    A,
    /// The right factor.
    B,
    /// The accumulator, as an operand and as the result.
    Sum,
}

/// A matrix in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment {
    /// Which matrix it is.
    pub matrix: Matrix,
    /// The shape of the product.
    pub shape: Shape,
    /// Bits of an element: 8, 16, 32 or 64.
    pub bits: usize,
    /// Registers of each lane.
    pub registers: usize,
}

impl Fragment {
    /// How many elements a register of a lane holds.
    pub fn each(self) -> usize {
        (32 / self.bits).max(1)
    }

    /// Rows and columns of the matrix.
    pub fn size(self) -> (usize, usize) {
        match self.matrix {
            Matrix::A => (self.shape.m, self.shape.k),
            Matrix::B => (self.shape.k, self.shape.n),
            Matrix::Sum => (self.shape.m, self.shape.n),
        }
    }

    /// Row and column of an element, counted in its register from the low end.
    pub fn place(self, lane: usize, register: usize, element: usize) -> (usize, usize) {
        let (rows, columns) = self.size();
        let dealt = (lane * self.registers + register) * self.each() + element;
        let index = dealt % (rows * columns);
        match self.matrix {
            Matrix::B => (index % rows, index / rows),
            _ => (index / columns, index % columns),
        }
    }

    /// Where an element is first: lane, register, place in the register.
    fn holder(self, row: usize, column: usize) -> (usize, usize, usize) {
        let (rows, columns) = self.size();
        let index = match self.matrix {
            Matrix::B => column * rows + row,
            _ => row * columns + column,
        };
        let (register, element) = (index / self.each(), index % self.each());
        (register / self.registers, register % self.registers, element)
    }

    fn element(self, registers: &[&Register], row: usize, column: usize) -> u32 {
        let (lane, register, element) = self.holder(row, column);
        let bits = registers[register][lane] >> (element * self.bits);
        bits & (u32::MAX >> (32 - self.bits))
    }
}

/// The types of a product, and how it treats overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Types {
    /// Of A.
    pub a: Factor,
    /// Of B.
    pub b: Factor,
    /// Of C.
    pub c: Sum,
    /// Of D.
    pub d: Sum,
    /// `.satfinite`: integers stop at the ends of their range; an infinity becomes the largest
    /// number and NaN +0.
    pub finite: bool,
}

/// `wmma.mma`: D = A · B + C. Sums of floating point grow in f32 in the order of k, from C.
///
/// `a`, `b` and `c` are registers of fragments; `D` is as many registers as its type needs.
pub fn wmma<const D: usize>(
    shape: Shape,
    types: Types,
    [a, b, c]: [&[&Register]; 3],
) -> [Register; D] {
    let Shape { m, n, k } = shape;
    let fragment = |matrix, bits, registers| Fragment { matrix, shape, bits, registers };
    let a_fragment = fragment(Matrix::A, types.a.bits(), a.len());
    let b_fragment = fragment(Matrix::B, types.b.bits(), b.len());
    let c_fragment = fragment(Matrix::Sum, types.c.bits(), c.len());
    let d_fragment = fragment(Matrix::Sum, types.d.bits(), D);
    let mut d = [[0; 32]; D];
    for (row, column) in (0..m).flat_map(|row| (0..n).map(move |column| (row, column))) {
        let products = (0..k).map(|k| {
            let a = types.a.value(a_fragment.element(a, row, k));
            a * types.b.value(b_fragment.element(b, k, column))
        });
        let c = c_fragment.element(c, row, column);
        let bits = match types.c {
            // Sums of products of bytes are exact in f32.
            Sum::S32 => add_integer(c as i32, products.sum::<f32>() as i32, types.finite),
            Sum::F16 => store(products.fold(f16_to_f32(c as u16), |x, y| x + y), types),
            Sum::F32 => store(products.fold(f32::from_bits(c), |x, y| x + y), types),
        };
        let (lane, register, element) = d_fragment.holder(row, column);
        d[register][lane] |= bits << (element * d_fragment.bits);
    }
    d
}

fn add_integer(c: i32, product: i32, finite: bool) -> u32 {
    (if finite { c.saturating_add(product) } else { c.wrapping_add(product) }) as u32
}

/// A sum of floating point as an element of D.
fn store(sum: f32, types: Types) -> u32 {
    let half = types.d == Sum::F16;
    let bits = if half { u32::from(f32_to_f16(sum)) } else { F32::canonical(sum.to_bits()) };
    if !types.finite {
        return bits;
    }
    let (infinite, largest) = match half {
        true => (F16::is_infinite(bits as u16), F16::LARGEST as u32 | bits & 0x8000),
        false => (F32::is_infinite(bits), F32::LARGEST as u32 | bits & 0x8000_0000),
    };
    match (sum.is_nan(), infinite) {
        (true, _) => 0,
        (false, true) => largest,
        (false, false) => bits,
    }
}
