//! Control flow, scopes and functions.

use super::same;

same! { chain(a: u32, b: u32) -> u32 {
    if a < 10 { 1 } else if a < b { 2 } else if b == 0 { 3 } else { 4 }
} }
same! { short_circuit(a: u32, b: u32) -> u32 {
    let mut calls = 0;
    let both = a > 5 && { calls += 1; b > 5 };
    let either = a > 9 || { calls += 10; b > 9 };
    calls * 4 + both as u32 * 2 + either as u32
} }
same! { pure_conditions(a: u32, b: u32) -> u32 {
    let both = a > 5 && b > 5 || !(a == b);
    if both && a != 7 { 1 } else { 0 }
} }
same! { collatz(a: u16) -> u32 {
    let mut n = a as u32 + 1;
    let mut steps = 0;
    while n != 1 {
        n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
} }
same! { loop_with_value(a: u32) -> u32 {
    let mut i = 0u32;
    let found = loop {
        if i * i >= a % 1000 { break i; }
        i += 1;
    };
    found * 2
} }
same! { labels(a: u32, b: u32) -> u32 {
    let mut count = 0;
    'rows: for i in 0..a % 20 {
        for j in 0..b % 20 {
            if j == i { continue 'rows; }
            if i * j == 42 { break 'rows; }
            count += 1;
        }
        count += 100;
    }
    count
} }
same! { inclusive(a: u8, b: u8) -> u32 {
    let mut sum = 0;
    for i in a..=b { sum += i as u32; }
    sum
} }
same! { steps(a: u8, b: u8) -> u32 {
    let mut sum = 0;
    for i in (a..b).step_by(7) { sum += i as u32; }
    for i in (a..=b).step_by(51) { sum += i as u32 * 1000; }
    sum
} }
same! { signed_steps(a: i8, b: i8) -> i32 {
    let mut sum = 0;
    for i in (a..b).step_by(100) { sum += i as i32 + 1000; }
    sum
} }
same! { backwards(a: i8, b: i8) -> i32 {
    let mut sum = 0;
    for i in (a..b).rev() { sum = sum * 3 + i as i32; sum &= 0xffff; }
    for i in (a..=b).rev() { sum = sum * 3 + i as i32; sum &= 0xffff; }
    sum
} }
same! { bounds_are_evaluated_once(a: u32) -> u32 {
    let mut end = a % 50;
    let mut count = 0;
    for mut i in 0..end {
        end += 1;
        i += 3;
        count += i;
    }
    count + end
} }
same! { unrolled(a: u32) -> u32 {
    let mut sum = 0;
    #[unroll]
    for i in (0..10).step_by(3) {
        if i == 6 { continue; }
        sum += a % 100 * i;
        if sum > 500 { break; }
    }
    sum
} else {
    let mut sum = 0;
    for i in (0..10).step_by(3) {
        if i == 6 { continue; }
        sum += a % 100 * i;
        if sum > 500 { break; }
    }
    sum
} }
same! { matched(a: u32, b: i8) -> u32 {
    const SEVEN: u32 = 7;
    let first = match a % 20 {
        0 | 1 => 10,
        2..=5 => 20,
        SEVEN => 30,
        other if b < 0 => other * 2,
        other => other,
    };
    first + match b { i8::MIN..=-1 => 100, 0 => 200, _ => 300 }
} }
same! { labelled_block(a: u32) -> u32 {
    let value = 'found: {
        if a < 5 { break 'found 1; }
        if a < 50 { break 'found 2; }
        3
    };
    value + 1
} }
same! { shadowing(a: u32, b: u32) -> u32 {
    let c = a & 0xff;
    let d = { let c = b & 0xf; c + 1 };
    let c = c * d;
    c
} }
same! { functions(a: i32, b: i32) -> i32 {
    const LIMIT: i32 = 100;
    fn clamp_to_limit(value: i32) -> i32 {
        if value > LIMIT { return LIMIT; }
        if value < -LIMIT { return -LIMIT; }
        value
    }
    fn divide(a: i32, b: i32) -> (i32, i32) { (a / (b * b + 1), a % (b * b + 1)) }
    fn digits(mut value: u32) -> u32 {
        let mut count = 0;
        loop {
            count += 1;
            value /= 10;
            if value == 0 { return count; }
        }
    }
    let (quotient, rest) = divide(clamp_to_limit(a), clamp_to_limit(b));
    quotient * 1000 + rest + digits(clamp_to_limit(a) as u32) as i32
} }
same! { operands_keep_their_order(a: u32, b: u32) -> u32 {
    let mut c = a & 0xff;
    let sum = c * 3 + { c += 1; c } + { c = b & 0xf; c } * c;
    sum + c
} }
same! { arrays_in_registers(a: u32, b: u32) -> u32 {
    let mut values = [a & 7, b & 7, 3, 4];
    values[1] += values[0];
    let copy = values;
    values[0] = 100;
    values = [values[3], values[2], values[1], values[0]];
    copy[0] + values[2] * 10 + values[3] * 100
} }
same! { arrays_in_memory(a: u32, b: u32) -> u32 {
    let mut values = [[1u32; 4]; 3];
    let mut i = 0;
    while i < 12 {
        values[(i / 4) as usize][(i % 4) as usize] = i * (a & 3);
        i += 1;
    }
    values[1][2] += 5;
    let row = values[(b % 3) as usize];
    row[0] + row[3] * 7 + values[1][(a % 4) as usize]
} }
same! { tuples(a: u32, b: u32) -> u32 {
    let mut pair = (a & 0xff, (b & 1) == 0);
    pair.0 += 2;
    let (x, _) = pair;
    if pair.1 { x } else { pair.0 * 2 }
} }
