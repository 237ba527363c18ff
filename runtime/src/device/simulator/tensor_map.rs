//! Tensor maps in the simulator's encoding.

use tilewright_sim as sim;

use crate::DType;
use crate::tensor_map::{Interleave, OobFill, Swizzle, TensorMap};

/// Encodes `map`, whose rules hold, for the tensor at `address`; or what of it is not simulated.
pub(super) fn encode(map: &TensorMap, address: u64) -> Result<Vec<u8>, String> {
    if map.interleave != Interleave::None {
        return Err("tensor maps with interleaved channels".into());
    }
    let map = sim::TensorMap {
        element: element(map.dtype),
        address,
        shape: map.shape.clone(),
        strides: map.strides.clone(),
        box_shape: map.box_shape.clone(),
        element_strides: map.element_strides.clone(),
        swizzle: match map.swizzle {
            Swizzle::None => sim::Swizzle::None,
            Swizzle::Bytes32 => sim::Swizzle::Bytes32,
            Swizzle::Bytes64 => sim::Swizzle::Bytes64,
            Swizzle::Bytes128 => sim::Swizzle::Bytes128,
        },
        fill_nan: map.oob_fill == OobFill::Nan,
    };
    Ok(map.encode())
}

fn element(dtype: DType) -> sim::Element {
    match dtype {
        DType::F32 => sim::Element::F32,
        DType::F16 => sim::Element::F16,
        DType::Bf16 => sim::Element::Bf16,
        DType::I32 => sim::Element::S32,
        DType::U32 => sim::Element::U32,
        DType::I64 => sim::Element::S64,
        DType::U64 => sim::Element::U64,
        // TMA knows one type of 8 bits.
        DType::E4m3 | DType::E5m2 | DType::I8 | DType::U8 => sim::Element::U8,
    }
}
