use super::*;
use crate::DType;
use crate::tensor_map::{Interleave, L2Promotion, OobFill, Swizzle, TensorMap};

/// An entry with parameters of several kinds.
const ENTRY: &str = ".version 8.0
.target sm_90
.visible .entry f(.param .u64 x, .param .u32 n, .param .align 8 .b8 s[16],
                  .param .align 64 .b8 map[128]) { ret; }";

fn map() -> TensorMap {
    TensorMap {
        dtype: DType::F16,
        shape: vec![64, 64],
        strides: vec![128],
        box_shape: vec![64, 64],
        element_strides: vec![1, 1],
        swizzle: Swizzle::Bytes128,
        interleave: Interleave::None,
        oob_fill: OobFill::Zeros,
        l2_promotion: L2Promotion::None,
    }
}

/// The arguments that [`ENTRY`] takes.
fn arguments_of_entry() -> Vec<Argument> {
    vec![
        Argument::Pointer { buffer: 0, offset: 0 },
        Argument::value(7u32.to_le_bytes()),
        Argument::Bytes { bytes: vec![0; 16], pointers: vec![(8, 0, 4)] },
        Argument::TensorMap { buffer: 0, offset: 0, map: map() },
    ]
}

fn check(change: impl FnOnce(&mut Vec<Argument>), expected: &str) {
    let module = Module::parse(ENTRY).unwrap();
    let mut arguments = arguments_of_entry();
    change(&mut arguments);
    let parameters = &module.entry(None).unwrap().parameters;
    let found = arguments::check(parameters, &arguments, 1);
    let found = found.map_or_else(|error| error.to_string(), |()| "fits".into());
    assert!(found.contains(expected), "{found}");
}

#[test]
fn arguments_are_held_to_the_parameters() {
    check(|_| (), "fits");
    let all = "takes 4 parameters (`x` has 8 bytes, `n` has 4 bytes, `s` has 16 bytes, `map` has \
               128 bytes), 3 are given";
    check(|a| a.truncate(3), all);
    check(|a| a.swap(0, 1), "params[0]: the entry's parameter `x` has 8 bytes, 4 bytes are given");
    check(|a| a[0] = Argument::Pointer { buffer: 1, offset: 0 }, "params[0]: buffer 1 of 1");
    let patch = |at| Argument::Bytes { bytes: vec![0; 16], pointers: vec![(at, 0, 0)] };
    check(|a| a[2] = patch(9), "params[2]: 8 bytes at 9 do not fit in 16 bytes");
    check(|a| a[2] = patch(usize::MAX), "do not fit");
    let broken = TensorMap { strides: vec![120], ..map() };
    let broken = Argument::TensorMap { buffer: 0, offset: 0, map: broken };
    check(|a| a[3] = broken, "params[3]: a stride is a multiple of 16 bytes");
}

#[test]
fn addresses_are_written_into_arguments() {
    let address = |buffer: usize, offset: u64| 0x1000 * (buffer as u64 + 1) + offset;
    let encode =
        |map: &TensorMap, address: u64| Ok::<_, ()>(vec![map.shape.len() as u8, address as u8]);
    let bytes = |argument: &Argument| argument.to_bytes(address, encode).unwrap();
    let [pointer, number, patched, tensor] = &arguments_of_entry()[..] else { panic!() };
    assert_eq!(bytes(pointer), 0x1000u64.to_le_bytes());
    assert_eq!(bytes(number), [7, 0, 0, 0]);
    assert_eq!(bytes(patched)[..8], [0; 8]);
    assert_eq!(bytes(patched)[8..], 0x1004u64.to_le_bytes());
    assert_eq!(bytes(tensor), [2, 0]);
}

#[test]
fn entries_by_name() {
    let module = Module::parse(ENTRY).unwrap();
    assert!(module.entry(Some("f")).is_ok());
    let error = module.entry(Some("g")).unwrap_err().to_string();
    assert_eq!(error, "no entry is called `g`; the module has f");
}

#[test]
fn devices_by_name() {
    assert_eq!("sim".parse(), Ok(DeviceName::Simulator));
    assert_eq!("cuda:3".parse(), Ok(DeviceName::Cuda(3)));
    for text in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "SIM"] {
        assert!(text.parse::<DeviceName>().is_err(), "{text}");
    }
}

#[test]
fn a_missing_gpu_is_an_error_and_no_panic() {
    match gpus() {
        Ok(gpus) => {
            let error = Cuda::open(gpus.len()).unwrap_err();
            assert!(matches!(error, Error::NoGpu { .. }), "{error}");
        }
        Err(error) => assert_eq!(error.to_string(), Cuda::open(0).unwrap_err().to_string()),
    }
}
