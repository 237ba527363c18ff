//! Threads of a warp and a block, and a device's own faults.

use tilewright::device::{Error, Geometry, Simulator};
use tilewright::kernel;
use tilewright::kernel::Buffer;

#[kernel(target = "sm_80")]
fn lanes(x: *const u64, y: *mut u64, z: *mut u32) {
    let thread = thread_index.x;
    let value = x[thread];
    y[thread] = shuffle_xor(value, 5)
        + shuffle_up(value, 1) * 3
        + shuffle_down(value, 2) * 7
        + shuffle_index(value, lane / 2) * 11;
    let odd = thread % 3 == 1;
    z[thread] = vote_ballot(odd)
        ^ vote_any(odd) as u32
        ^ vote_all(odd) as u32
        ^ redux_add(thread)
        ^ redux_max(thread)
        ^ warp;
}

#[test]
fn lanes_exchange_values() {
    let mut device = Simulator::default();
    let x: Vec<u64> = (0..64u64).map(|i| i * 0x1_0000_0001).collect();
    let input = Buffer::new(&mut device, "x", &x).unwrap();
    let y = Buffer::<u64>::uninit(&mut device, "y", 64).unwrap();
    let z = Buffer::<u32>::uninit(&mut device, "z", 64).unwrap();
    let arguments = lanes::Arguments { x: input.into(), y: y.into(), z: z.into() };
    lanes::launch(&mut device, &Geometry::new([1; 3], [64, 1, 1]), &arguments).unwrap();
    let (y, z) = (y.read(&mut device).unwrap(), z.read(&mut device).unwrap());
    for thread in 0..64usize {
        let (warp, lane) = (thread / 32, thread % 32);
        let at = |lane: usize| x[warp * 32 + lane];
        let up = at(lane.saturating_sub(1));
        let down = at(if lane + 2 < 32 { lane + 2 } else { lane });
        assert_eq!(y[thread], at(lane ^ 5) + up * 3 + down * 7 + at(lane / 2) * 11);
        let members = || (warp * 32..warp * 32 + 32).map(|thread| thread as u32);
        let ballot = members().filter(|t| t % 3 == 1).map(|t| 1 << (t % 32)).sum::<u32>();
        let greatest = warp as u32 * 32 + 31;
        assert_eq!(z[thread], ballot ^ 1 ^ members().sum::<u32>() ^ greatest ^ warp as u32);
    }
}

#[kernel(target = "sm_80")]
fn indices(out: *mut u32) {
    let block = block_index.x + grid_dim.x * (block_index.y + grid_dim.y * block_index.z);
    let size = block_dim.x * block_dim.y * block_dim.z;
    let thread = thread_index.x + block_dim.x * (thread_index.y + block_dim.y * thread_index.z);
    out[block * size + thread] = warp * 32 + lane;
}

#[test]
fn warps_count_threads_with_x_fastest() {
    let mut device = Simulator::default();
    let out = Buffer::<u32>::uninit(&mut device, "out", 2 * 3 * 2 * 5 * 4 * 3).unwrap();
    let geometry = Geometry::new([2, 3, 2], [5, 4, 3]);
    indices::launch(&mut device, &geometry, &indices::Arguments { out: out.into() }).unwrap();
    for (i, value) in out.read(&mut device).unwrap().into_iter().enumerate() {
        assert_eq!(value as usize, i % 60);
    }
}

#[kernel(target = "sm_80")]
fn doubled(n: u32, x: *const f32, y: *mut f32) {
    #[shared]
    let mut tile: [f32; 64];
    copy_async_4(&mut tile[thread_index.x], x.add(thread_index.x));
    copy_async_commit();
    copy_async_wait(0);
    y[thread_index.x] = tile[thread_index.x] * n as f32;
}

#[test]
fn copies_arrive() {
    let mut device = Simulator::default();
    let x: Vec<f32> = (0..64).map(|i| i as f32).collect();
    let input = Buffer::new(&mut device, "x", &x).unwrap();
    let y = Buffer::<f32>::uninit(&mut device, "y", 64).unwrap();
    let kernel = doubled::load(&mut device).unwrap();
    let arguments = doubled::Arguments { n: 2, x: input.into(), y: y.into() };
    kernel.launch(&mut device, &Geometry::new([1; 3], [64, 1, 1]), &arguments).unwrap();
    assert_eq!(y.read(&mut device).unwrap(), x.iter().map(|x| x * 2.0).collect::<Vec<_>>());
}

#[test]
fn an_access_outside_a_buffer_is_reported() {
    let mut device = Simulator::default();
    let input = Buffer::new(&mut device, "x", &[0f32; 63]).unwrap();
    let y = Buffer::<f32>::uninit(&mut device, "y", 64).unwrap();
    let arguments = doubled::Arguments { n: 2, x: input.into(), y: y.into() };
    let result = doubled::launch(&mut device, &Geometry::new([1; 3], [64, 1, 1]), &arguments);
    assert!(matches!(result, Err(Error::Fault(_))), "{result:?}");
}

#[test]
fn they_assemble() {
    for (ptx, target) in [
        (lanes::PTX, lanes::TARGET),
        (indices::PTX, indices::TARGET),
        (doubled::PTX, doubled::TARGET),
    ] {
        crate::assemble(ptx, target);
    }
}
