//! The PTX language: one typed tree; a parser and a printer that are inverse; a checker whose
//! [`Checked`] value the printer and the simulator require.
//!
//! ```text
//! text ──parse──▶ Module ──check──▶ Checked ──print──▶ text
//! ```
//!
//! All four are driven by the table of instruction forms in [`isa`].

pub mod check;
pub mod isa;
pub mod parse;
mod print;
mod special;
pub mod tree;
mod types;

pub use check::{CheckError, CheckErrors, Checked, check};
pub use isa::{Mnemonic, MnemonicError, Opcode};
pub use parse::{ParseError, parse};
pub use print::print;
pub use special::SpecialRegister;
pub use types::{ScalarType, Space, Span, TypeClass, Version};
