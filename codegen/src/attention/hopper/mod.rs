//! FlashAttention-3 style kernels for Hopper (sm_90a): a warpgroup that copies with TMA, and one to
//! three that multiply with `wgmma`.

mod config;
mod error;
mod registers;
mod shared;
mod text;

pub use config::{Config, Resources};
pub use error::ConfigError;
pub use text::ParseConfigError;
