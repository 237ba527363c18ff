//! What instructions do that reach beyond the registers of their lane.

mod access;
mod atomic;
mod banks;
pub(crate) mod bulk;
pub(crate) mod copy;
pub(crate) mod launch_control;
mod load_store;
mod matrix;
pub(crate) mod mbarrier;
pub(crate) mod peer;
pub(crate) mod registers;
pub(crate) mod special;
pub(crate) mod tcgen05;
mod tensor;
pub(crate) mod transfer;
pub(crate) mod wgmma;
mod wmma;

pub(crate) use access::locate;
pub(crate) use load_store::bytes;
