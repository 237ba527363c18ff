//! What a kernel computes on the simulator is what Rust computes.

mod arithmetic;
mod casts;
mod control;
mod floats;
mod memory;
mod threads;

use std::sync::LazyLock;

use rand::rngs::Xoshiro256PlusPlus as Generator;
use rand::{RngExt, SeedableRng};
use tilewright::half::{bf16, f16};
use tilewright::ptxas::{self, Ptxas};

/// Values to try: the ones at the edges of a type, and random ones.
trait Sample: Copy + 'static {
    const EDGES: &'static [Self];
    fn random(random: &mut Generator) -> Self;
    /// The bits, where every NaN is the same.
    fn bits(self) -> u64;
}

macro_rules! integers {
    ($($ty:ident)*) => { $(
        impl Sample for $ty {
            const EDGES: &'static [Self] =
                &[0, 1, 2, 3, 7, $ty::MAX, $ty::MAX - 1, $ty::MIN, $ty::MIN + 1, $ty::MAX / 2];
            fn random(random: &mut Generator) -> Self {
                let bits = random.random::<$ty>();
                // Of all magnitudes.
                bits >> random.random_range(0..$ty::BITS)
            }
            fn bits(self) -> u64 {
                self as u64
            }
        }
    )* };
}

integers! { u8 u16 u32 u64 i8 i16 i32 i64 }

macro_rules! floats {
    ($($ty:ident $bits:ident $($convert:ident)?;)*) => { $(
        impl Sample for $ty {
            const EDGES: &'static [Self] = &[
                $ty::from_bits(0), $ty::NAN, $ty::INFINITY, $ty::NEG_INFINITY, $ty::MAX, $ty::MIN,
                $ty::MIN_POSITIVE, $ty::EPSILON, $ty::from_bits(1), $ty::from_bits(1 << ($bits::BITS - 1)),
            ];
            fn random(random: &mut Generator) -> Self {
                match random.random_range(0..4) {
                    0 => $ty::from_bits(random.random()),
                    1 => floats!(@from $ty, random.random_range(-300i32..300) as f32 / 2.0 $(, $convert)?),
                    _ => floats!(@from $ty, random.random_range(-1e3f32..1e3) $(, $convert)?),
                }
            }
            fn bits(self) -> u64 {
                if self.is_nan() { u64::MAX } else { self.to_bits().into() }
            }
        }
    )* };
    (@from $ty:ident, $value:expr) => { $ty::from($value) };
    (@from $ty:ident, $value:expr, $convert:ident) => { $ty::$convert($value) };
}

floats! {
    f16 u16 from_f32;
    bf16 u16 from_f32;
    f32 u32;
    f64 u64;
}

/// As many values as a test launches threads.
const COUNT: u32 = 320;

fn samples<T: Sample>(seed: u64) -> Vec<T> {
    let mut random = Generator::seed_from_u64(seed);
    (0..COUNT as usize)
        .map(|_| match random.random_bool(0.4) {
            true => T::EDGES[random.random_range(0..T::EDGES.len())],
            false => T::random(&mut random),
        })
        .collect()
}

/// Has NVIDIA's assembler take a kernel, where there is one.
fn assemble(ptx: &str, target: &str) {
    static PTXAS: LazyLock<Result<Ptxas, ptxas::Error>> = LazyLock::new(Ptxas::find);
    match &*PTXAS {
        Ok(ptxas) => drop(ptxas.assemble(ptx, target).unwrap()),
        Err(error) => eprintln!("not assembled: {error}"),
    }
}

/// A test that runs one body as a kernel, a thread for each tuple of sampled arguments, and as
/// Rust: `same! { name(a: i32, b: i32) -> i32 { a ^ b } }`. Where Rust says it in other words, they
/// follow: `else { … }`. Arguments that `where …` rejects are replaced by ones.
macro_rules! same {
    ($name:ident($($argument:ident: $ty:ident),*) -> $result:ident
        { $($device:tt)* } $(where $condition:expr)?) => {
        same! { $name($($argument: $ty),*) -> $result { $($device)* } else { $($device)* }
            $(where $condition)? }
    };
    ($name:ident($($argument:ident: $ty:ident),*) -> $result:ident
        { $($device:tt)* } else { $($host:tt)* } $(where $condition:expr)?) => {
        #[test]
        fn $name() {
            #[tilewright::kernel(target = "sm_80")]
            fn device(n: u32, $($argument: *const $ty,)* result: *mut $result) {
                let index = block_index.x * block_dim.x + thread_index.x;
                if index < n {
                    $( let $argument = $argument[index]; )*
                    result[index] = { $($device)* };
                }
            }
            #[allow(unused_parens, unused_mut, clippy::all)]
            fn host($($argument: $ty),*) -> $result { $($host)* }

            use tilewright::kernel::Buffer;
            crate::assemble(device::PTX, device::TARGET);
            for seed in 0..2u64 {
                let mut salt = seed * 100;
                $(
                    salt += 1;
                    let mut $argument = crate::samples::<$ty>(salt);
                )*
                for index in 0..crate::COUNT as usize {
                    let accepted = {
                        $( let $argument = $argument[index]; )*
                        let _ = ($($argument,)*);
                        true $(&& $condition)?
                    };
                    if !accepted {
                        $( $argument[index] = <$ty as crate::Sample>::EDGES[1]; )*
                    }
                }
                let mut simulator = tilewright::device::Simulator::default();
                let result =
                    Buffer::<$result>::uninit(&mut simulator, "result", crate::COUNT as usize)
                        .unwrap();
                let arguments = device::Arguments {
                    n: crate::COUNT,
                    $( $argument: Buffer::new(&mut simulator, stringify!($argument), &$argument)
                        .unwrap()
                        .into(), )*
                    result: result.into(),
                };
                let geometry = tilewright::device::Geometry::new([3, 1, 1], [128, 1, 1]);
                device::launch(&mut simulator, &geometry, &arguments).unwrap();
                let results = result.read(&mut simulator).unwrap();
                assert_eq!(results.len(), crate::COUNT as usize);
                for (index, found) in results.into_iter().enumerate() {
                    $( let $argument = $argument[index]; )*
                    let expected = host($($argument),*);
                    assert_eq!(
                        crate::Sample::bits(found),
                        crate::Sample::bits(expected),
                        "{:?} gave {found:?}, Rust gives {expected:?}",
                        ($($argument,)*)
                    );
                }
            }
        }
    };
}
use same;
