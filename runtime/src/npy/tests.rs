use super::*;
use proptest::prelude::*;

const F4: ElementType = ElementType { kind: 'f', size: 4 };

/// A file with the given header text and data.
fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    if version == 1 {
        bytes.extend((header.len() as u16).to_le_bytes());
    } else {
        bytes.extend((header.len() as u32).to_le_bytes());
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn read_bytes(bytes: &[u8]) -> Result<Array, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    std::fs::write(&path, bytes).unwrap();
    read(&path, 1 << 20)
}

/// Checks that a file with this header and eight bytes of data is refused with `reason`.
fn check_refused(header: &str, reason: &str) {
    let error = read_bytes(&file(1, header, &[0; 8])).unwrap_err().to_string();
    assert!(error.contains(reason), "{header}: {error}");
}

#[test]
fn every_version_is_read() {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }  \n";
    for version in 1..=3 {
        let array = read_bytes(&file(version, header, &[1, 2, 3, 4, 5, 6, 7, 8])).unwrap();
        assert_eq!((array.element, array.shape), (F4, vec![2]));
        assert_eq!(array.bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
    }
    let scalar = "{'shape': (), \"descr\": '<f8', 'fortran_order': True}";
    assert_eq!(read_bytes(&file(1, scalar, &[0; 8])).unwrap().shape, [] as [usize; 0]);
}

#[test]
fn what_cannot_be_used_is_refused() {
    let with = |descr: &str, order: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n")
    };
    check_refused(&with("<f4", "True", "(1, 2)"), "Fortran order");
    check_refused(&with(">f4", "False", "(2,)"), "big-endian");
    check_refused(&with("<V2", "False", "(4,)"), "save bf16 as uint16");
    check_refused(&with("<c8", "False", "(1,)"), "floats, integers");
    check_refused(&with("<f1", "False", "(8,)"), "1, 2, 4 or 8 bytes");
    check_refused(
        &with("<f4", "False", "(3,)"),
        "promises 12 bytes of data (3 × 4), the file holds 8",
    );
    check_refused(&with("<f4", "False", "(1,)"), "promises 4 bytes");
    check_refused(&with("<f4", "False", "(99999999999, 99999999999)"), "overflows");
    check_refused(&with("<f4", "False", "(999999999,)"), "where 1048576 are allowed");
    check_refused(&with("<f4", "False", "(-1,)"), "expected an extent");
    check_refused(&with("<f4", "maybe", "(2,)"), "expected True or False");
    check_refused("{'descr': '<f4', 'shape': (2,)}", "no \"fortran_order\"");
    check_refused("{'descr': '<f4', 'descr': '<f4'}", "twice");
    check_refused("{'extra': '<f4'}", "unknown key");
    check_refused("{'descr", "closing quote");
    check_refused("", "expected '{'");
    let error = read_bytes(b"PK\x03\x04 not an array").unwrap_err().to_string();
    assert!(error.contains("does not begin"), "{error}");
    let error = read_bytes(&file(9, "", &[])).unwrap_err().to_string();
    assert!(error.contains("version 9"), "{error}");
    let mut huge = file(2, "{}", &[]);
    huge[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = read_bytes(&huge).unwrap_err().to_string();
    assert!(error.contains("4294967295 bytes"), "{error}");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(shape in prop::collection::vec(0usize..5, 0..5)) {
        let bytes = (0..shape.iter().product::<usize>() * 4).map(|i| i as u8).collect();
        let array = Array { element: F4, shape, bytes };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write(&path, &array).unwrap();
        prop_assert_eq!(read(&path, 1 << 20).unwrap(), array);
    }

    /// Cut short or overwritten anywhere, a file is read or refused, never more.
    #[test]
    fn damage_never_panics(cut in 0usize..140, at in 0usize..140, byte: u8) {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
        let mut bytes = file(1, header, &[0; 24]);
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut);
        let _ = read_bytes(&bytes);
    }
}
