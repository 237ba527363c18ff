//! Global and shared memory, pointers and atomics.

use tilewright::device::{Geometry, Simulator};
use tilewright::kernel;
use tilewright::kernel::Buffer;

#[kernel(target = "sm_80", max_threads = 256)]
fn transpose(rows: u32, columns: u32, x: *const f32, y: *mut f32) {
    const TILE: u32 = 16;
    #[shared]
    let mut tile: [[f32; TILE as usize + 1]; TILE as usize];
    let column = block_index.x * TILE + thread_index.x;
    let row = block_index.y * TILE + thread_index.y;
    if row < rows && column < columns {
        tile[thread_index.y][thread_index.x] = x[row * columns + column];
    }
    barrier();
    let column = block_index.y * TILE + thread_index.x;
    let row = block_index.x * TILE + thread_index.y;
    if row < columns && column < rows {
        y[row * rows + column] = tile[thread_index.x][thread_index.y];
    }
}

#[test]
fn a_tile_is_transposed_through_shared_memory() {
    let (rows, columns) = (37u32, 50u32);
    let mut device = Simulator::default();
    let x: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
    let input = Buffer::new(&mut device, "x", &x).unwrap();
    let y = Buffer::<f32>::uninit(&mut device, "y", x.len()).unwrap();
    let geometry = Geometry::new([columns.div_ceil(16), rows.div_ceil(16), 1], [16, 16, 1]);
    let arguments = transpose::Arguments { rows, columns, x: input.into(), y: y.into() };
    transpose::launch(&mut device, &geometry, &arguments).unwrap();
    for (i, value) in y.read(&mut device).unwrap().into_iter().enumerate() {
        let (row, column) = (i as u32 / rows, i as u32 % rows);
        assert_eq!(value, x[(column * columns + row) as usize]);
    }
}

#[kernel(target = "sm_80")]
fn pointers(x: *const u32, y: *mut u32, bytes: *mut i8, flags: *mut bool, wide: *const f64) {
    fn sum(values: *const u32, count: usize) -> u32 {
        let mut sum = 0;
        for i in 0..count {
            sum += values[i];
        }
        sum
    }
    let mut cursor = x.add(2);
    y[0] = *cursor;
    cursor = cursor.add(3u64).sub(1);
    y[1] = *cursor;
    y[2] = sum(x, 4) + sum(x.offset(-0i64), 1);
    *y.add(3) = cursor[-1];
    let local = [5u32, 6, 7];
    y[4] = sum(&local[1], 2);
    #[shared]
    let mut shared: [u32; 4];
    for i in 0..4 {
        shared[i] = x[i] * 2;
    }
    y[5] = sum(&shared[0], 4);
    let second = &mut shared[1];
    second[1] = 9;
    y[6] = shared[2];
    bytes[1] = bytes[0] - 100;
    flags[1] = !flags[0];
    y[7] = wide[1] as u32;
    let four = load_4(x.add(4));
    store_4(y.add(8), [four[3], four[2], four[1], four[0]]);
    y[12] = (cursor == x.add(4)) as u32;
}

#[test]
fn pointers_lead_to_any_memory() {
    let mut device = Simulator::default();
    let x: Vec<u32> = (10..20).collect();
    let x = Buffer::new(&mut device, "x", &x).unwrap();
    let y = Buffer::new(&mut device, "y", &[0u32; 13]).unwrap();
    let bytes = Buffer::new(&mut device, "bytes", &[-100i8, 0]).unwrap();
    let flags = Buffer::new(&mut device, "flags", &[1u8, 1]).unwrap();
    let wide = Buffer::new(&mut device, "wide", &[1.0f64, 7.9]).unwrap();
    let arguments = pointers::Arguments {
        x: x.into(),
        y: y.into(),
        bytes: bytes.into(),
        flags: flags.id().into(),
        wide: wide.into(),
    };
    let geometry = Geometry::new([1; 3], [1; 3]);
    pointers::launch(&mut device, &geometry, &arguments).unwrap();
    let expected = [12, 14, 10 + 11 + 12 + 13 + 10, 13, 13, 92, 9, 7, 17, 16, 15, 14, 1];
    assert_eq!(y.read(&mut device).unwrap(), expected);
    assert_eq!(bytes.read(&mut device).unwrap(), [-100, 56]);
    assert_eq!(flags.read(&mut device).unwrap(), [1, 0]);
}

#[kernel(target = "sm_80")]
fn histogram(n: u32, x: *const u32, counts: *mut u32, extremes: *mut i32) {
    #[shared]
    let mut local: [u32];
    let bins = block_dim.x;
    local[thread_index.x] = 0;
    barrier();
    for i in (thread_index.x..n).step_by(block_dim.x) {
        atomic_add(&mut local[x[i] % bins], 1);
        atomic_max(extremes, x[i] as i32);
        atomic_min(&mut extremes[1], x[i] as i32);
    }
    barrier();
    atomic_add(counts.add(thread_index.x), local[thread_index.x]);
}

#[test]
fn atomics_count() {
    let mut device = Simulator::default();
    let x: Vec<u32> = (0..500).map(|i| i * i % 257).collect();
    let input = Buffer::new(&mut device, "x", &x).unwrap();
    let counts = Buffer::new(&mut device, "counts", &[0u32; 64]).unwrap();
    let extremes = Buffer::new(&mut device, "extremes", &[0i32, 1000]).unwrap();
    let geometry = Geometry { dynamic_shared: 64 * 4, ..Geometry::new([1; 3], [64, 1, 1]) };
    let arguments = histogram::Arguments {
        n: 500,
        x: input.into(),
        counts: counts.into(),
        extremes: extremes.into(),
    };
    histogram::launch(&mut device, &geometry, &arguments).unwrap();
    let mut expected = [0u32; 64];
    x.iter().for_each(|value| expected[*value as usize % 64] += 1);
    assert_eq!(counts.read(&mut device).unwrap(), expected);
    let (most, least) = (*x.iter().max().unwrap() as i32, *x.iter().min().unwrap() as i32);
    assert_eq!(extremes.read(&mut device).unwrap(), [most, least]);
}

#[test]
fn they_assemble() {
    for (ptx, target) in [
        (transpose::PTX, transpose::TARGET),
        (pointers::PTX, pointers::TARGET),
        (histogram::PTX, histogram::TARGET),
    ] {
        crate::assemble(ptx, target);
    }
}
