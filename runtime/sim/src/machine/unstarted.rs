//! The clusters of a grid that have not begun.

use std::sync::atomic::{AtomicU64, Ordering};

use super::random::Random;

/// The clusters that have not begun, which workers begin in an order that the seed chooses, and
/// which `clusterlaunchcontrol` takes away from them.
#[derive(Debug)]
pub(crate) struct Unstarted {
    order: Order,
    /// The place in the order of the next.
    next: AtomicU64,
}

impl Unstarted {
    /// All clusters of a grid.
    pub(super) fn new(clusters: u64, seed: u64) -> Self {
        Self { order: Order::new(clusters, seed), next: AtomicU64::new(0) }
    }

    /// Takes the next cluster, if its place in the order is before `end`: that place, and its index
    /// in the grid.
    pub(crate) fn take(&self, end: u64) -> Option<(u64, u64)> {
        let end = end.min(self.order.count);
        let next = |next: u64| (next < end).then(|| next + 1);
        let place = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        Some((place, self.order.cluster(place)))
    }
}

/// A permutation of the clusters of a grid, which may be far too many to list.
#[derive(Debug)]
struct Order {
    count: u64,
    first: u64,
    /// Shares no factor with `count`, so that steps of it reach every cluster.
    stride: u64,
}

impl Order {
    fn new(count: u64, seed: u64) -> Self {
        let mut random = Random::new(seed, u64::MAX);
        let first = random.below(count);
        let mut stride = 1 + random.below(count);
        while greatest_common_divisor(stride, count) != 1 {
            stride = 1 + random.below(count);
        }
        Self { count, first, stride }
    }

    /// The index in the grid of the cluster that begins at this place in the order.
    fn cluster(&self, place: u64) -> u64 {
        let index = u128::from(place) * u128::from(self.stride) + u128::from(self.first);
        (index % u128::from(self.count)) as u64
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cluster_begins_once() {
        for (count, seed) in [(1, 0), (2, 1), (12, 2), (97, 3), (1000, 4)] {
            let unstarted = Unstarted::new(count, seed);
            let taken = std::iter::from_fn(|| unstarted.take(u64::MAX));
            let mut clusters: Vec<u64> = taken.map(|(_, index)| index).collect();
            clusters.sort_unstable();
            assert_eq!(clusters, (0..count).collect::<Vec<_>>());
        }
    }
}
