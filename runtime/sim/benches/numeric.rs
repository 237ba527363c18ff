//! How long the arithmetic of one warp takes: 32 lanes of a scalar instruction, or one `mma`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tilewright_sim::numeric::matrix::{self, Element, Register};
use tilewright_sim::numeric::{
    Bf16, E4m3, F16, F32, Mode, Tf32, approximate, convert, float, narrow,
};

fn register(seed: u32, low: f32) -> Register {
    std::array::from_fn(|lane| (low + (seed + lane as u32 * 7 % 13) as f32 * 0.37).to_bits())
}

/// Pairs of 16-bit numbers.
fn packed(seed: u32) -> Register {
    let (x, y) = (register(seed, -1.0), register(seed + 1, -2.0));
    std::array::from_fn(|i| narrow::half_pair::<F16>(x[i], y[i], Default::default()))
}

fn mma<E: Element<W>, const W: usize>(criterion: &mut Criterion, name: &str) {
    let a = [packed(1), packed(2), packed(3), packed(4)];
    let b = [packed(5), packed(6)];
    let c = [1, 2, 3, 4].map(|seed| register(seed, -1.0));
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            let [a0, a1, a2, a3] = black_box(&a);
            let [b0, b1] = black_box(&b);
            let a = [[a0, a1], [a2, a3]];
            matrix::mma_f32::<E, E, W, 2>(a, [b0, b1], black_box(&c).each_ref())
        });
    });
}

fn matrices(criterion: &mut Criterion) {
    mma::<F16, 8>(criterion, "mma m16n8k16 f16");
    mma::<Bf16, 8>(criterion, "mma m16n8k16 bf16");
    mma::<Tf32, 4>(criterion, "mma m16n8k8 tf32");
    mma::<E4m3, 16>(criterion, "mma m16n8k32 e4m3");
}

fn scalars(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("warp");
    group.throughput(Throughput::Elements(32));
    let (x, y, z) = (register(1, -2.0), register(2, 0.1), register(3, 0.5));
    let mut bench = |name: &str, f: &dyn Fn(&Register, &Register, &Register) -> Register| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| f(black_box(&x), black_box(&y), black_box(&z)));
        });
    };
    bench("add.f32", &|x, y, _| {
        std::array::from_fn(|i| float::add::<F32>(x[i], y[i], Mode::NEAREST))
    });
    bench("add.ftz.f32", &|x, y, _| {
        std::array::from_fn(|i| float::add::<F32>(x[i], y[i], Mode::NEAREST_FLUSH))
    });
    bench("fma.rn.f32", &|x, y, z| {
        std::array::from_fn(|i| float::multiply_add::<F32>(x[i], y[i], z[i], Mode::NEAREST))
    });
    bench("max.f32", &|x, y, _| {
        std::array::from_fn(|i| float::maximum::<F32>(x[i], y[i], Default::default()))
    });
    bench("ex2.approx.ftz.f32", &|x, _, _| {
        std::array::from_fn(|i| approximate::exponential::<F32>(x[i], true))
    });
    bench("cvt.rn.f16x2.f32", &|x, y, _| {
        std::array::from_fn(|i| narrow::half_pair::<F16>(x[i], y[i], Default::default()))
    });
    bench("cvt.rn.bf16x2.f32", &|x, y, _| {
        std::array::from_fn(|i| narrow::half_pair::<Bf16>(x[i], y[i], Default::default()))
    });
    bench("cvt.rzi.s32.f32", &|x, _, _| {
        let toward_zero = Mode::NEAREST.rounded(tilewright_sim::numeric::Rounding::TowardZero);
        std::array::from_fn(|i| convert::float_to_integer::<F32, i32>(x[i], toward_zero) as u32)
    });
}

criterion_group!(benches, matrices, scalars);
criterion_main!(benches);
