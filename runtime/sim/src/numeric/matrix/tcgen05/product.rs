//! The product itself, a panel of lanes and a panel of columns at a time.

use super::layout::Layout;
use super::scale::Scales;
use super::{Column, PANEL};
use crate::numeric::matrix::tile::{Tile, multiply_accumulate};
use crate::numeric::matrix::wmma::Sum;
use crate::numeric::{F32, Format, f16_to_f32, f32_to_f16};

/// What is computed from A, B and D.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    /// Columns of A and rows of B.
    pub k: usize,
    /// Elements that share a scale; of a kind without, as many as are computed together.
    pub chunk: usize,
    /// The type of D.
    pub sum: Sum,
    /// Integers stop at the ends of their range.
    pub saturate: bool,
}

/// A and B of a block as they were in memory when they were read.
#[derive(Debug, Default)]
pub struct Operands {
    /// Panels of rows, or of lanes where A lay in tensor memory.
    pub a: Vec<f32>,
    /// Whether A's panels are of lanes.
    pub a_by_lanes: bool,
    /// Panels of columns.
    pub b: Vec<f32>,
    /// The scales of A by panels of rows, where there are any.
    pub a_scales: Scales,
    /// The scales of B by panels of columns.
    pub b_scales: Scales,
}

/// What becomes of D.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accumulation {
    /// What D is multiplied by before; none where it begins at 0.
    pub scale: Option<f32>,
    /// The lanes that are written, a bit each.
    pub lanes: u128,
}

/// The panels that meet in a tile of D.
#[derive(Clone, Copy)]
struct Panels {
    lanes: usize,
    rows: usize,
    columns: usize,
}

impl Product {
    /// Elements that a kind without scales computes together.
    pub const fn chunk(k: usize) -> usize {
        match k {
            8 => 8,
            16 => 16,
            _ => 32,
        }
    }

    /// Adds the product of A and B to D, the columns of tensor memory that a block has of it.
    pub fn add(
        self,
        d: &mut [Column],
        layout: Layout,
        accumulation: Accumulation,
        operands: &Operands,
    ) {
        let panels_of_part = d.len() / PANEL;
        for (j, d) in d.chunks_exact_mut(PANEL).enumerate() {
            for (lanes, part) in layout.panels() {
                let columns = part.columns * panels_of_part + j;
                let panels = Panels { lanes, rows: part.rows, columns };
                self.add_panels(d, panels, accumulation, operands);
            }
        }
    }

    /// Adds to one tile.
    fn add_panels(
        self,
        d: &mut [Column],
        panels: Panels,
        accumulation: Accumulation,
        operands: &Operands,
    ) {
        let Panels { lanes, rows, columns } = panels;
        let lane = lanes * PANEL;
        let written = (accumulation.lanes >> lane) as u8;
        if written == 0 {
            return;
        }
        let size = PANEL * self.k;
        let a = if operands.a_by_lanes { lanes } else { rows };
        let (a, b) = (&operands.a[a * size..][..size], &operands.b[columns * size..][..size]);
        let chunks = self.k / self.chunk;
        let scales = (!operands.a_scales.is_empty()).then(|| {
            let a = &operands.a_scales[rows * chunks..][..chunks];
            [a, &operands.b_scales[columns * chunks..][..chunks]]
        });
        let mut sum = self.begin(d, lane, accumulation.scale);
        match self.chunk {
            8 => multiply::<8>(&mut sum, a, b, scales),
            16 => multiply::<16>(&mut sum, a, b, scales),
            _ => multiply::<32>(&mut sum, a, b, scales),
        }
        for (column, sum) in d.iter_mut().zip(&sum) {
            let cells = &mut column[lane..lane + PANEL];
            let accumulates = accumulation.scale.is_some();
            let mut result = [0; PANEL];
            for i in 0..PANEL {
                result[i] = match self.sum {
                    Sum::F32 => F32::canonical(sum[i].to_bits()),
                    Sum::F16 => u32::from(f32_to_f16(sum[i])),
                    Sum::S32 => self
                        .add_integer(if accumulates { cells[i] as i32 } else { 0 }, sum[i] as i32),
                };
            }
            if written == u8::MAX {
                cells.copy_from_slice(&result);
                continue;
            }
            for (i, (cell, result)) in cells.iter_mut().zip(result).enumerate() {
                if written >> i & 1 != 0 {
                    *cell = result;
                }
            }
        }
    }

    /// D as the sum begins with it, which is 0 for integers.
    fn begin(self, d: &[Column], lane: usize, scale: Option<f32>) -> Tile<PANEL, PANEL> {
        let mut sum = [[0.0; PANEL]; PANEL];
        let Some(scale) = scale else { return sum };
        for (sum, column) in sum.iter_mut().zip(d) {
            for (sum, cell) in sum.iter_mut().zip(&column[lane..lane + PANEL]) {
                *sum = match self.sum {
                    Sum::F32 => f32::from_bits(*cell) * scale,
                    Sum::F16 => f16_to_f32(*cell as u16) * scale,
                    Sum::S32 => 0.0,
                };
            }
        }
        sum
    }

    fn add_integer(self, c: i32, sum: i32) -> u32 {
        (if self.saturate { c.saturating_add(sum) } else { c.wrapping_add(sum) }) as u32
    }
}

/// Adds a product to the transposed sum, chunk by chunk, each scaled where there are scales.
#[inline(always)]
fn multiply<const CHUNK: usize>(
    sum: &mut Tile<PANEL, PANEL>,
    a: &[f32],
    b: &[f32],
    scales: Option<[&[[f32; PANEL]]; 2]>,
) {
    let a = a.as_chunks::<PANEL>().0.as_chunks::<CHUNK>().0;
    let b = b.as_chunks::<CHUNK>().0.as_chunks::<PANEL>().0;
    let Some([a_scales, b_scales]) = scales else {
        for (a, b) in a.iter().zip(b) {
            multiply_accumulate(sum, b, a);
        }
        return;
    };
    for ((a, b), (a_scales, b_scales)) in a.iter().zip(b).zip(a_scales.iter().zip(b_scales)) {
        let mut part = [[0.0; PANEL]; PANEL];
        multiply_accumulate(&mut part, b, a);
        for ((sum, part), b_scale) in sum.iter_mut().zip(&part).zip(b_scales) {
            for ((sum, part), a_scale) in sum.iter_mut().zip(part).zip(a_scales) {
                // The scales may be beyond the range of f32 where their product is not.
                *sum += (f64::from(*part) * f64::from(*a_scale) * f64::from(*b_scale)) as f32;
            }
        }
    }
}
