//! `tcgen05`: tensor memory.

use tilewright_codegen::ptx::Opcode;

use super::code::{Action, Address, Convergence};
use super::operands::{Lowered, Operands};
use super::tcgen05_mma::{self, Multiply};
use crate::exec::registers::Slot;
use crate::exec::tcgen05::copy::{CopyShape, Decompression, Spread, TensorCopy};
use crate::exec::tcgen05::shape::{Reduction, Shape};

/// What a `tcgen05` instruction does.
#[derive(Debug)]
pub(crate) enum Tcgen05 {
    Allocate {
        pair: bool,
        destination: Address,
        columns: Slot<u32>,
    },
    Deallocate {
        pair: bool,
        address: Slot<u32>,
        columns: Slot<u32>,
    },
    Relinquish,
    Load(TensorLoad),
    Store(TensorStore),
    /// `tcgen05.wait`: for loads, or for stores.
    Wait {
        stores: bool,
    },
    /// `tcgen05.fence`: before a synchronization of threads, or after it.
    Fence {
        before: bool,
    },
    Copy(TensorCopy),
    Shift {
        pair: bool,
        address: Address,
    },
    Commit(Commit),
    Multiply(Box<Multiply>),
}

/// `tcgen05.ld`.
#[derive(Debug)]
pub(crate) struct TensorLoad {
    pub(crate) address: Address,
    pub(crate) shape: Shape,
    pub(crate) destinations: Box<[Slot<u32>]>,
    /// What is computed over the registers of a thread, and where it goes.
    pub(crate) reduction: Option<(Reduction, Slot<u32>)>,
}

/// `tcgen05.st`.
#[derive(Debug)]
pub(crate) struct TensorStore {
    pub(crate) address: Address,
    pub(crate) shape: Shape,
    pub(crate) sources: Box<[Slot<u32>]>,
}

/// `tcgen05.commit`.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) barrier: Address,
    /// Blocks of the cluster to arrive at, by rank.
    pub(crate) multicast: Option<Slot<u32>>,
}

/// Lowers `tcgen05`.
pub(super) fn lower(o: &mut Operands<'_>) -> Lowered<(Action, Convergence)> {
    use Opcode::*;
    let pair = o.name.has("cta_group::2");
    let (action, convergence) = match o.instruction.opcode() {
        Tcgen05Alloc => {
            let (destination, columns) = (o.address(0)?, o.source(1)?);
            (Tcgen05::Allocate { pair, destination, columns }, Convergence::Whole)
        }
        Tcgen05Dealloc => {
            let (address, columns) = (o.source(0)?, o.source(1)?);
            (Tcgen05::Deallocate { pair, address, columns }, Convergence::Whole)
        }
        Tcgen05Relinquish => (Tcgen05::Relinquish, Convergence::Whole),
        Tcgen05Ld => (Tcgen05::Load(load(o)?), Convergence::Whole),
        Tcgen05St => (Tcgen05::Store(store(o)?), Convergence::Whole),
        Tcgen05Wait => (Tcgen05::Wait { stores: o.name.has("wait::st") }, Convergence::Whole),
        Tcgen05Fence => {
            (Tcgen05::Fence { before: o.name.has("fence::before_thread_sync") }, Convergence::Free)
        }
        Tcgen05Cp => (Tcgen05::Copy(copy(o, pair)?), Convergence::Free),
        Tcgen05Shift => (Tcgen05::Shift { pair, address: o.address(0)? }, Convergence::Free),
        Tcgen05Commit => {
            let barrier = o.address(0)?;
            let is_multicast = o.name.has("multicast::cluster");
            let multicast = if is_multicast { Some(o.source(1)?) } else { None };
            (Tcgen05::Commit(Commit { barrier, multicast }), Convergence::Free)
        }
        Tcgen05Mma => (Tcgen05::Multiply(Box::new(tcgen05_mma::lower(o)?)), Convergence::Free),
        _ => return Err(o.unsupported("")),
    };
    Ok((Action::Tcgen05(Box::new(action)), convergence))
}

/// The shape of a load or store whose address is operand `address`. What follows an address is the
/// distance of the halves.
fn shape(o: &Operands<'_>, address: usize) -> Lowered<Shape> {
    let packed = o.name.has("pack::16b") || o.name.has("unpack::16b");
    let words = ["32x32b", "16x64b", "16x128b", "16x256b", "16x32bx2"];
    let shape = match o.name.first_of(&words) {
        Some("32x32b") => Shape::lanes32(),
        Some("16x64b") => Shape::lanes16(2),
        Some("16x128b") => Shape::lanes16(4),
        Some("16x256b") => Shape::lanes16(8),
        Some(_) => Shape::halves(o.immediate(address + 1)? as u32),
        None => return Err(o.unsupported("its shape is missing")),
    };
    Ok(if packed { shape.packed() } else { shape })
}

fn load(o: &mut Operands<'_>) -> Lowered<TensorLoad> {
    let reduces = o.name.has("red");
    let address_at = 1 + usize::from(reduces);
    let destinations =
        o.elements(0)?.iter().map(|e| o.destination_of(e)).collect::<Lowered<Box<_>>>()?;
    let reduction = match reduces {
        true => Some((reduction(o)?, o.destination(1)?)),
        false => None,
    };
    let (shape, address) = (shape(o, address_at)?, o.address(address_at)?);
    Ok(TensorLoad { address, shape, destinations, reduction })
}

fn reduction(o: &Operands<'_>) -> Lowered<Reduction> {
    let maximum = o.name.has("max");
    let (magnitude, nan) = (o.name.has("abs"), o.name.has("NaN"));
    Ok(match o.name.first_of(&["f32", "u32", "s32"]) {
        Some("f32") => Reduction::Float { maximum, magnitude, nan },
        Some("u32") => Reduction::Unsigned { maximum },
        Some(_) => Reduction::Signed { maximum },
        None => return Err(o.unsupported("its type is missing")),
    })
}

fn store(o: &mut Operands<'_>) -> Lowered<TensorStore> {
    let (shape, address) = (shape(o, 0)?, o.address(0)?);
    let sources = o.elements(o.len() - 1)?;
    let sources = sources.iter().map(|e| o.source_of(e)).collect::<Lowered<Box<_>>>()?;
    Ok(TensorStore { address, shape, sources })
}

fn copy(o: &mut Operands<'_>, pair: bool) -> Lowered<TensorCopy> {
    let words = ["128x256b", "4x256b", "128x128b", "64x128b", "32x128b"];
    let (rows, units, spread) = match o.name.first_of(&words) {
        Some("128x256b") => (128, 2, Spread::Once),
        Some("4x256b") => (4, 2, Spread::Quarters),
        Some("128x128b") => (128, 1, Spread::Once),
        Some("64x128b") if o.name.has("warpx2::02_13") => (64, 1, Spread::Halves),
        Some("64x128b") => (64, 1, Spread::Neighbours),
        Some(_) => (32, 1, Spread::All),
        None => return Err(o.unsupported("its shape is missing")),
    };
    let decompression = match o.name.first_of(&["b6x16_p32", "b4x16_p64"]) {
        None => Decompression::None,
        Some("b6x16_p32") => Decompression::Bits6,
        Some(_) => Decompression::Bits4,
    };
    let (address, descriptor) = (o.address(0)?, o.source(1)?);
    let shape = CopyShape { rows, units, spread };
    Ok(TensorCopy { pair, address, descriptor, shape, decompression })
}
