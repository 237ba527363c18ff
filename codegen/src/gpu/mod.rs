//! The GPUs as data: compilation targets, limits and rates. Nothing else in the workspace
//! hard-codes a limit of a device.

mod target;

pub use target::{ParseTargetError, Suffix, Target, TargetSet};
