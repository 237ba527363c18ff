//! The instruction set as data.
//!
//! The `.isa` files beside this module hold one row an instruction form: its name and modifiers,
//! its operands, the first PTX version and the targets that have it. The parser, the printer, the
//! checker, the embedded language and the simulator all read the same rows; [`Opcode`] names what
//! a row does.
//!
//! # Notation
//!
//! ```text
//! # comment
//! add.{T: u32 s32 u64 s64}                 =T, T, T            | 1.0 sm_50
//! ld.{S: global shared}.{V: v2 v4}?.{T: b32 f32}  =~T*V, [S]   | 1.0 sm_50
//! ```
//!
//! Modifiers: `.word` must stand there, `.word?` may; `.{a b c}` is one of several, `.{a b c}?` one
//! or none; `.{T: a b c}` also gives the choice a name. A choice `m64n{8..256:8}k16` stands for
//! every number from 8 to 256 in steps of 8, and that number is the slot's. A word followed by `@7.8`
//! needs that PTX version, by `@7.8/sm_90` that target too. A line `let types = u32 s32` names a set
//! of words for the rows below it in the same file, which write `{T: $types}`.
//!
//! Modifiers in another order than the row's are taken too, and put in order; of slots that have a
//! word in common, the first gets the first.
//!
//! Operands:
//!
//! | notation | operand |
//! | --- | --- |
//! | `T`, `u32` | a register or an immediate of that type (of the bound choice, or named) |
//! | `%T`, `#T` | a register only, an immediate only |
//! | `=T` | a destination register; `=T_` may also be the sink `_` |
//! | `=_` | the sink, and nothing else |
//! | `=T\|pred`, `=T\|pred?` | a destination pair, the second part mandatory or not |
//! | `~T` | a register that may be wider than T, as `ld`, `st` and `cvt` allow |
//! | `!pred` | a predicate that may be negated |
//! | `T*V` | a vector of V elements where V is bound, else a scalar |
//! | `{4 T}`, `{N/2 T}`, `{X*2 T}` | a vector of that many registers |
//! | `#u32(4 8 16)`, `u32(0..15)` | an immediate must have one of these values |
//! | `S&T` | present where slot S is filled, and only there |
//! | `[S]`, `[shared]`, `[]` | an address in that space; `[]` is generic |
//! | `[taddr]` | an address in tensor memory |
//! | `special T` | a special register read as that type |
//! | `[tensor D]` | a tensor map and D coordinates |
//! | `label`, `function`, `targets`, `prototype`, `arguments`, `symbol` | names and lists of a branch or a call |
//!
//! A trailing `?` makes an operand optional. `V`'s number is what its word says: 4 for `v4`, `x4`
//! and `4d`.

mod form;
mod mnemonic;
mod notation;
mod opcode;
mod table;

pub use form::{Choice, Count, Form, Kind, OperandSpec, Slot, SpaceRef, TypeRef, ValueRange};
pub use mnemonic::{Binding, Mnemonic, MnemonicError};
pub use opcode::Opcode;
pub use table::{Table, table};
