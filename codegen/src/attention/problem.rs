use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Argument, Mask, Parameter, Subject, Tensor, TensorBox, TensorMap};

/// The type of Q, K and V. Accumulation is always in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataType {
    /// IEEE half precision.
    F16,
    /// bfloat16.
    Bf16,
    /// FP8 with four bits of exponent and three of mantissa, up to 448.
    E4m3,
    /// FP8 with five bits of exponent and two of mantissa, up to 57344.
    E5m2,
}

/// Every kernel raises probabilities in e4m3 by this power of two at least, so that of its few
/// exponents those above one are used.
pub const LEAST_RAISE: u32 = 3;

impl DataType {
    /// Every data type.
    pub const ALL: [Self; 4] = [Self::F16, Self::Bf16, Self::E4m3, Self::E5m2];

    /// `f16`, `bf16`, `e4m3` or `e5m2`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::E4m3 => "e4m3",
            Self::E5m2 => "e5m2",
        }
    }

    /// Bytes of an element.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::E4m3 | Self::E5m2 => 1,
        }
    }

    /// The type of O where Q, K and V have this one: the same, or bf16 for FP8.
    pub const fn output(self) -> Self {
        match self {
            Self::F16 => Self::F16,
            Self::Bf16 | Self::E4m3 | Self::E5m2 => Self::Bf16,
        }
    }

    /// The type to which probabilities are rounded before they are multiplied with V: the same, or
    /// for FP8 the one with more bits of mantissa.
    pub const fn probability(self) -> Self {
        match self {
            Self::E5m2 => Self::E4m3,
            other => other,
        }
    }

    /// The smallest probability that is rounded in proportion to itself where the largest of a row
    /// is 1: the smallest normal number of [`DataType::probability`], which for e4m3 lies
    /// 2^[`LEAST_RAISE`] deeper. What is smaller is off by as much as that one.
    pub const fn smallest_probability(self) -> f64 {
        const fn power(exponent: u32) -> f64 {
            1.0 / (1u128 << exponent) as f64
        }
        match self.probability() {
            Self::F16 => power(14),
            Self::Bf16 => power(126),
            Self::E4m3 | Self::E5m2 => power(6 + LEAST_RAISE),
        }
    }

    /// Whether Q, K and V come with factors by which they are multiplied, one for each pair of a
    /// batch and a key-value head.
    pub const fn has_descales(self) -> bool {
        self.bytes() == 1
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no data type.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a data type; expected f16, bf16, e4m3 or e5m2")]
pub struct ParseDataTypeError(String);

impl FromStr for DataType {
    type Err = ParseDataTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|dtype| dtype.name() == text);
        named.ok_or_else(|| ParseDataTypeError(text.chars().take(40).collect()))
    }
}

/// Which derivative is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// O and LSE from Q, K and V.
    #[default]
    Forward,
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "forward",
        })
    }
}

/// A text that names no pass.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a pass; expected forward")]
pub struct ParsePassError(String);

impl FromStr for Pass {
    type Err = ParsePassError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "forward" => Ok(Self::Forward),
            _ => Err(ParsePassError(text.chars().take(40).collect())),
        }
    }
}

/// What is to be computed; see the [module](super) for the formula and the layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// Type of Q, K and V; that of O is [`DataType::output`].
    pub dtype: DataType,
    /// Elements of a row of Q and K.
    pub head_dim: u32,
    /// Elements of a row of V and O.
    pub head_dim_v: u32,
    /// Independent sequences.
    pub batch: u32,
    /// Heads of Q and O.
    pub heads: u32,
    /// Heads of K and V; each is shared by `heads / kv_heads` query heads.
    pub kv_heads: u32,
    /// Rows of Q and O.
    pub seqlen_q: u32,
    /// Rows of K and V.
    pub seqlen_kv: u32,
    /// Which keys a query sees.
    pub mask: Mask,
}

/// Why a [`Problem`] cannot be posed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ProblemError {
    /// A number is outside the range that every kernel takes.
    #[error("{name} is {found}; expected {least} to {most}")]
    Range { name: &'static str, found: u64, least: u64, most: u64 },
    /// Query heads cannot be shared out evenly.
    #[error(
        "{heads} query heads cannot share {kv_heads} key-value heads; expected a divisor of {heads}"
    )]
    HeadGroups { heads: u32, kv_heads: u32 },
    /// One row of all heads is too wide for 32-bit offsets within a tile.
    #[error("{name} · head_dim is {found} elements; expected at most {most}")]
    RowWidth { name: &'static str, found: u64, most: u64 },
}

impl ProblemError {
    /// What is refused.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Range { name, .. } if name.starts_with("head_dim") => Subject::HeadDim,
            _ => Subject::Problem,
        }
    }
}

impl Problem {
    /// Longest sequence and widest half of a window: sums of three stay within 31 bits.
    pub const MAX_LENGTH: u32 = 1 << 29;
    /// Most heads, and most batches: the grid's second and third dimension.
    pub const MAX_HEADS: u32 = 65_535;
    /// Most elements in one row of all heads: 256 such rows of two bytes stay within 32 bits.
    pub const MAX_ROW_ELEMENTS: u64 = 1 << 22;

    /// Whether the problem can be posed at all, by any kernel.
    ///
    /// # Errors
    ///
    /// The first number that is out of range.
    pub fn check(&self) -> Result<(), ProblemError> {
        let range = |name, found: u32, least: u32, most: u32| match (least..=most).contains(&found)
        {
            true => Ok(()),
            false => Err(ProblemError::Range {
                name,
                found: found.into(),
                least: least.into(),
                most: most.into(),
            }),
        };
        range("batch", self.batch, 1, Self::MAX_HEADS)?;
        range("heads", self.heads, 1, Self::MAX_HEADS)?;
        range("kv_heads", self.kv_heads, 1, Self::MAX_HEADS)?;
        range("head_dim", self.head_dim, 1, 1024)?;
        range("head_dim_v", self.head_dim_v, 1, 1024)?;
        range("seqlen_q", self.seqlen_q, 1, Self::MAX_LENGTH)?;
        range("seqlen_kv", self.seqlen_kv, 1, Self::MAX_LENGTH)?;
        if let Mask::Window { left, right } = self.mask {
            range("the window's left side", left, 0, Self::MAX_LENGTH)?;
            range("the window's right side", right, 0, Self::MAX_LENGTH)?;
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(ProblemError::HeadGroups { heads: self.heads, kv_heads: self.kv_heads });
        }
        let widest = u64::from(self.head_dim.max(self.head_dim_v));
        for (name, heads) in [("heads", self.heads), ("kv_heads", self.kv_heads)] {
            let found = u64::from(heads) * widest;
            if found > Self::MAX_ROW_ELEMENTS {
                return Err(ProblemError::RowWidth { name, found, most: Self::MAX_ROW_ELEMENTS });
            }
        }
        Ok(())
    }

    /// Floating-point operations of the two matrix products over visible pairs:
    /// 2 · (head_dim + head_dim_v) each. FlashAttention's benchmark counts the same, with a
    /// causal square as exactly one half.
    pub fn flops(&self) -> f64 {
        let pairs = self.mask.visible_pairs(self.seqlen_q, self.seqlen_kv) as f64;
        2.0 * f64::from(self.head_dim + self.head_dim_v)
            * f64::from(self.batch)
            * f64::from(self.heads)
            * pairs
    }

    /// 1/√head_dim, the customary scale of the scores.
    pub fn default_softmax_scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }

    /// `[batch, seqlen_q, heads, head_dim]`.
    pub fn query_shape(&self) -> [usize; 4] {
        [self.batch, self.seqlen_q, self.heads, self.head_dim].map(|n| n as usize)
    }

    /// `[batch, seqlen_kv, kv_heads, head_dim]`.
    pub fn key_shape(&self) -> [usize; 4] {
        [self.batch, self.seqlen_kv, self.kv_heads, self.head_dim].map(|n| n as usize)
    }

    /// `[batch, seqlen_kv, kv_heads, head_dim_v]`.
    pub fn value_shape(&self) -> [usize; 4] {
        [self.batch, self.seqlen_kv, self.kv_heads, self.head_dim_v].map(|n| n as usize)
    }

    /// `[batch, seqlen_q, heads, head_dim_v]`.
    pub fn output_shape(&self) -> [usize; 4] {
        [self.batch, self.seqlen_q, self.heads, self.head_dim_v].map(|n| n as usize)
    }

    /// `[batch, heads, seqlen_q]`.
    pub fn log_sum_exp_shape(&self) -> [usize; 3] {
        [self.batch, self.heads, self.seqlen_q].map(|n| n as usize)
    }

    /// `[batch, kv_heads]`, of the factors by which Q, K and V are multiplied where
    /// [`DataType::has_descales`].
    pub fn descale_shape(&self) -> [usize; 2] {
        [self.batch, self.kv_heads].map(|n| n as usize)
    }

    fn tensor_map(&self, TensorBox { tensor, rows, width }: TensorBox) -> TensorMap {
        let shape = match tensor {
            Tensor::Query => self.query_shape(),
            Tensor::Key => self.key_shape(),
            Tensor::Value => self.value_shape(),
            Tensor::Output => self.output_shape(),
        };
        let [batch, seqlen, heads, head_dim] = shape.map(|extent| extent as u64);
        let dtype = match tensor {
            Tensor::Output => self.dtype.output(),
            _ => self.dtype,
        };
        let element = dtype.bytes();
        let head = head_dim * u64::from(element);
        TensorMap {
            tensor,
            dtype,
            shape: [head_dim, heads, seqlen, batch],
            strides: [head, heads * head, (seqlen * heads).saturating_mul(head)],
            box_shape: [width / element, 1, rows, 1],
            swizzle: width,
        }
    }

    /// What a launch passes for `parameter`. `softmax_scale` must be positive and finite.
    pub fn argument(&self, parameter: Parameter, softmax_scale: f32) -> Argument {
        let (left, right) = match self.mask {
            Mask::Window { left, right } => (left, right),
            _ => (0, 0),
        };
        match parameter {
            Parameter::Query
            | Parameter::Key
            | Parameter::Value
            | Parameter::Output
            | Parameter::LogSumExp
            | Parameter::QueryDescale
            | Parameter::KeyDescale
            | Parameter::ValueDescale => Argument::Pointer,
            Parameter::TensorMap(map) => Argument::TensorMap(self.tensor_map(map)),
            Parameter::Batch => Argument::U32(self.batch),
            Parameter::SeqlenQ => Argument::U32(self.seqlen_q),
            Parameter::SeqlenKv => Argument::U32(self.seqlen_kv),
            Parameter::Heads => Argument::U32(self.heads),
            Parameter::KvHeads => Argument::U32(self.kv_heads),
            Parameter::SoftmaxScale => Argument::F32(softmax_scale),
            Parameter::WindowLeft => Argument::U32(left),
            Parameter::WindowRight => Argument::U32(right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBLEM: Problem = Problem {
        dtype: DataType::Bf16,
        head_dim: 128,
        head_dim_v: 128,
        batch: 2,
        heads: 16,
        kv_heads: 4,
        seqlen_q: 1024,
        seqlen_kv: 1024,
        mask: Mask::Full,
    };

    fn check(problem: Problem, expected: &str) {
        let found = problem.check().map_or_else(|error| error.to_string(), |()| "ok".into());
        assert_eq!(found, expected);
    }

    #[test]
    fn says_what_is_out_of_range() {
        check(PROBLEM, "ok");
        check(Problem { batch: 0, ..PROBLEM }, "batch is 0; expected 1 to 65535");
        check(
            Problem { kv_heads: 3, ..PROBLEM },
            "16 query heads cannot share 3 key-value heads; expected a divisor of 16",
        );
        check(
            Problem { heads: 65_535, kv_heads: 1, ..PROBLEM },
            "heads · head_dim is 8388480 elements; expected at most 4194304",
        );
        let mask = Mask::Window { left: u32::MAX, right: 0 };
        check(
            Problem { mask, ..PROBLEM },
            "the window's left side is 4294967295; expected 0 to 536870912",
        );
    }

    #[test]
    fn counts_flops_as_flash_attention_does() {
        let (b, h, s, d) = (2.0, 16.0, 1024.0, 128.0);
        assert_eq!(PROBLEM.flops(), 4.0 * b * h * s * s * d);
        let causal = Problem { mask: Mask::Causal, ..PROBLEM }.flops();
        assert_eq!(causal, 4.0 * b * h * d * s * (s + 1.0) / 2.0);
    }
}
