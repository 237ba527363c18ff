use std::fmt;

use serde::{Deserialize, Serialize};

use super::text;
use crate::attention::{Config, DataType, Mask, MaskKind, Pass, Problem};

/// Where a time comes from. Rows of different origins are never ranked against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Timed on the GPU itself.
    Measured,
    /// Computed by a model of the GPU.
    Modelled,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was executed, and every output was right.
    Ok,
    /// It was executed, and an output was not.
    Wrong,
    /// It could not be assembled or executed, or the simulator found a fault in it.
    Failed,
}

/// A GPU, a problem on it, where the time is from, and a tile configuration: a table has at most
/// one row for each. The order of its fields is the order of the rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    gpu: String,
    pass: Pass,
    dtype: DataType,
    head_dims: [u32; 2],
    mask: (MaskKind, [u32; 2]),
    lengths: [u32; 2],
    heads: [u32; 2],
    batch: u32,
    origin: Origin,
    config: String,
}

/// One row of a tuning table; its fields, in their order, are the table's columns.
///
/// The documentation of each field is the definition of the column. `results/README.md` repeats it
/// for those who read the files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The GPU, by its name in [`crate::gpu`].
    pub gpu: String,
    /// The PTX target that the kernel was emitted for.
    pub target: String,
    /// What the kernel computes.
    #[serde(with = "text")]
    pub pass: Pass,
    /// The type of Q, K and V; that of the output is [`DataType::output`].
    #[serde(with = "text")]
    pub dtype: DataType,
    /// Elements of a row of Q and K.
    pub head_dim: u32,
    /// Elements of a row of V and of the output.
    pub head_dim_v: u32,
    /// Which scores count: `full`, `causal` or `window:LEFT,RIGHT`.
    #[serde(with = "text")]
    pub mask: Mask,
    /// Heads of Q.
    pub heads: u32,
    /// Heads of K and V.
    pub kv_heads: u32,
    /// Sequences.
    pub batch: u32,
    /// Rows of Q in a sequence.
    pub seqlen_q: u32,
    /// Rows of K and V in a sequence.
    pub seqlen_kv: u32,
    /// The tile configuration, as `--config` takes it.
    pub config: String,
    /// `ok`, `wrong` or `failed`; only `ok` rows are ranked.
    pub status: Status,
    /// Why the status is not `ok`, in one line.
    pub reason: String,
    /// Whether `time_us` and `tflops` were `measured` or `modelled`.
    pub origin: Origin,
    /// What gave the time: the model's version, or the device, its driver and its clock.
    pub source: String,
    /// 32-bit registers a thread, from ptxas; empty where it was not present.
    pub registers: Option<u32>,
    /// Bytes of shared memory a block.
    pub shared_bytes: u32,
    /// Bytes that spills move, stores and loads together, from ptxas.
    pub spill_bytes: Option<u32>,
    /// Blocks that a multiprocessor holds at a time.
    pub occupancy_blocks: u32,
    /// SASS instructions of the steady loop a score and thread, from nvdisasm.
    pub sass_per_score: Option<f64>,
    /// Microseconds that the kernel takes.
    pub time_us: Option<f64>,
    /// 10¹² floating-point operations a second: 2·(head_dim + head_dim_v) operations for each
    /// score that the mask leaves.
    pub tflops: Option<f64>,
    /// The largest |found − expected| of the output, against the reference in f64.
    pub max_error: Option<f64>,
    /// How many sets of random inputs it was executed with.
    pub seeds: u32,
    /// The release of ptxas; empty where it was not present.
    pub ptxas: String,
    /// The first 16 hexadecimal digits of the BLAKE3 hash of the PTX text.
    pub ptx_hash: String,
    /// The version of the tuner.
    pub tool: String,
}

impl Row {
    /// What tells the row from the others of a table, in the order in which rows stand there.
    pub fn key(&self) -> Key {
        let sizes = match self.mask {
            Mask::Window { left, right } => [left, right],
            Mask::Full | Mask::Causal => [0, 0],
        };
        Key {
            gpu: self.gpu.clone(),
            pass: self.pass,
            dtype: self.dtype,
            head_dims: [self.head_dim, self.head_dim_v],
            mask: (self.mask.kind(), sizes),
            lengths: [self.seqlen_q, self.seqlen_kv],
            heads: [self.heads, self.kv_heads],
            batch: self.batch,
            origin: self.origin,
            config: self.config.clone(),
        }
    }

    /// The problem that the row is about.
    pub fn problem(&self) -> Problem {
        Problem {
            dtype: self.dtype,
            head_dim: self.head_dim,
            head_dim_v: self.head_dim_v,
            batch: self.batch,
            heads: self.heads,
            kv_heads: self.kv_heads,
            seqlen_q: self.seqlen_q,
            seqlen_kv: self.seqlen_kv,
            mask: self.mask,
        }
    }

    /// What is wrong with the row, though each of its fields could be read.
    pub(super) fn contradiction(&self) -> Option<String> {
        if let Err(error) = self.config.parse::<Config>() {
            return Some(error.to_string());
        }
        let positive = |name: &str, value: Option<f64>| match value {
            Some(value) if value.is_finite() && value > 0.0 => None,
            Some(value) => Some(format!("`{name}` is {value}, expected a positive number")),
            None if self.status == Status::Ok => {
                Some(format!("`{name}` is empty in a row whose status is `ok`"))
            }
            None => None,
        };
        let right = self.max_error.is_some_and(|error| error.is_finite() && error >= 0.0);
        let error = || match self.status {
            Status::Ok if !right => {
                Some("`max_error` must be a number in a row whose status is `ok`".to_owned())
            }
            _ => None,
        };
        positive("time_us", self.time_us).or_else(|| positive("tflops", self.tflops)).or_else(error)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Measured => "measured",
            Origin::Modelled => "modelled",
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Ok => "ok",
            Status::Wrong => "wrong",
            Status::Failed => "failed",
        })
    }
}
