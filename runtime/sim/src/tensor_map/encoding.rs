//! The 128 bytes of a tensor map. The driver's encoding is not documented; this one is the
//! simulator's own.

use super::{Element, SIZE, Swizzle, TensorMap, TensorMapError};

/// What an encoded map begins with.
const MAGIC: [u8; 4] = *b"TMAP";
/// Where fields begin.
const RANK: usize = 4;
const ELEMENT: usize = 5;
const INTERLEAVE: usize = 6;
const SWIZZLE: usize = 7;
const ATOMICITY: usize = 8;
const FILL: usize = 9;
const ADDRESS: usize = 16;
/// Five of four bytes, each an extent less one.
const SHAPE: usize = 24;
/// Four of eight bytes.
const STRIDES: usize = 48;
/// Five of two bytes.
const BOX: usize = 80;
/// Five of one byte.
const ELEMENT_STRIDES: usize = 90;

/// A field of an encoded map that `tensormap.replace` replaces, with its index where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Address,
    Rank,
    Box(u32),
    Shape(u32),
    Stride(u32),
    ElementStride(u32),
    Element,
    Interleave,
    Swizzle,
    Atomicity,
    Fill,
}

impl Field {
    /// Where the field begins, and the bytes that it takes for a value of the instruction.
    pub(crate) fn encode(self, value: u64) -> (usize, Vec<u8>) {
        let narrow = value as u8;
        match self {
            Self::Address => (ADDRESS, value.to_le_bytes().into()),
            // The instruction counts from zero.
            Self::Rank => (RANK, vec![narrow.wrapping_add(1)]),
            Self::Box(i) => (BOX + 2 * i as usize, (value as u16).to_le_bytes().into()),
            Self::Shape(i) => {
                (SHAPE + 4 * i as usize, (value.wrapping_sub(1) as u32).to_le_bytes().into())
            }
            Self::Stride(i) => (STRIDES + 8 * i as usize, value.to_le_bytes().into()),
            Self::ElementStride(i) => (ELEMENT_STRIDES + i as usize, vec![narrow]),
            Self::Element => (ELEMENT, vec![narrow]),
            Self::Interleave => (INTERLEAVE, vec![narrow]),
            Self::Swizzle => (SWIZZLE, vec![narrow]),
            Self::Atomicity => (ATOMICITY, vec![narrow]),
            Self::Fill => (FILL, vec![narrow]),
        }
    }
}

/// Replaces a field of an encoded map. A map may be made from zeros by replacing every field.
///
/// # Errors
///
/// Where the bytes are neither a map nor zeros.
pub(crate) fn replace_field(
    bytes: &mut [u8],
    field: Field,
    value: u64,
) -> Result<(), TensorMapError> {
    if bytes.iter().all(|&byte| byte == 0) {
        bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
    }
    if bytes[..MAGIC.len()] != MAGIC {
        return Err(TensorMapError::NotAMap);
    }
    let (at, encoded) = field.encode(value);
    bytes[at..at + encoded.len()].copy_from_slice(&encoded);
    Ok(())
}

impl TensorMap {
    /// The 128 bytes that a kernel takes as a parameter or finds in memory. They mean something to
    /// the simulator only.
    pub fn encode(&self) -> Vec<u8> {
        let element = Element::ALL.iter().position(|&element| element == self.element);
        let (swizzle, atomicity) = match self.swizzle {
            Swizzle::None => (0, 0),
            Swizzle::Bytes32 => (1, 0),
            Swizzle::Bytes64 => (2, 0),
            Swizzle::Bytes128 => (3, 0),
            Swizzle::Bytes128Atom32 => (3, 1),
            Swizzle::Bytes128Atom64 => (3, 3),
        };
        let mut fields = vec![
            (Field::Rank, (self.shape.len() as u64).wrapping_sub(1)),
            (Field::Element, element.unwrap_or_default() as u64),
            (Field::Swizzle, swizzle),
            (Field::Atomicity, atomicity),
            (Field::Fill, u64::from(self.fill_nan)),
            (Field::Address, self.address),
        ];
        let of = |field: fn(u32) -> Field, values: &mut dyn Iterator<Item = u64>| {
            values.zip(0..5).map(|(value, i)| (field(i), value)).collect::<Vec<_>>()
        };
        fields.extend(of(Field::Shape, &mut self.shape.iter().copied()));
        fields.extend(of(Field::Stride, &mut self.strides.iter().copied().take(4)));
        fields.extend(of(Field::Box, &mut self.box_shape.iter().map(|&n| n.into())));
        fields
            .extend(of(Field::ElementStride, &mut self.element_strides.iter().map(|&n| n.into())));
        let mut bytes = vec![0; SIZE as usize];
        bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
        for (field, value) in fields {
            let (at, encoded) = field.encode(value);
            bytes[at..at + encoded.len()].copy_from_slice(&encoded);
        }
        bytes
    }

    /// The map that bytes encode.
    ///
    /// # Errors
    ///
    /// Where they encode none, or one that the hardware does not take.
    pub fn decode(bytes: &[u8]) -> Result<Self, TensorMapError> {
        if bytes.len() != SIZE as usize || bytes[..MAGIC.len()] != MAGIC {
            return Err(TensorMapError::NotAMap);
        }
        let number = |at: usize, size: usize| {
            bytes[at..at + size].iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte))
        };
        let wrong = |field, found, expected| TensorMapError::Field { field, found, expected };
        let rank = number(RANK, 1);
        if !(1..=5).contains(&rank) {
            return Err(wrong("rank", rank, "1 to 5"));
        }
        let rank = rank as usize;
        let element = number(ELEMENT, 1);
        let Some(&element) = Element::ALL.get(element as usize) else {
            return Err(wrong("element type", element, "0 to 12: packed types are not simulated"));
        };
        let interleave = number(INTERLEAVE, 1);
        if interleave != 0 {
            return Err(wrong("interleave layout", interleave, "0: others are not simulated"));
        }
        let swizzle = match (number(SWIZZLE, 1), number(ATOMICITY, 1)) {
            (0, _) => Swizzle::None,
            (1, 0) => Swizzle::Bytes32,
            (2, 0) => Swizzle::Bytes64,
            (3, 0) => Swizzle::Bytes128,
            (3, 1) => Swizzle::Bytes128Atom32,
            (3, 3) => Swizzle::Bytes128Atom64,
            (3, atomicity) => {
                return Err(wrong("swizzle atomicity", atomicity, "16, 32 or 64 bytes (0, 1, 3)"));
            }
            (swizzle, _) => return Err(wrong("swizzle mode", swizzle, "0 to 3")),
        };
        let map = Self {
            element,
            address: number(ADDRESS, 8),
            shape: (0..rank).map(|i| number(SHAPE + 4 * i, 4) + 1).collect(),
            strides: (1..rank).map(|i| number(STRIDES + 8 * (i - 1), 8)).collect(),
            box_shape: (0..rank).map(|i| number(BOX + 2 * i, 2) as u32).collect(),
            element_strides: (0..rank).map(|i| number(ELEMENT_STRIDES + i, 1) as u32).collect(),
            swizzle,
            fill_nan: number(FILL, 1) != 0,
        };
        map.check()?;
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> TensorMap {
        TensorMap {
            element: Element::F16,
            address: 0x7_0000_0100,
            shape: vec![1 << 32, 7, 6, 5, 4],
            strides: vec![16, 1 << 39, 64, 128],
            box_shape: vec![8, 256, 1, 2, 3],
            element_strides: vec![1, 2, 3, 4, 8],
            swizzle: Swizzle::Bytes128Atom64,
            fill_nan: true,
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        assert_eq!(TensorMap::decode(&map().encode()), Ok(map()));
    }

    #[test]
    fn what_is_replaced_is_there() {
        let mut bytes = map().encode();
        let mut replace = |field, value| replace_field(&mut bytes, field, value).unwrap();
        replace(Field::Rank, 1);
        replace(Field::Shape(1), 33);
        replace(Field::Stride(0), 48);
        replace(Field::Element, 7);
        replace(Field::Box(0), 16);
        let found = TensorMap::decode(&bytes).unwrap();
        assert_eq!((found.element, found.shape.len()), (Element::F32, 2));
        assert_eq!((found.shape[1], found.strides[0], found.box_shape[0]), (33, 48, 16));
    }

    #[test]
    fn what_the_hardware_does_not_take_is_refused() {
        let refuse = |change: &dyn Fn(&mut TensorMap), expected: &str| {
            let mut map = map();
            change(&mut map);
            let error = TensorMap::decode(&map.encode()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        refuse(&|m| m.address += 8, "address");
        refuse(&|m| m.strides[1] = 24, "stride of the tensor map is 24; expected a multiple of 16");
        refuse(&|m| m.box_shape[2] = 0, "box extent of the tensor map is 0");
        refuse(&|m| m.box_shape[0] = 72, "innermost box extent of the tensor map is 144");
        refuse(&|m| m.element = Element::U16, "fill mode");
        assert_eq!(TensorMap::decode(&[0; 128]), Err(TensorMapError::NotAMap));
    }
}
