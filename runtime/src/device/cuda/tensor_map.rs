//! Tensor maps in the driver's encoding.

use std::mem::MaybeUninit;

use cudarc::driver::sys;

use super::Error;
use super::driver::call;
use crate::DType;
use crate::tensor_map::{Interleave, L2Promotion, OobFill, Swizzle, TensorMap};

/// Encodes `map`, whose rules hold, for the tensor at `address`.
pub(super) fn encode(map: &TensorMap, address: u64) -> Result<Vec<u8>, Error> {
    let mut encoded = MaybeUninit::<sys::CUtensorMap>::zeroed();
    // SAFETY: each pointer is to as many values as the rank asks for: `TensorMap::check` held when
    // the argument was made. The map is aligned as its type is.
    let status = unsafe {
        sys::cuTensorMapEncodeTiled(
            encoded.as_mut_ptr(),
            data_type(map.dtype),
            map.shape.len() as u32,
            address as *mut _,
            map.shape.as_ptr(),
            map.strides.as_ptr(),
            map.box_shape.as_ptr(),
            map.element_strides.as_ptr(),
            interleave(map.interleave),
            swizzle(map.swizzle),
            l2_promotion(map.l2_promotion),
            oob_fill(map.oob_fill),
        )
    };
    call("cuTensorMapEncodeTiled", status.result())?;
    // SAFETY: it was zeroed, and the driver has written it.
    let encoded = unsafe { encoded.assume_init() };
    Ok(encoded.opaque.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

fn data_type(dtype: DType) -> sys::CUtensorMapDataType {
    use sys::CUtensorMapDataType::*;
    match dtype {
        DType::F32 => CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
        DType::F16 => CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
        DType::Bf16 => CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
        DType::I32 => CU_TENSOR_MAP_DATA_TYPE_INT32,
        DType::U32 => CU_TENSOR_MAP_DATA_TYPE_UINT32,
        DType::I64 => CU_TENSOR_MAP_DATA_TYPE_INT64,
        DType::U64 => CU_TENSOR_MAP_DATA_TYPE_UINT64,
        // The driver knows one type of 8 bits.
        DType::E4m3 | DType::E5m2 | DType::I8 | DType::U8 => CU_TENSOR_MAP_DATA_TYPE_UINT8,
    }
}

fn swizzle(swizzle: Swizzle) -> sys::CUtensorMapSwizzle {
    use sys::CUtensorMapSwizzle::*;
    match swizzle {
        Swizzle::None => CU_TENSOR_MAP_SWIZZLE_NONE,
        Swizzle::Bytes32 => CU_TENSOR_MAP_SWIZZLE_32B,
        Swizzle::Bytes64 => CU_TENSOR_MAP_SWIZZLE_64B,
        Swizzle::Bytes128 => CU_TENSOR_MAP_SWIZZLE_128B,
    }
}

fn interleave(interleave: Interleave) -> sys::CUtensorMapInterleave {
    use sys::CUtensorMapInterleave::*;
    match interleave {
        Interleave::None => CU_TENSOR_MAP_INTERLEAVE_NONE,
        Interleave::Bytes16 => CU_TENSOR_MAP_INTERLEAVE_16B,
        Interleave::Bytes32 => CU_TENSOR_MAP_INTERLEAVE_32B,
    }
}

fn l2_promotion(promotion: L2Promotion) -> sys::CUtensorMapL2promotion {
    use sys::CUtensorMapL2promotion::*;
    match promotion {
        L2Promotion::None => CU_TENSOR_MAP_L2_PROMOTION_NONE,
        L2Promotion::Bytes64 => CU_TENSOR_MAP_L2_PROMOTION_L2_64B,
        L2Promotion::Bytes128 => CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
        L2Promotion::Bytes256 => CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
    }
}

fn oob_fill(fill: OobFill) -> sys::CUtensorMapFloatOOBfill {
    use sys::CUtensorMapFloatOOBfill::*;
    match fill {
        OobFill::Zeros => CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
        OobFill::Nan => CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA,
    }
}
