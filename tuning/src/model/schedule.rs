//! How blocks fill the multiprocessors: waves, and what the last of them leaves idle.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The time until the last of `blocks` has ended on `multiprocessors` that hold up to `resident`
/// of them at a time.
///
/// A block starts, in the order given, where one ends. `blocks` yields the work in each; with `n`
/// blocks on a multiprocessor each of them gets a unit of its work done in `times[n - 1]`.
pub(super) fn makespan(
    blocks: impl Iterator<Item = f64>,
    multiprocessors: u32,
    times: &[f64],
) -> f64 {
    let mut blocks = blocks.peekable();
    let mut sharers = vec![Sharer::default(); multiprocessors as usize];
    // The first blocks go round the multiprocessors, one to each at a time.
    for _ in 0..times.len() {
        for sharer in &mut sharers {
            sharer.remaining.extend(blocks.next());
        }
    }
    let mut next_ends: BinaryHeap<_> = sharers
        .iter()
        .enumerate()
        .filter_map(|(index, sharer)| Some(Reverse((Time(sharer.next_end(times)?), index))))
        .collect();
    let mut last = 0.0;
    while let Some(Reverse((Time(now), index))) = next_ends.pop() {
        last = now;
        let sharer = &mut sharers[index];
        sharer.advance(now, times);
        sharer.remaining.extend(blocks.next());
        if let Some(end) = sharer.next_end(times) {
            next_ends.push(Reverse((Time(end), index)));
        }
    }
    last
}

/// The time until the last of `blocks` is done where each of `multiprocessors` has one resident
/// block, which takes every so many-th of them; a unit of work takes `time`.
pub(super) fn dealt(blocks: impl Iterator<Item = f64>, multiprocessors: u32, time: f64) -> f64 {
    let mut hands = vec![0.0; multiprocessors as usize];
    for (index, work) in blocks.enumerate() {
        hands[index % multiprocessors as usize] += work;
    }
    hands.into_iter().fold(0.0, f64::max) * time
}

/// A multiprocessor.
#[derive(Clone, Default)]
struct Sharer {
    /// The work that is left in each of its blocks, as of `now`.
    remaining: Vec<f64>,
    now: f64,
}

impl Sharer {
    fn least(&self) -> Option<f64> {
        self.remaining.iter().copied().min_by(f64::total_cmp)
    }

    fn next_end(&self, times: &[f64]) -> Option<f64> {
        Some(self.now + self.least()? * times[self.remaining.len() - 1])
    }

    /// Goes on to the time at which its next block ends, and lets go of that block.
    fn advance(&mut self, now: f64, times: &[f64]) {
        let Some(done) = self.least() else { return };
        debug_assert!(self.next_end(times) == Some(now));
        let ended = self.remaining.iter().position(|&work| work == done);
        self.remaining.iter_mut().for_each(|work| *work -= done);
        ended.map(|index| self.remaining.swap_remove(index));
        self.now = now;
    }
}

#[derive(PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(blocks: &[f64], multiprocessors: u32, times: &[f64], expected: f64) {
        let found = makespan(blocks.iter().copied(), multiprocessors, times);
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
    }

    #[test]
    fn whole_waves() {
        check(&[10.0; 8], 4, &[1.0], 20.0);
    }

    #[test]
    fn a_ninth_block_takes_a_third_wave() {
        check(&[10.0; 9], 4, &[1.0], 30.0);
    }

    #[test]
    fn residents_share() {
        // Two on one multiprocessor run at 1.5 each; alone, the third runs at 1.
        check(&[10.0; 2], 1, &[1.0, 1.5], 15.0);
        check(&[10.0; 3], 1, &[1.0, 1.5], 25.0);
    }

    #[test]
    fn long_blocks_first_balance() {
        check(&[3.0, 2.0, 2.0, 1.0], 2, &[1.0], 4.0);
        check(&[1.0, 2.0, 2.0, 3.0], 2, &[1.0], 5.0);
    }

    #[test]
    fn dealt_blocks_stay_where_they_are() {
        let check = |blocks: &[f64], expected: f64| {
            assert_eq!(dealt(blocks.iter().copied(), 2, 10.0), expected);
        };
        check(&[3.0, 1.0, 3.0, 1.0], 60.0);
        check(&[3.0, 1.0, 1.0], 40.0);
        check(&[], 0.0);
    }

    #[test]
    fn nothing_takes_no_time() {
        check(&[], 3, &[1.0], 0.0);
    }
}
