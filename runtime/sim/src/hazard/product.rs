//! Products of factors that nothing wrote: what comes of a row of A or a column of B of which some
//! element is undefined is undefined, and so are sums that are added to undefined ones.

use std::ops::Range;

use crate::exec::registers::{ALL, AnySlot, LANES, lanes};
use crate::machine::{Context, Warp};
use crate::memory::SharedMemory;
use crate::numeric::matrix::wgmma::{Product, WARP_ROWS};
use crate::numeric::matrix::wmma::Sum;
use crate::numeric::matrix::{Major, UNIT, Units};
use crate::program::code::{Multiplicand, Wgmma};

/// The rows of A or columns of B with elements of which nothing wrote a byte, and where that unit is;
/// of a unit that many bytes are read.
pub(crate) fn unwritten_vectors(
    units: Units,
    outer: Range<usize>,
    unit_bytes: u32,
    shared: &SharedMemory,
) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    for (first, _, at) in units.of(outer) {
        let unwritten = shared.unwritten(u64::from(at), unit_bytes);
        match units.major {
            _ if unwritten == 0 => {}
            Major::K => found.push((first, at)),
            Major::Mn => {
                let is_unwritten = |element: &usize| {
                    let [begin, end] = [*element, element + 1].map(|i| i * unit_bytes as usize);
                    let bytes = begin / units.each..end.div_ceil(units.each);
                    bytes.fold(0, |mask, byte| mask | 1 << byte) & unwritten != 0
                };
                found.extend((0..units.each).filter(is_unwritten).map(|i| (first + i, at)));
            }
        }
    }
    found
}

/// The rows of A and the columns of B that a warp's part of a product finds undefined in shared
/// memory, and where.
#[derive(Debug, Default)]
pub(crate) struct UndefinedFactors {
    /// By the number of the row in the warp's part.
    pub(crate) rows: Vec<(usize, u32)>,
    pub(crate) columns: Vec<(usize, u32)>,
}

impl Warp {
    /// Notes which sums of a product are undefined that is about to be issued.
    pub(crate) fn define_sums(
        &mut self,
        wgmma: &Wgmma,
        accumulate: bool,
        factors: &UndefinedFactors,
        context: &Context<'_>,
    ) {
        let detail = context.detail();
        let defined = |&number: &u32| self.written[number as usize] == ALL;
        if factors.rows.is_empty()
            && factors.columns.is_empty()
            && detail.reads.iter().all(defined)
            && (!accumulate || detail.writes.iter().all(defined))
        {
            for &number in &detail.writes {
                self.written[number as usize] = ALL;
            }
            return;
        }
        let mut origin = factors.rows.iter().chain(&factors.columns).next().map(|&(_, at)| {
            self.read_of_factor((context.rank, at.into()), UNIT as u32, ALL, context)
        });
        let mut rows = [false; WARP_ROWS];
        let mut columns = vec![false; wgmma.n];
        factors.rows.iter().for_each(|&(row, _)| rows[row] = true);
        factors.columns.iter().for_each(|&(column, _)| columns[column] = true);
        if let Multiplicand::Registers(fragment) = &wgmma.a {
            for (r, &slot) in fragment.iter().enumerate() {
                let Some(number) = self.number_read(AnySlot::Word(slot), context) else { continue };
                for lane in lanes(!self.written[number as usize]) {
                    rows[lane / 4 + 8 * (r % 2)] = true;
                    origin = origin.or(Some(self.origin_of(number, 1 << lane, context)));
                }
            }
        }
        // Registers of a panel for eight rows, and elements of each.
        let pair = Product::registers(wgmma.product.sum) / 2;
        let (each, ones) = match wgmma.product.sum {
            Sum::F16 => (2, 0xffff_u64),
            Sum::F32 | Sum::S32 => (1, 0xffff_ffff),
        };
        for (r, &slot) in wgmma.d.iter().enumerate() {
            let Some(number) = self.number_written(AnySlot::Word(slot), context) else { continue };
            let before = if accumulate { self.bits(number) } else { [0; LANES] };
            let bits = std::array::from_fn(|lane| {
                let row = lane / 4 + 8 * (r / pair % 2);
                let is_undefined = |j: &usize| {
                    let column = 8 * (r / (2 * pair)) + lane % 4 * 2 + r % pair + j;
                    rows[row] || columns[column] || before[lane] >> (16 * j) & ones != 0
                };
                let undefined = (0..each).filter(is_undefined);
                undefined.fold(0, |bits, j| bits | ones << (16 * j))
            });
            let undefined = !self.written[number as usize];
            let before = accumulate.then(|| self.origin_of(number, undefined, context));
            if let Some(origin) = origin.or(before) {
                self.define(number, ALL, &bits, origin);
            } else {
                self.written[number as usize] = ALL;
            }
        }
    }
}
