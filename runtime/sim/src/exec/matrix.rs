//! `ldmatrix` and `stmatrix`.

use super::access::{check_alignment, locate};
use super::load_store::bytes;
use super::registers::{ALL, AnySlot, lanes};
use crate::fault::AccessKind;
use crate::hazard::{Event, Unwritten};
use crate::machine::{Context, Outcome, Warp};
use crate::numeric::matrix::{self, ByteRow, Packing, Row};
use crate::program::code::{LoadMatrix, MatrixElements, Order, Scope, StoreMatrix};

/// Bytes of a row, with its padding.
const ROW: u32 = 16;

impl Warp {
    /// Executes `ldmatrix`: lanes one after another give the addresses of the rows of one matrix
    /// after another.
    pub(crate) fn load_matrix(
        &mut self,
        group: usize,
        load: &LoadMatrix,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        // A register for each eight rows.
        let rows = 8 * load.destinations.len();
        let addresses = self.addresses(group, &load.address);
        let space = load.address.space;
        let used = active & (ALL >> (32 - rows));
        let size = match load.elements {
            MatrixElements::Halves => ROW,
            MatrixElements::Bytes(packing) => packing.bytes(),
        };
        check_alignment(context, AccessKind::Read, space, &addresses, (ROW, used))?;
        context.count_access(AccessKind::Read, space, &addresses, (ROW, used));
        if context.hazards() {
            let event = Event::new(AccessKind::Read, Order::Weak, Scope::Block, size);
            self.observe(event, space, &addresses, used, context)?;
        }
        let mut rows = [[0; ROW as usize]; 32];
        let mut unwritten = Unwritten::new();
        for lane in lanes(used) {
            let (space, address) = locate(space, addresses[lane]);
            let words = self.read(lane, space, address, ROW, context)?;
            rows[lane].copy_from_slice(&bytes(&words)[..ROW as usize]);
            if context.hazards() {
                self.note_unwritten(&mut unwritten, lane, (space, address, size), context);
            }
        }
        let loaded = registers(&rows, load.elements, load.transposed);
        for (slot, register) in load.destinations.iter().zip(&loaded) {
            self.registers.set(*slot, register, active);
        }
        if let Some(origin) = unwritten.origin() {
            // What is undefined goes where its bytes go.
            let undefined = unwritten.bytes.map(|bytes| {
                std::array::from_fn(|i| if bytes >> i & 1 != 0 { u8::MAX } else { 0 })
            });
            let undefined = registers(&undefined, load.elements, load.transposed);
            for (slot, bits) in load.destinations.iter().zip(&undefined) {
                let bits = bits.map(u64::from);
                let slot = AnySlot::Word(*slot);
                self.leave_bits_undefined(slot, (active, &bits), origin, context);
            }
        }
        Ok(())
    }

    /// Executes `stmatrix`: lanes 8i to 8i + 7 give the addresses of the rows of matrix i.
    pub(crate) fn store_matrix(
        &mut self,
        group: usize,
        store: &StoreMatrix,
        active: u32,
        context: &mut Context<'_>,
    ) -> Outcome<()> {
        let addresses = self.addresses(group, &store.address);
        let space = store.address.space;
        let used = active & (ALL >> (32 - 8 * store.sources.len()));
        check_alignment(context, AccessKind::Write, space, &addresses, (ROW, used))?;
        context.count_access(AccessKind::Write, space, &addresses, (ROW, used));
        let origin = match context.hazards() {
            true => self.origin_of_reads(active, context),
            false => None,
        };
        for (i, &slot) in store.sources.iter().enumerate() {
            let rows = rows_of(self.registers.get(slot), store);
            let undefined = origin.map(|origin| {
                let bits = self.undefined_bits(AnySlot::Word(slot), context);
                (rows_of(&bits.map(|bits| bits as u32), store), origin)
            });
            for (lane, row) in (8 * i..).zip(&rows) {
                let mut words = [0; 8];
                for (word, bytes) in words.iter_mut().zip(row.as_chunks::<4>().0) {
                    *word = u32::from_le_bytes(*bytes);
                }
                if context.hazards() {
                    let event = Event::new(AccessKind::Write, Order::Weak, Scope::Block, ROW);
                    self.observe(event.writing(&words), space, &addresses, 1 << lane, context)?;
                }
                let (space, address) = locate(space, addresses[lane]);
                self.write(lane, space, address, (ROW, &words), context)?;
                if let Some((rows, origin)) = &undefined {
                    let bytes = rows[lane - 8 * i].iter().enumerate();
                    let bytes = bytes.fold(0, |mask, (i, &bits)| mask | u32::from(bits != 0) << i);
                    self.leave_unwritten(lane, (space, address), (bytes, *origin), context)?;
                }
            }
        }
        Ok(())
    }
}

/// The rows of a matrix that a register holds.
fn rows_of(register: &matrix::Register, store: &StoreMatrix) -> [ByteRow; 8] {
    match store.elements {
        MatrixElements::Halves => matrix::store(register, store.transposed).map(bytes_of_halves),
        MatrixElements::Bytes(_) => matrix::store_bytes_transposed(register),
    }
}

/// The registers that hold matrices of 32 rows in all.
fn registers(
    rows: &[ByteRow; 32],
    elements: MatrixElements,
    transposed: bool,
) -> [matrix::Register; 4] {
    let eight = |i: usize| -> [ByteRow; 8] { std::array::from_fn(|row| rows[8 * i + row]) };
    match elements {
        MatrixElements::Halves => std::array::from_fn(|i| {
            let rows: [Row; 8] = eight(i).map(halves_of_bytes);
            matrix::load(&rows, transposed)
        }),
        MatrixElements::Bytes(packing) if transposed => {
            let [a, b] = [0, 16].map(|first| {
                let unpacked = |row| packing.unpack(rows[first + row]);
                matrix::load_bytes_transposed(&std::array::from_fn(unpacked))
            });
            [a[0], a[1], b[0], b[1]]
        }
        MatrixElements::Bytes(packing) => std::array::from_fn(|i| {
            matrix::load_bytes(&eight(i).map(|row| Packing::unpack(packing, row)))
        }),
    }
}

fn halves_of_bytes(row: ByteRow) -> Row {
    std::array::from_fn(|i| u16::from_le_bytes([row[2 * i], row[2 * i + 1]]))
}

fn bytes_of_halves(row: Row) -> ByteRow {
    std::array::from_fn(|i| row[i / 2].to_le_bytes()[i % 2])
}
