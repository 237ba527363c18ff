//! Buffers, as the file describes them.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::DType;

/// A buffer in device memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BufferFields", into = "BufferFields")]
pub struct BufferSpec {
    /// Its elements' type.
    pub dtype: DType,
    /// What is in it before the launch.
    pub source: BufferSource,
}

/// What is in a buffer before the launch.
#[derive(Debug, Clone, PartialEq)]
pub enum BufferSource {
    /// The array of an `.npy` file.
    Npy(PathBuf),
    /// The same value in each element.
    Fill {
        /// Its extents, outermost first.
        shape: Vec<usize>,
        /// The value.
        fill: Fill,
    },
}

/// What a buffer without a file begins with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fill {
    /// NaN, which no comparison lets pass.
    Nan,
    /// Memory that nothing has written: to use what is read of it is a fault.
    Uninit,
    /// A number, rounded to the buffer's type.
    Number(f64),
}

/// The keys of a buffer.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BufferFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    npy: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<Vec<usize>>,
    dtype: DType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fill: Option<Fill>,
}

impl TryFrom<BufferFields> for BufferSpec {
    type Error = String;

    fn try_from(fields: BufferFields) -> Result<BufferSpec, String> {
        let source = match (fields.npy, fields.shape, fields.fill) {
            (Some(npy), None, None) => BufferSource::Npy(npy),
            (None, Some(shape), fill) => {
                BufferSource::Fill { shape, fill: fill.unwrap_or(Fill::Uninit) }
            }
            (Some(_), ..) => return Err("\"npy\" goes with neither \"shape\" nor \"fill\"".into()),
            (None, None, _) => {
                return Err("a buffer needs \"npy\", or \"shape\" and \"fill\"".into());
            }
        };
        Ok(BufferSpec { dtype: fields.dtype, source })
    }
}

impl From<BufferSpec> for BufferFields {
    fn from(spec: BufferSpec) -> BufferFields {
        let dtype = spec.dtype;
        match spec.source {
            BufferSource::Npy(npy) => {
                BufferFields { npy: Some(npy), shape: None, dtype, fill: None }
            }
            BufferSource::Fill { shape, fill } => {
                BufferFields { npy: None, shape: Some(shape), dtype, fill: Some(fill) }
            }
        }
    }
}

impl Serialize for Fill {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Fill::Nan => serializer.serialize_str("nan"),
            Fill::Uninit => serializer.serialize_str("uninit"),
            Fill::Number(number) => serializer.serialize_f64(*number),
        }
    }
}

impl<'de> Deserialize<'de> for Fill {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fill, D::Error> {
        deserializer.deserialize_any(FillVisitor)
    }
}

struct FillVisitor;

impl Visitor<'_> for FillVisitor {
    type Value = Fill;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"nan\", \"uninit\" or a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Fill, E> {
        match text {
            "nan" => Ok(Fill::Nan),
            "uninit" => Ok(Fill::Uninit),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Fill, E> {
        Ok(Fill::Number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Fill, E> {
        exact(number as f64, number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Fill, E> {
        exact(number as f64, number.into())
    }
}

fn exact<E: Error>(number: f64, integer: i128) -> Result<Fill, E> {
    if number as i128 == integer {
        Ok(Fill::Number(number))
    } else {
        Err(E::custom(format!("a fill of {integer} is not exact as a 64-bit float")))
    }
}
