//! What an application depends on to build, run and judge kernels: devices, launches and the files
//! that describe them, the reference implementation in double precision, and NVIDIA's assembler
//! where it is present.
//!
//! It depends on the crates that emit and simulate PTX, and re-exports them; it knows nothing of
//! tuning.
//!
//! One kernel, run on the simulator; [`device::Cuda`] in the place of [`device::Simulator`] runs it
//! on a GPU:
//!
//! ```
//! use tilewright::DType;
//! use tilewright::device::{Argument, Contents, Device, Geometry, Module, Simulator};
//!
//! let module = Module::parse(
//!     ".version 7.0
//!      .target sm_80
//!      .visible .entry double(.param .u64 x) {
//!        .reg .u32 i; .reg .u64 at, offset; .reg .f32 value;
//!        ld.param.u64 at, [x];
//!        mov.u32 i, %tid.x;
//!        mul.wide.u32 offset, i, 4;
//!        add.u64 at, at, offset;
//!        ld.global.f32 value, [at];
//!        add.f32 value, value, value;
//!        st.global.f32 [at], value;
//!        ret;
//!      }",
//! )?;
//! let mut device = Simulator::default();
//! let contents = Contents::Bytes(DType::F32.to_bytes((0..32).map(f64::from)));
//! let x = device.allocate("x", &contents)?;
//! let kernel = device.load(&module, Some("double"))?;
//! let geometry =
//!     Geometry { grid: [1, 1, 1], block: [32, 1, 1], cluster: [1, 1, 1], dynamic_shared: 0 };
//! device.launch(kernel, &geometry, &[x], &[Argument::Pointer { buffer: 0, offset: 0 }])?;
//! assert_eq!(DType::F32.to_f64(&device.read(x)?)[..4], [0.0, 2.0, 4.0, 6.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod case;
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
pub use tilewright_codegen::{attention, dsl, gpu, ptx, tile};
pub use tilewright_macros::{attention, kernel};
pub use tilewright_sim as sim;
