//! Where the elements of a box lie in global and in shared memory.

use crate::tensor_map::TensorMap;

/// Bytes that stay together in shared memory whatever the swizzle.
const UNIT: u32 = 16;

/// Bytes of a box that are contiguous on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Where they are in shared memory.
    pub(super) shared: u64,
    pub(super) size: u32,
    /// Where they are in global memory; nowhere, if they are outside of the tensor.
    pub(super) global: Option<u64>,
}

/// Bytes of a row of a box, before they are permuted.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// From the beginning of the box in shared memory.
    offset: u32,
    /// Coordinates of its first element.
    global: RowPlace,
}

/// Where a row is in global memory.
#[derive(Clone, Copy, Debug)]
enum RowPlace {
    /// The address of an element with coordinate 0 in dimension 0.
    Inside(u64),
    Outside,
}

/// The rows of a box.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    rows: Vec<Row>,
    /// The coordinate in dimension 0 of the first element of each row.
    first: i64,
    /// Bytes of a row.
    row: u32,
}

impl Tile {
    /// The box at these coordinates, of as many dimensions as the tensor.
    pub(super) fn at(map: &TensorMap, coordinates: &[i32]) -> Self {
        let rank = map.shape.len();
        let row = map.box_shape[0] * map.element.size();
        let counts: Vec<u32> = (1..rank).map(|dimension| map.taken(dimension)).collect();
        let total: u32 = counts.iter().product();
        let mut rows = Vec::with_capacity(total as usize);
        let mut index = vec![0; counts.len()];
        for offset in (0..total).map(|i| i * row) {
            let coordinate = |i: usize| {
                let step = index[i] * map.element_strides[i + 1];
                i64::from(coordinates[i + 1]) + i64::from(step)
            };
            let outer: Vec<i64> = (0..counts.len()).map(coordinate).collect();
            rows.push(Row { offset, global: place(map, &outer) });
            for (index, &count) in index.iter_mut().zip(&counts) {
                *index += 1;
                if *index < count {
                    break;
                }
                *index = 0;
            }
        }
        Self { rows, first: coordinates[0].into(), row }
    }

    /// Four rows of a matrix, of `gather4` and `scatter4`.
    pub(super) fn four_rows(map: &TensorMap, first: i32, rows: [i32; 4]) -> Self {
        let row = map.box_shape[0] * map.element.size();
        let rows = (0..).zip(rows).map(|(i, coordinate)| Row {
            offset: i * row,
            global: place(map, &[coordinate.into()]),
        });
        Self { rows: rows.collect(), first: first.into(), row }
    }

    /// Bytes in shared memory.
    pub(super) fn size(&self) -> u32 {
        self.rows.len() as u32 * self.row
    }

    /// The bytes of the box, whose image in shared memory begins at an address.
    pub(super) fn runs(&self, map: &TensorMap, shared: u64) -> Vec<Run> {
        let size = i64::from(map.element.size());
        let inside = 0..(map.shape[0] as i64).saturating_mul(size);
        let unit = if map.swizzle.span().is_some() { UNIT } else { self.row };
        let mut runs = Vec::new();
        for row in &self.rows {
            for begin in (0..self.row).step_by(unit as usize) {
                // Bytes from where the row would begin at coordinate 0.
                let at = self.first * size + i64::from(begin);
                let end = at + i64::from(unit.min(self.row - begin));
                let to = map.swizzle.apply(shared + u64::from(row.offset + begin));
                let base = match row.global {
                    RowPlace::Inside(base) => base,
                    RowPlace::Outside => {
                        runs.push(Run { shared: to, size: (end - at) as u32, global: None });
                        continue;
                    }
                };
                let from = at.clamp(inside.start, end.max(inside.start)).min(end);
                let until = end.clamp(from, inside.end.max(from));
                for (start, stop, is_inside) in
                    [(at, from, false), (from, until, true), (until, end, false)]
                {
                    if start < stop {
                        runs.push(Run {
                            shared: to + (start - at) as u64,
                            size: (stop - start) as u32,
                            global: is_inside.then(|| base.wrapping_add_signed(start)),
                        });
                    }
                }
            }
        }
        runs
    }
}

/// Where the row with these coordinates in dimension 1 and up is.
fn place(map: &TensorMap, outer: &[i64]) -> RowPlace {
    let mut address = map.address;
    for (i, &coordinate) in outer.iter().enumerate() {
        if coordinate < 0 || coordinate as u64 >= map.shape[i + 1] {
            return RowPlace::Outside;
        }
        address = address.wrapping_add(map.strides[i].wrapping_mul(coordinate as u64));
    }
    RowPlace::Inside(address)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::tensor_map::{Element, Swizzle};

    /// Each byte of shared memory with where it comes from, by the definition: element by element.
    fn by_definition(
        map: &TensorMap,
        coordinates: &[i32],
        shared: u64,
    ) -> BTreeMap<u64, Option<u64>> {
        let rank = map.shape.len();
        let size = u64::from(map.element.size());
        let counts: Vec<u64> = (0..rank).map(|d| map.taken(d).into()).collect();
        let mut bytes = BTreeMap::new();
        for element in 0..counts.iter().product() {
            let (mut rest, mut address, mut inside) = (element, map.address, true);
            for d in 0..rank {
                let step = if d == 0 { 1 } else { map.element_strides[d].into() };
                let coordinate = i64::from(coordinates[d]) + (rest % counts[d] * step) as i64;
                rest /= counts[d];
                inside &= (0..map.shape[d] as i64).contains(&coordinate);
                let stride = if d == 0 { size } else { map.strides[d - 1] };
                address = address.wrapping_add_signed(coordinate * stride as i64);
            }
            for byte in 0..size {
                let to = map.swizzle.apply(shared + element * size + byte);
                bytes.insert(to, inside.then_some(address + byte));
            }
        }
        bytes
    }

    fn check(map: &TensorMap, coordinates: &[i32], shared: u64) {
        let tile = Tile::at(map, coordinates);
        let mut bytes = BTreeMap::new();
        for run in tile.runs(map, shared) {
            for byte in 0..u64::from(run.size) {
                bytes.insert(run.shared + byte, run.global.map(|global| global + byte));
            }
        }
        assert_eq!(bytes.len() as u32, tile.size(), "every byte once");
        assert_eq!(bytes, by_definition(map, coordinates, shared));
    }

    fn matrix(swizzle: Swizzle) -> TensorMap {
        TensorMap {
            element: Element::F16,
            address: 0x7_0000_0000,
            shape: vec![70, 40],
            strides: vec![160],
            box_shape: vec![16, 8],
            element_strides: vec![1, 1],
            swizzle,
            fill_nan: false,
        }
    }

    #[test]
    fn boxes_at_the_edges_of_a_tensor() {
        let map = matrix(Swizzle::Bytes32);
        for coordinates in [[0, 0], [64, 36], [-3, -2], [70, 0], [0, 40], [-100, 5], [1000, 1000]] {
            check(&map, &coordinates, 0x400);
        }
        assert!(Tile::at(&map, &[i32::MIN, 0]).runs(&map, 0).iter().all(|r| r.global.is_none()));
        assert!(Tile::at(&map, &[i32::MAX, 0]).runs(&map, 0).iter().all(|r| r.global.is_none()));
    }

    #[test]
    fn rows_are_gathered() {
        let map = TensorMap { box_shape: vec![16, 1], ..matrix(Swizzle::None) };
        let runs = Tile::four_rows(&map, 8, [3, 39, 40, -1]).runs(&map, 0);
        let row = |i: u64, global| Run { shared: 32 * i, size: 32, global };
        let at = |y: u64| Some(map.address + 160 * y + 16);
        assert_eq!(runs, [row(0, at(3)), row(1, at(39)), row(2, None), row(3, None)]);
    }

    fn maps() -> impl Strategy<Value = (TensorMap, Vec<i32>)> {
        use Swizzle::*;
        let swizzle = prop::sample::select(vec![
            None,
            Bytes32,
            Bytes64,
            Bytes128,
            Bytes128Atom32,
            Bytes128Atom64,
        ]);
        let element =
            prop::sample::select(vec![Element::U8, Element::Bf16, Element::F32, Element::F64]);
        let dimension = (1_u64..9, 1_u32..5, 1_u32..4, -3_i32..9);
        (swizzle, element, prop::collection::vec(dimension, 1..=5), 1_u32..4).prop_map(
            |(swizzle, element, dimensions, units)| {
                let size = element.size();
                let inner = match swizzle.span() {
                    Some(span) => (16 * units).min(span) / size,
                    Option::None => 16 * units / size,
                };
                let mut box_shape: Vec<u32> = dimensions.iter().map(|d| d.1).collect();
                box_shape[0] = inner;
                let map = TensorMap {
                    element,
                    address: 0x7_0000_0000,
                    shape: dimensions.iter().map(|d| d.0 * 4).collect(),
                    strides: (1..dimensions.len()).map(|i| 1024 << (2 * i)).collect(),
                    box_shape,
                    element_strides: dimensions.iter().map(|d| d.2).collect(),
                    swizzle,
                    fill_nan: false,
                };
                (map, dimensions.iter().map(|d| d.3).collect())
            },
        )
    }

    proptest! {
        #[test]
        fn runs_are_what_the_definition_says((map, coordinates) in maps()) {
            check(&map, &coordinates, 0x2400);
        }
    }
}
