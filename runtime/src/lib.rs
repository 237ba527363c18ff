//! What an application depends on: launches and the files that describe them, devices, the
//! reference in double precision, and NVIDIA's assembler where it is present.

pub mod compare;
pub mod device;
mod dtype;
pub mod files;
pub mod kernel;
pub mod launch_file;
pub mod npy;
pub mod ptxas;
pub mod reference;
pub mod sass;
pub mod tensor_map;

pub use dtype::{DType, Value};
#[doc(no_inline)]
pub use half;
pub use tilewright_codegen::{attention, gpu, ptx};
pub use tilewright_macros::kernel;
pub use tilewright_sim as sim;
