//! The GPUs as data: compilation targets, limits and rates. Nothing else in the workspace
//! hard-codes a limit of a device.

mod limits;
mod occupancy;
mod rates;
mod table;
mod target;

pub use limits::Limits;
pub use occupancy::{Occupancy, OccupancyLimit, occupancy, register_share};
pub use rates::Rates;
pub use table::{Gpu, UnknownGpuError};
pub use target::{ParseTargetError, Suffix, Target, TargetSet};
