use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tilewright::dsl;
use tilewright::sim::Options;
use tilewright_tests::run::{Arg, geometry, reread, run};

const DIVISORS: [u32; 14] = [1, 2, 3, 7, 12, 32, 80, 96, 112, 128, 224, 641, 1 << 31, u32::MAX];

/// Quotients and remainders of a number by every divisor, as unsigned and signed numbers.
fn divided(number: u32) -> Vec<u32> {
    let signed = number as i32;
    let by = |divisor: &u32| {
        let divisor_signed = *divisor as i32;
        let (quotient, remainder) = (number / divisor, number % divisor);
        let signed = [signed.wrapping_div(divisor_signed), signed.wrapping_rem(divisor_signed)];
        [quotient, remainder, signed[0] as u32, signed[1] as u32]
    };
    DIVISORS.iter().flat_map(by).collect()
}

#[test]
fn whole_numbers_are_divided_by_constants() {
    let module = dsl::kernel("divide", "sm_80".parse().unwrap(), |k| {
        let (x, y) = (k.pointer_parameter::<u32>("x"), k.pointer_parameter::<u32>("y"));
        let thread = k.thread_index().x;
        let number = x.element(thread).load();
        let results = DIVISORS.into_iter().flat_map(|divisor| {
            let signed = number.as_signed();
            let by_signed = [signed / divisor as i32, signed % divisor as i32];
            [number / divisor, number % divisor]
                .into_iter()
                .chain(by_signed.map(|r| r.as_unsigned()))
        });
        for (index, result) in (0..).zip(results) {
            y.element(thread * (4 * DIVISORS.len() as u32) + index).store(result);
        }
    });
    let mut random = SmallRng::seed_from_u64(7);
    let near = DIVISORS.into_iter().flat_map(|d| [d, d - 1, d.wrapping_neg(), d.wrapping_mul(3)]);
    let numbers: Vec<u32> = near
        .chain([0, 1 << 31])
        .chain(std::iter::repeat_with(|| random.random()))
        .take(256)
        .collect();
    let expected: Vec<u32> = numbers.iter().flat_map(|number| divided(*number)).collect();
    let bytes = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>();
    let args = [Arg::Buffer("x", bytes(&numbers)), Arg::Output("y", 4 * expected.len())];
    let geometry = geometry([1, 1, 1], 256, 0);
    let (buffers, _) = run(&reread(module), &geometry, &args, Options::default()).unwrap();
    assert!(buffers[1] == bytes(&expected), "a quotient or remainder is wrong");
}
