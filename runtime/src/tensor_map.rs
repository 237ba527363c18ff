//! The descriptor of a tensor for TMA (`CUtensorMap`), and the rules that the CUDA driver's
//! `cuTensorMapEncodeTiled` has for it.
//!
//! The driver answers a broken rule with "invalid value"; [`TensorMap::check`] names the rule.
//! The rules are those of the CUDA driver API manual, section "Tensor Map Object Management".

use serde::{Deserialize, Serialize};

use crate::{DType, attention};

/// A tensor in global memory and the box of it that one TMA instruction moves.
///
/// Dimension 0 is the innermost, and contiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorMap {
    /// The elements' type.
    pub dtype: DType,
    /// Extents in elements.
    pub shape: Vec<u64>,
    /// Distances in bytes, for dimension 1 and up.
    pub strides: Vec<u64>,
    /// Extents of the box in elements, before element strides.
    pub box_shape: Vec<u32>,
    /// The step from one element taken to the next, in each dimension.
    pub element_strides: Vec<u32>,
    /// How 16-byte chunks are permuted in shared memory.
    pub swizzle: Swizzle,
    /// How channels are interleaved in global memory.
    pub interleave: Interleave,
    /// What elements outside the tensor read as.
    pub oob_fill: OobFill,
    /// How much a miss brings into the L2 cache.
    pub l2_promotion: L2Promotion,
}

impl TensorMap {
    /// The map that an attention kernel takes of one of its tensors.
    pub fn of_attention(map: &attention::TensorMap) -> TensorMap {
        TensorMap {
            dtype: map.dtype.into(),
            shape: map.shape.into(),
            strides: map.strides.into(),
            box_shape: map.box_shape.into(),
            element_strides: vec![1; map.shape.len()],
            swizzle: match map.swizzle {
                32 => Swizzle::Bytes32,
                64 => Swizzle::Bytes64,
                _ => Swizzle::Bytes128,
            },
            interleave: Interleave::None,
            oob_fill: OobFill::Zeros,
            l2_promotion: L2Promotion::Bytes128,
        }
    }
}

/// The permutation of 16-byte chunks in shared memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Swizzle {
    /// No permutation.
    #[default]
    #[serde(rename = "none")]
    None,
    /// Within 32 bytes.
    #[serde(rename = "32B")]
    Bytes32,
    /// Within 64 bytes.
    #[serde(rename = "64B")]
    Bytes64,
    /// Within 128 bytes.
    #[serde(rename = "128B")]
    Bytes128,
}

impl Swizzle {
    /// The bytes within which chunks are permuted, and which the box's innermost extent may span.
    pub fn span(self) -> Option<u64> {
        match self {
            Swizzle::None => None,
            Swizzle::Bytes32 => Some(32),
            Swizzle::Bytes64 => Some(64),
            Swizzle::Bytes128 => Some(128),
        }
    }
}

/// The layout of channels in global memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interleave {
    /// Dimension 0 is contiguous and whole.
    #[default]
    #[serde(rename = "none")]
    None,
    /// Slices of 16 bytes (NC/8HWC8 of 16-bit channels).
    #[serde(rename = "16B")]
    Bytes16,
    /// Slices of 32 bytes (NC/16HWC16 of 16-bit channels).
    #[serde(rename = "32B")]
    Bytes32,
}

/// What is read outside the tensor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OobFill {
    /// Zeros.
    #[default]
    Zeros,
    /// A special NaN that an arithmetic instruction treats as zero.
    Nan,
}

/// The granularity of fetches into the L2 cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum L2Promotion {
    /// Sectors as they are asked for.
    #[default]
    #[serde(rename = "none")]
    None,
    /// 64 bytes.
    #[serde(rename = "64B")]
    Bytes64,
    /// 128 bytes.
    #[serde(rename = "128B")]
    Bytes128,
    /// 256 bytes.
    #[serde(rename = "256B")]
    Bytes256,
}

/// A rule of the driver that a [`TensorMap`] breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {found}")]
pub struct RuleBroken {
    /// What the driver asks for.
    pub rule: &'static str,
    /// What there is instead.
    pub found: String,
}

/// The error of a rule that does not hold.
fn require(
    holds: bool,
    rule: &'static str,
    found: impl FnOnce() -> String,
) -> Result<(), RuleBroken> {
    if holds { Ok(()) } else { Err(RuleBroken { rule, found: found() }) }
}

impl TensorMap {
    /// Checks the rules for a tensor that begins `offset` bytes into an allocation, which itself is
    /// aligned to 256 bytes.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, offset: u64) -> Result<(), RuleBroken> {
        self.check_ranks()?;
        self.check_extents()?;
        self.check_strides(offset)?;
        self.check_box()
    }

    fn check_ranks(&self) -> Result<(), RuleBroken> {
        let rank = self.shape.len();
        require((1..=5).contains(&rank), "a tensor has 1 to 5 dimensions", || {
            format!("\"shape\" has {rank}")
        })?;
        let same = |name: &'static str, length: usize, expected: usize, rule: &'static str| {
            require(length == expected, rule, || {
                format!("\"shape\" has {rank} dimensions and {name:?} {length} entries")
            })
        };
        same("box", self.box_shape.len(), rank, "a box has an extent for every dimension")?;
        let rule = "there is an element stride for every dimension";
        same("element_strides", self.element_strides.len(), rank, rule)?;
        let rule = "there is a stride for every dimension but the innermost";
        same("strides", self.strides.len(), rank - 1, rule)?;
        let interleaved = self.interleave != Interleave::None;
        require(!interleaved || rank >= 3, "an interleaved tensor has 3 dimensions or more", || {
            format!("\"shape\" has {rank}")
        })
    }

    fn check_extents(&self) -> Result<(), RuleBroken> {
        for (dimension, &extent) in self.shape.iter().enumerate() {
            let rule = "an extent of a tensor is 1 to 2^32";
            require((1..=1 << 32).contains(&extent), rule, || {
                format!("shape[{dimension}] is {extent}")
            })?;
        }
        for (dimension, &extent) in self.box_shape.iter().enumerate() {
            let rule = "an extent of a box is 1 to 256";
            require((1..=256).contains(&extent), rule, || format!("box[{dimension}] is {extent}"))?;
        }
        for (dimension, &stride) in self.element_strides.iter().enumerate() {
            let rule = "an element stride is 1 to 8";
            let found = || format!("element_strides[{dimension}] is {stride}");
            require((1..=8).contains(&stride), rule, found)?;
        }
        Ok(())
    }

    fn check_strides(&self, offset: u64) -> Result<(), RuleBroken> {
        let (alignment, address_rule, stride_rule) = match self.interleave {
            Interleave::Bytes32 => (
                32,
                "with 32-byte interleaving a tensor begins at a multiple of 32 bytes",
                "with 32-byte interleaving a stride is a multiple of 32 bytes",
            ),
            _ => (
                16,
                "a tensor begins at a multiple of 16 bytes",
                "a stride is a multiple of 16 bytes",
            ),
        };
        require(offset.is_multiple_of(alignment), address_rule, || {
            format!("\"offset\" is {offset}")
        })?;
        for (index, &stride) in self.strides.iter().enumerate() {
            let found = || format!("strides[{index}] is {stride}");
            require(stride.is_multiple_of(alignment), stride_rule, found)?;
            require(stride < 1 << 40, "a stride is less than 2^40 bytes", found)?;
        }
        Ok(())
    }

    fn check_box(&self) -> Result<(), RuleBroken> {
        let size = self.dtype.size() as u64;
        let extent = u64::from(self.box_shape[0]);
        let inner = extent * size;
        let found = || format!("box[0] is {extent} elements of {size} bytes, {inner} in all");
        if self.interleave == Interleave::None {
            let rule = "the innermost extent of a box is a multiple of 16 bytes";
            require(inner.is_multiple_of(16), rule, found)?;
        }
        if self.interleave == Interleave::Bytes32 {
            let rule = "32-byte interleaving goes with the 32-byte swizzle";
            let found = || format!("the swizzle is {:?}", self.swizzle);
            require(self.swizzle == Swizzle::Bytes32, rule, found)?;
        } else if let Some(span) = self.swizzle.span() {
            let rule = "the innermost extent of a box fits in the span of the swizzle";
            require(inner <= span, rule, || format!("{}, and the span is {span}", found()))?;
        }
        let rule = "a NaN fill is for floating-point elements";
        let fits = self.oob_fill == OobFill::Zeros || self.dtype.is_float() && size > 1;
        require(fits, rule, || format!("the elements are {}", self.dtype))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map that breaks no rule, as attention kernels use it.
    fn map() -> TensorMap {
        TensorMap {
            dtype: DType::Bf16,
            shape: vec![64, 512, 4],
            strides: vec![128, 65536],
            box_shape: vec![64, 128, 1],
            element_strides: vec![1; 3],
            swizzle: Swizzle::Bytes128,
            interleave: Interleave::None,
            oob_fill: OobFill::Zeros,
            l2_promotion: L2Promotion::None,
        }
    }

    /// Checks what a change of the map and an offset break.
    fn check(change: impl FnOnce(&mut TensorMap), offset: u64, expected: &str) {
        let mut map = map();
        change(&mut map);
        let found = map.check(offset).map_or_else(|error| error.to_string(), |()| "nothing".into());
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn each_rule_is_named() {
        check(|_| (), 16, "nothing");
        check(|m| m.box_shape[1] = 256, 0, "nothing");
        check(|_| (), 8, "a tensor begins at a multiple of 16 bytes: \"offset\" is 8");
        check(|m| m.shape.clear(), 0, "1 to 5 dimensions: \"shape\" has 0");
        check(|m| m.shape = vec![1; 6], 0, "\"shape\" has 6");
        check(|m| m.strides.clear(), 0, "and \"strides\" 0 entries");
        check(|m| m.box_shape.push(1), 0, "and \"box\" 4 entries");
        check(|m| m.element_strides.push(1), 0, "and \"element_strides\" 4 entries");
        check(|m| m.shape[1] = 0, 0, "shape[1] is 0");
        check(|m| m.shape[2] = (1 << 32) + 1, 0, "shape[2] is 4294967297");
        check(|m| m.strides[0] = 120, 0, "a stride is a multiple of 16 bytes: strides[0] is 120");
        check(|m| m.strides[1] = 1 << 40, 0, "less than 2^40");
        check(|m| m.box_shape[1] = 257, 0, "1 to 256: box[1] is 257");
        check(|m| m.box_shape[0] = 0, 0, "box[0] is 0");
        check(|m| m.element_strides[1] = 9, 0, "1 to 8");
        check(
            |m| m.box_shape[0] = 12,
            0,
            "multiple of 16 bytes: box[0] is 12 elements of 2 bytes, 24",
        );
        check(|m| m.box_shape[0] = 72, 0, "144 in all, and the span is 128");
        check(|m| m.interleave = Interleave::Bytes32, 0, "goes with the 32-byte swizzle");
        check(|m| m.interleave = Interleave::Bytes32, 16, "multiple of 32");
        let integers = |m: &mut TensorMap| (m.dtype, m.oob_fill) = (DType::U32, OobFill::Nan);
        check(|m| (integers(m), m.box_shape[0] = 32).0, 0, "floating-point elements");
    }
}
