//! `tcgen05.mma`: products on the queue.
//!
//! When it is issued, descriptors are taken apart and all that it accesses is looked at; when it
//! lands, operands are read, and D is read and written.

use super::super::registers::lanes;
use super::super::wgmma::{lies_in_shared, unit};
use super::{Landing, refuse};
use crate::fault::{AccessKind, FaultKind};
use crate::hazard::{Bytes, Stage};
use crate::machine::{Context, Outcome, Raised, Warp};
use crate::memory::tensor::{QUARTER, TensorAddress, TensorRegion, lane_mask};
use crate::numeric::matrix::tcgen05::{
    Accumulation, Column, Factor, Instruction, LANES, Layout, Operands, PANEL, Product,
    ScaleFactors, SharedMatrix, lane_panels,
};
use crate::numeric::matrix::{Descriptor, DescriptorError, Major, Swizzle, Units};
use crate::program::code::Address;
use crate::program::tcgen05_mma::{Multiplicand, Multiply};

/// A product of a block, or of the two of a pair.
#[derive(Debug)]
pub(super) struct Multiplication {
    pub(super) instruction: Instruction,
    product: Product,
    pub(super) layout: Layout,
    /// The column of D, which is the same in both blocks.
    pub(super) d: u32,
    pub(super) a: Home,
    pub(super) b: SharedMatrix,
    /// The columns of the scales of A and of B.
    scales: Option<[(ScaleFactors, u32); 2]>,
    /// What D is multiplied by before; none where it begins at 0.
    pub(super) scale: Option<f32>,
    /// Of each block its rank and the lanes of D that are written.
    pub(super) blocks: Vec<(usize, u128)>,
    /// Columns of B that count as zeros.
    pub(super) zeros: Vec<bool>,
}

/// Where A lies, in each block its own rows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Home {
    Shared(SharedMatrix),
    /// The first column, and whether rows move down by one.
    Tensor {
        column: u32,
        shift: bool,
    },
}

/// The address that a lane has in tensor memory.
fn tensor_address(warp: &Warp, group: usize, address: &Address, lane: usize) -> TensorAddress {
    TensorAddress::new(warp.addresses(group, address)[lane] as u32)
}

impl Warp {
    /// Executes `tcgen05.mma`.
    pub(super) fn multiply_tensor(
        &mut self,
        group: usize,
        multiply: &Multiply,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        for lane in lanes(active) {
            let bits = self.registers.get(multiply.instruction)[lane];
            let instruction = match Instruction::decode(bits, multiply.form) {
                Ok(instruction) => instruction,
                Err(error) => {
                    let problem = error.to_string();
                    let kind = FaultKind::InstructionDescriptor { descriptor: bits, problem };
                    return Err(Raised::new(kind, 1 << lane));
                }
            };
            let TensorAddress { column, .. } = tensor_address(self, group, &multiply.d, lane);
            let Instruction { m, n, .. } = instruction;
            let shape = (multiply.form.kind as u64) << 20 | (m as u64) << 10 | n as u64;
            let key = u64::from(column) << 32 | shape;
            let pair = multiply.form.pair;
            let issued = self.begin_tensor_operation(lane, Stage::Product(key), pair, context)?;
            let ranks: Vec<usize> = issued.ranks(context).collect();
            let multiplication =
                self.multiplication((group, lane), multiply, instruction, ranks, context)?;
            let (writes, reads): (Vec<_>, Vec<_>) =
                multiplication.regions().into_iter().partition(|r| r.1 == AccessKind::CopyWrite);
            for (tensor, kind) in reads {
                self.access_tensor(&issued.access, kind, &tensor, context)?;
            }
            let undefined = match context.hazards() {
                true => self.undefined_cells(&multiplication, lane, context),
                false => Vec::new(),
            };
            for (tensor, kind) in writes {
                self.access_tensor(&issued.access, kind, &tensor, context)?;
            }
            for (cells, origin) in undefined {
                let block = &mut context.blocks[cells.rank];
                block.tensor.memory.mark_unwritten(&cells);
                block.origins.note_column(cells.column, origin);
            }
            if context.hazards() {
                for (rank, at, size) in multiplication.shared_units() {
                    let bytes = Bytes::Shared { rank, offset: u64::from(at), size };
                    let kind = AccessKind::CopyRead;
                    self.observe_async(&issued.operation, kind, bytes, lane, context)?;
                }
            }
            self.enqueue_tensor_operation(issued, Box::new(multiplication), context)?;
        }
        Ok(())
    }

    /// What a lane issues, if it is well-formed.
    fn multiplication(
        &self,
        (group, lane): (usize, usize),
        multiply: &Multiply,
        instruction: Instruction,
        ranks: Vec<usize>,
        context: &Context<'_>,
    ) -> Outcome<Multiplication> {
        let form = multiply.form;
        let rows = instruction.m / ranks.len();
        let address = |address| tensor_address(self, group, address, lane);
        let d = address(&multiply.d);
        let shape = (form.pair, form.stationary, form.sparse);
        let Some(layout) = Layout::new(rows, shape, d.lane) else {
            let also = if rows == 64 && !form.stationary { " or 16" } else { "" };
            let problem = format!("the address of D has lane {}; expected 0{also}", d.lane);
            let (column, columns) = (d.column, instruction.n as u32);
            let region = TensorRegion { rank: context.rank, lanes: u128::MAX, column, columns };
            return Err(refuse(AccessKind::CopyWrite, &region, problem, 1 << lane));
        };
        let b_columns = instruction.n / ranks.len();
        let (b, major) = (multiply.b, instruction.b_major);
        let (factor, k) = (instruction.b, instruction.k);
        let descriptor = self.registers.get(b)[lane];
        let b = matrix(descriptor, (factor, major, k), ('B', b_columns), lane, context)?;
        let a = match &multiply.a {
            Multiplicand::Shared(slot) => {
                let what = (instruction.a, instruction.a_major, instruction.a_columns());
                let descriptor = self.registers.get(*slot)[lane];
                Home::Shared(matrix(descriptor, what, ('A', rows), lane, context)?)
            }
            Multiplicand::Tensor(a) => {
                let a = address(a);
                if a.lane != d.lane {
                    let what = format!(
                        "A at lane {} of tensor memory and D at lane {}: expected the same",
                        a.lane, d.lane
                    );
                    return Err(Raised::undefined(what, 1 << lane));
                }
                if multiply.shift && rows != LANES {
                    let what = format!("tcgen05.mma with .ashift and an M of {}", instruction.m);
                    return Err(Raised::undefined(what, 1 << lane));
                }
                Home::Tensor { column: a.column, shift: multiply.shift }
            }
        };
        let factors = [instruction.a_scales, instruction.b_scales];
        let scales = match (multiply.scales, factors) {
            (Some([of_a, of_b]), [Some(a), Some(b)]) => {
                Some([(a, address(&of_a).column), (b, address(&of_b).column)])
            }
            _ => None,
        };
        let chunk = match scales {
            Some(_) => form.block,
            None => Product::chunk(instruction.k),
        };
        let zeros = match multiply.zeros {
            None => Vec::new(),
            Some(slot) => {
                let mask = self.registers.get(slot)[lane];
                zero_columns(mask, instruction.n, layout.parts()).map_err(|problem| {
                    let descriptor = mask;
                    Raised::new(
                        FaultKind::Descriptor { operand: 'B', descriptor, problem },
                        1 << lane,
                    )
                })?
            }
        };
        let accumulate = self.registers.holds(multiply.accumulate) >> lane & 1 != 0;
        let disabled = multiply.disabled.iter().map(|&slot| self.registers.get(slot)[lane]);
        let disabled: Vec<u32> = disabled.collect();
        let written = |rank: usize| {
            let words = disabled.chunks(4).nth(if ranks.len() > 1 { rank & 1 } else { 0 });
            let disabled = words.into_iter().flatten().rev();
            !disabled.fold(0, |lanes, &word| lanes << 32 | u128::from(word)) & layout.lanes()
        };
        Ok(Multiplication {
            product: Product {
                k: instruction.k,
                chunk,
                sum: instruction.sum,
                saturate: instruction.saturate,
            },
            layout,
            d: d.column,
            a,
            b,
            scales,
            scale: accumulate.then(|| (-(multiply.scale as f32)).exp2()),
            blocks: ranks.iter().map(|&rank| (rank, written(rank))).collect(),
            zeros,
            instruction,
        })
    }
}

/// The matrix that a descriptor names, all of which lies in a block's shared memory.
fn matrix(
    bits: u64,
    (factor, major, k): (Factor, Major, usize),
    (operand, outer): (char, usize),
    lane: usize,
    context: &Context<'_>,
) -> Outcome<SharedMatrix> {
    let refuse = |problem: String| {
        let kind = FaultKind::Descriptor { operand, descriptor: bits, problem };
        Err(Raised::new(kind, 1 << lane))
    };
    let descriptor = match Descriptor::decode_tcgen05(bits) {
        Ok(descriptor) => descriptor,
        Err(error) => return refuse(error.to_string()),
    };
    let words = factor == Factor::Tf32 && major == Major::Mn;
    if descriptor.swizzle == Swizzle::Bytes128Atoms32 && !words {
        return refuse(DescriptorError::Atoms32.to_string());
    }
    let units = Units { descriptor, major, each: factor.each(), k };
    match lies_in_shared(units, outer, context.run.shared_size) {
        Ok(()) => Ok(SharedMatrix { units, factor }),
        Err(problem) => refuse(problem),
    }
}

/// *Zero-column mask descriptor*: which columns of B count as zeros. Each part of the columns has
/// a mask of its own, in which runs of columns that are used and runs of zeros take turns.
fn zero_columns(mask: u64, n: usize, parts: usize) -> Result<Vec<bool>, String> {
    let field = |first: u32, count: u32| (mask >> first & ((1 << count) - 1)) as usize;
    if field(36, 3) != 0 || field(62, 2) != 0 {
        return Err("reserved bits of the zero-column mask are set".into());
    }
    if field(56, 6) != 0 {
        return Err(format!(
            "the zero-column mask shifts columns by {}; expected 0, as the simulator executes no \
             shift",
            field(56, 6)
        ));
    }
    if field(39, 1) == 0 {
        return Ok(vec![false; n]);
    }
    let spans = [field(48, 8) + 1, field(40, 8) + 1];
    let mut zeros = Vec::with_capacity(n);
    for part in 0..parts {
        let mut is_zero = field(32 + part as u32, 1) == 1;
        let mut left = spans[usize::from(is_zero)].saturating_sub(field(8 * part as u32, 8));
        for _ in 0..n / parts {
            if left == 0 {
                is_zero = !is_zero;
                left = spans[usize::from(is_zero)];
            }
            zeros.push(is_zero);
            left -= 1;
        }
    }
    Ok(zeros)
}

impl Multiplication {
    /// Columns of tensor memory that A takes there.
    pub(super) fn a_columns(&self) -> usize {
        self.instruction.a_columns() / self.instruction.a.each() * 4
    }

    /// Columns of tensor memory that D takes.
    pub(super) fn d_columns(&self) -> usize {
        self.instruction.n / self.layout.parts()
    }

    /// Rows of A and D that a block has.
    pub(super) fn rows(&self) -> usize {
        self.instruction.m / self.blocks.len()
    }

    /// What is read and written in tensor memory.
    fn regions(&self) -> Vec<(TensorRegion, AccessKind)> {
        let mut all = Vec::new();
        for &(rank, written) in &self.blocks {
            let region = |lanes, column, columns: usize| TensorRegion {
                rank,
                lanes,
                column,
                columns: columns as u32,
            };
            if let Home::Tensor { column, .. } = self.a {
                let a = region(self.layout.lanes(), column, self.a_columns());
                all.push((a, AccessKind::CopyRead));
            }
            all.extend(self.scale_regions(rank).map(|scales| (scales, AccessKind::CopyRead)));
            let d = region(written, self.d, self.d_columns());
            if self.scale.is_some() {
                all.push((d, AccessKind::CopyRead));
            }
            all.push((d, AccessKind::CopyWrite));
        }
        all
    }

    /// Where the scales lie in the tensor memory of a block.
    pub(super) fn scale_regions(&self, rank: usize) -> impl Iterator<Item = TensorRegion> {
        let columns =
            self.scales.into_iter().flatten().enumerate().flat_map(|(i, (factors, first))| {
                let rows = if i == 0 { self.rows() } else { self.instruction.n };
                let columns = (0..factors.reach(rows)).map(move |column| (rows, first, column));
                columns.collect::<Vec<_>>()
            });
        columns.map(move |(rows, first, column)| {
            let per_word = rows.div_ceil(QUARTER);
            let rows = (rows - column % per_word * QUARTER).min(QUARTER) as u32;
            let quarter = lane_mask(0, rows);
            let lanes = quarter | quarter << 32 | quarter << 64 | quarter << 96;
            TensorRegion { rank, lanes, column: first + column as u32, columns: 1 }
        })
    }

    /// What is read in shared memory: the rank of the block, the address and how many bytes.
    fn shared_units(&self) -> impl Iterator<Item = (usize, u32, u32)> {
        let (rows, columns) = (self.rows(), self.instruction.n / self.blocks.len());
        self.blocks.iter().flat_map(move |&(rank, _)| {
            let units = move |matrix: SharedMatrix, outer| {
                let size = matrix.factor.unit_bytes();
                matrix.units.of(0..outer).map(move |(_, _, at)| (rank, at, size))
            };
            let a = match self.a {
                Home::Shared(a) => Some(units(a, rows)),
                Home::Tensor { .. } => None,
            };
            a.into_iter().flatten().chain(units(self.b, columns))
        })
    }

    /// The ranks of its blocks in the order of their columns of B: those of a pair's even block come
    /// first, whichever of them has issued the product.
    pub(super) fn ranks(&self) -> Vec<usize> {
        let mut ranks: Vec<usize> = self.blocks.iter().map(|(rank, _)| *rank).collect();
        ranks.sort_unstable();
        ranks
    }

    /// B of all blocks, one after the other.
    fn read_b(&self, operands: &mut Operands, context: &Context<'_>) {
        for rank in self.ranks() {
            let shared = &context.blocks[rank].shared;
            let columns = self.instruction.n / self.blocks.len();
            let read = |at| unit(shared, at);
            self.b.columns(columns, self.product.chunk, read, &mut operands.b);
        }
        let (k, chunk) = (self.product.k, self.product.chunk);
        for (column, _) in self.zeros.iter().enumerate().filter(|(_, zero)| **zero) {
            let panel = &mut operands.b[column / PANEL * PANEL * k..][..PANEL * k];
            for columns in panel.chunks_exact_mut(PANEL * chunk) {
                columns[column % PANEL * chunk..][..chunk].fill(0.0);
            }
        }
    }

    /// The rows of A that a block has.
    fn read_a(&self, rank: usize, operands: &mut Operands, context: &Context<'_>) {
        let block = &context.blocks[rank];
        let memory = &block.tensor.memory;
        match self.a {
            Home::Shared(a) => a.rows(self.rows(), |at| unit(&block.shared, at), &mut operands.a),
            Home::Tensor { column, shift } => {
                operands.a_by_lanes = true;
                let (factor, k) = (self.instruction.a, self.instruction.a_columns());
                let columns = (0..self.a_columns()).map(|i| memory.column(column + i as u32));
                let columns: Vec<&Column> = columns.collect();
                let down = |column: &Column| {
                    std::array::from_fn(|lane: usize| column[lane.saturating_sub(1)])
                };
                match shift {
                    false => lane_panels(factor, k, |i| columns[i], &mut operands.a),
                    true => {
                        let columns: Vec<Column> = columns.into_iter().map(down).collect();
                        lane_panels(factor, k, |i| &columns[i], &mut operands.a);
                    }
                }
            }
        }
        if self.instruction.negate {
            operands.a.iter_mut().for_each(|value| *value = -*value);
        }
    }

    /// The scales of a block's rows of A, and of all columns of B.
    fn read_scales(&self, rank: usize, operands: &mut Operands, context: &Context<'_>) {
        let Some([(a, a_column), (b, b_column)]) = self.scales else { return };
        let memory = &context.blocks[rank].tensor.memory;
        let rows = self.rows();
        let column = |first: u32| move |i: usize| memory.column(first + i as u32);
        operands.a_scales = a.widen(rows, 0..rows, 0, column(a_column));
        let n = self.instruction.n;
        operands.b_scales.clear();
        // Lanes have beside them the scales of the columns that they compute.
        let part = n / self.layout.parts();
        for i in 0..self.layout.parts() {
            let (columns, lane) = (i * part..(i + 1) * part, i * LANES / self.layout.parts());
            operands.b_scales.extend(b.widen(n, columns, lane, column(b_column)));
        }
    }
}

impl Landing for Multiplication {
    fn land(&self, context: &mut Context<'_>) -> Outcome<()> {
        let mut operands = Operands::default();
        self.read_b(&mut operands, context);
        for &(rank, lanes) in &self.blocks {
            self.read_a(rank, &mut operands, context);
            self.read_scales(rank, &mut operands, context);
            let memory = &mut context.blocks[rank].tensor.memory;
            let d = memory.columns_mut(self.d, self.d_columns() as u32);
            let accumulation = Accumulation { scale: self.scale, lanes };
            self.product.add(d, self.layout, accumulation, &operands);
        }
        Ok(())
    }
}
