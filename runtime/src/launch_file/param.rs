//! Arguments, as the file describes them.

use serde::{Deserialize, Serialize};

use crate::DType;
use crate::tensor_map::{Interleave, L2Promotion, OobFill, Swizzle, TensorMap};

/// One argument of the launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ParamFields", into = "ParamFields")]
pub enum Param {
    /// The address of a byte of a buffer.
    Pointer {
        /// The buffer's name.
        buffer: String,
        /// Bytes from its beginning.
        offset: u64,
    },
    /// A 128-byte `CUtensorMap`, by value.
    TensorMap(TensorMapParam),
    /// A number.
    Scalar(Scalar),
    /// A `.b8` array, by value, with addresses in it.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// The addresses that are written over eight of them each.
        pointers: Vec<Patch>,
    },
}

/// A number by value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// 32-bit floating point.
    F32(f32),
    /// 64-bit floating point.
    F64(f64),
    /// Signed, 8 bits.
    I8(i8),
    /// Unsigned, 8 bits.
    U8(u8),
    /// Signed, 16 bits.
    I16(i16),
    /// Unsigned, 16 bits.
    U16(u16),
    /// Signed, 32 bits.
    I32(i32),
    /// Unsigned, 32 bits.
    U32(u32),
    /// Signed, 64 bits.
    I64(i64),
    /// Unsigned, 64 bits.
    U64(u64),
}

impl Scalar {
    /// Its bytes, little-endian.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Scalar::F32(value) => value.to_le_bytes().into(),
            Scalar::F64(value) => value.to_le_bytes().into(),
            Scalar::I8(value) => value.to_le_bytes().into(),
            Scalar::U8(value) => value.to_le_bytes().into(),
            Scalar::I16(value) => value.to_le_bytes().into(),
            Scalar::U16(value) => value.to_le_bytes().into(),
            Scalar::I32(value) => value.to_le_bytes().into(),
            Scalar::U32(value) => value.to_le_bytes().into(),
            Scalar::I64(value) => value.to_le_bytes().into(),
            Scalar::U64(value) => value.to_le_bytes().into(),
        }
    }
}

/// A device address in a [`Param::Bytes`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// The byte at which the address begins.
    pub at: usize,
    /// The buffer's name.
    pub pointer: String,
    /// Bytes from the buffer's beginning.
    #[serde(default)]
    pub offset: u64,
}

/// A tensor map over a buffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "TensorMapFields", into = "TensorMapFields")]
pub struct TensorMapParam {
    /// The buffer's name.
    pub buffer: String,
    /// Bytes from its beginning to the tensor's.
    pub offset: u64,
    /// The tensor and its box.
    pub map: TensorMap,
}

/// The keys of an argument, of which one says its kind.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ParamFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensor_map: Option<TensorMapParam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    f32: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    f64: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    i8: Option<i8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    u8: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    i16: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    u16: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    i32: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    u32: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    i64: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    u64: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointers: Option<Vec<Patch>>,
}

impl TryFrom<ParamFields> for Param {
    type Error = String;

    fn try_from(fields: ParamFields) -> Result<Param, String> {
        let pointers = fields.pointers.is_some();
        let bytes = fields.bytes.map(|digits| bytes_param(&digits, fields.pointers)).transpose()?;
        let pointer = fields
            .pointer
            .map(|buffer| Param::Pointer { buffer, offset: fields.offset.unwrap_or(0) });
        let is_pointer = pointer.is_some();
        let kinds = [
            pointer,
            fields.tensor_map.map(Param::TensorMap),
            fields.f32.map(single).transpose()?.map(Param::Scalar),
            fields.f64.map(Scalar::F64).map(Param::Scalar),
            fields.i8.map(Scalar::I8).map(Param::Scalar),
            fields.u8.map(Scalar::U8).map(Param::Scalar),
            fields.i16.map(Scalar::I16).map(Param::Scalar),
            fields.u16.map(Scalar::U16).map(Param::Scalar),
            fields.i32.map(Scalar::I32).map(Param::Scalar),
            fields.u32.map(Scalar::U32).map(Param::Scalar),
            fields.i64.map(Scalar::I64).map(Param::Scalar),
            fields.u64.map(Scalar::U64).map(Param::Scalar),
            bytes,
        ];
        let mut kinds = kinds.into_iter().flatten();
        let what = "one of \"pointer\", \"tensor_map\", \"bytes\" or a number such as \"i32\"";
        let param = kinds.next().ok_or_else(|| format!("a parameter needs {what}"))?;
        if kinds.next().is_some() {
            return Err(format!("a parameter is exactly {what}, and this is two of them"));
        }
        if fields.offset.is_some() && !is_pointer {
            return Err("\"offset\" goes with \"pointer\" only".into());
        }
        if pointers && !matches!(param, Param::Bytes { .. }) {
            return Err("\"pointers\" goes with \"bytes\" only".into());
        }
        Ok(param)
    }
}

fn single(value: f64) -> Result<Scalar, String> {
    let single = value as f32;
    if single.is_finite() {
        Ok(Scalar::F32(single))
    } else {
        Err(format!("an f32 does not hold {value:e}"))
    }
}

fn bytes_param(digits: &str, pointers: Option<Vec<Patch>>) -> Result<Param, String> {
    let wrong =
        || format!("\"bytes\" takes an even number of hexadecimal digits, found {digits:?}");
    let nibble = |digit: u8| (digit as char).to_digit(16).map(|n| n as u8).ok_or_else(wrong);
    if !digits.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let byte = |pair: &[u8]| Ok::<u8, String>(nibble(pair[0])? << 4 | nibble(pair[1])?);
    let bytes = digits.as_bytes().chunks_exact(2).map(byte).collect::<Result<_, _>>()?;
    Ok(Param::Bytes { bytes, pointers: pointers.unwrap_or_default() })
}

impl From<Param> for ParamFields {
    fn from(param: Param) -> ParamFields {
        let none = ParamFields::default();
        match param {
            Param::Pointer { buffer, offset } => ParamFields {
                pointer: Some(buffer),
                offset: (offset != 0).then_some(offset),
                ..none
            },
            Param::TensorMap(map) => ParamFields { tensor_map: Some(map), ..none },
            Param::Bytes { bytes, pointers } => ParamFields {
                bytes: Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
                pointers: (!pointers.is_empty()).then_some(pointers),
                ..none
            },
            Param::Scalar(scalar) => match scalar {
                // Parsed as f64 and rounded, the shortest digits of an f32 give it back.
                Scalar::F32(value) => {
                    ParamFields { f32: format!("{value:?}").parse().ok(), ..none }
                }
                Scalar::F64(value) => ParamFields { f64: Some(value), ..none },
                Scalar::I8(value) => ParamFields { i8: Some(value), ..none },
                Scalar::U8(value) => ParamFields { u8: Some(value), ..none },
                Scalar::I16(value) => ParamFields { i16: Some(value), ..none },
                Scalar::U16(value) => ParamFields { u16: Some(value), ..none },
                Scalar::I32(value) => ParamFields { i32: Some(value), ..none },
                Scalar::U32(value) => ParamFields { u32: Some(value), ..none },
                Scalar::I64(value) => ParamFields { i64: Some(value), ..none },
                Scalar::U64(value) => ParamFields { u64: Some(value), ..none },
            },
        }
    }
}

/// The keys of a tensor map.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TensorMapFields {
    buffer: String,
    #[serde(default)]
    offset: u64,
    dtype: DType,
    shape: Vec<u64>,
    #[serde(default)]
    strides: Vec<u64>,
    #[serde(rename = "box")]
    box_shape: Vec<u32>,
    #[serde(default)]
    element_strides: Option<Vec<u32>>,
    #[serde(default)]
    swizzle: Swizzle,
    #[serde(default)]
    interleave: Interleave,
    #[serde(default)]
    oob_fill: OobFill,
    #[serde(default)]
    l2_promotion: L2Promotion,
}

impl From<TensorMapFields> for TensorMapParam {
    fn from(fields: TensorMapFields) -> TensorMapParam {
        let rank = fields.shape.len();
        TensorMapParam {
            buffer: fields.buffer,
            offset: fields.offset,
            map: TensorMap {
                dtype: fields.dtype,
                shape: fields.shape,
                strides: fields.strides,
                box_shape: fields.box_shape,
                element_strides: fields.element_strides.unwrap_or_else(|| vec![1; rank]),
                swizzle: fields.swizzle,
                interleave: fields.interleave,
                oob_fill: fields.oob_fill,
                l2_promotion: fields.l2_promotion,
            },
        }
    }
}

impl From<TensorMapParam> for TensorMapFields {
    fn from(TensorMapParam { buffer, offset, map }: TensorMapParam) -> TensorMapFields {
        TensorMapFields {
            buffer,
            offset,
            dtype: map.dtype,
            shape: map.shape,
            strides: map.strides,
            box_shape: map.box_shape,
            element_strides: Some(map.element_strides),
            swizzle: map.swizzle,
            interleave: map.interleave,
            oob_fill: map.oob_fill,
            l2_promotion: map.l2_promotion,
        }
    }
}
