//! Which keys the rows of a tile see, on the device.

use super::MaskKind;
use crate::dsl::Value;
use crate::tile::Product;

/// The mask of a launch; see [`Mask`](super::Mask).
#[derive(Clone, Copy, Debug)]
pub(super) struct Visible<'k> {
    pub(super) mask: MaskKind,
    pub(super) seqlen_q: Value<'k, i32>,
    pub(super) seqlen_kv: Value<'k, i32>,
    /// Left and right, for a window.
    pub(super) window: Option<(Value<'k, i32>, Value<'k, i32>)>,
}

/// Half-open ranges of key tiles: those that some row sees, and among them those that every row
/// sees in full.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyTiles<'k> {
    pub(super) begin: Value<'k, i32>,
    pub(super) end: Value<'k, i32>,
    pub(super) full_begin: Value<'k, i32>,
    pub(super) full_end: Value<'k, i32>,
}

impl<'k> Visible<'k> {
    /// The key tiles of `tile_n` keys for the `tile_m` rows from `first_row` on, as far as they
    /// exist.
    pub(super) fn tiles(
        &self,
        (tile_m, tile_n): (u32, u32),
        first_row: Value<'k, i32>,
    ) -> KeyTiles<'k> {
        let Self { mask, seqlen_q, seqlen_kv, window } = *self;
        let k = seqlen_q.builder();
        let tile_n = tile_n as i32;
        let last_row = (first_row + tile_m as i32).min(seqlen_q) - 1;
        let offset = seqlen_kv - seqlen_q;
        // Numbers of keys that the first and the last row see, counted from key 0.
        let (seen_by_first, seen_by_last) = match (mask, window) {
            (MaskKind::Full, _) => (seqlen_kv, seqlen_kv),
            (_, window) => {
                let right = window.map_or(k.constant(0), |(_, right)| right) + offset + 1;
                let seen = |row: Value<'k, i32>| (row + right).max(0).min(seqlen_kv);
                (seen(first_row), seen(last_row))
            }
        };
        // The first keys that the first and the last row see.
        let (begin, full_begin) = match window {
            None => (k.constant(0), k.constant(0)),
            Some((left, _)) => {
                let first = |row: Value<'k, i32>| (row + offset - left).max(0);
                (first(first_row) / tile_n, (first(last_row) + (tile_n - 1)) / tile_n)
            }
        };
        let end = (seen_by_last + (tile_n - 1)) / tile_n;
        KeyTiles { begin, end, full_begin, full_end: seen_by_first / tile_n }
    }

    /// Last and, for a window, first key that a row sees; both may be out of range.
    fn keys_of(&self, row: Value<'k, i32>) -> (Value<'k, i32>, Option<Value<'k, i32>>) {
        let position = row + (self.seqlen_kv - self.seqlen_q);
        (position, self.window.map(|(left, _)| position - left))
    }

    /// Sets the scores that their rows do not see to −∞. Row r of the thread is `thread_row` + 8r,
    /// its first column is key `first_key`.
    pub(super) fn mask(
        &self,
        scores: Product<'k>,
        thread_row: Value<'k, i32>,
        first_key: Value<'k, i32>,
    ) -> Product<'k> {
        let rows = 0..scores.rows() as i32;
        let bounds: Vec<_> = rows.map(|row| self.bounds(thread_row + 8 * row, first_key)).collect();
        scores.map(|score, row, column| mask_score(score, bounds[row], column))
    }

    /// Sets the scores of a row that it does not see to −∞; the first is that of key `first_key`.
    pub(super) fn mask_row(
        &self,
        scores: &[Value<'k, f32>],
        row: Value<'k, i32>,
        first_key: Value<'k, i32>,
    ) -> Vec<Value<'k, f32>> {
        let bounds = self.bounds(row, first_key);
        (0..).zip(scores).map(|(column, score)| mask_score(*score, bounds, column)).collect()
    }

    /// Last and, for a window, first column that a row sees, where column 0 is key `first_key`.
    fn bounds(&self, row: Value<'k, i32>, first_key: Value<'k, i32>) -> Bounds<'k> {
        let end_of_keys = self.seqlen_kv - 1;
        let (position, first) = self.keys_of(row);
        let last = match (self.mask, self.window) {
            (MaskKind::Full, _) => end_of_keys,
            (_, None) => end_of_keys.min(position),
            (_, Some((_, right))) => end_of_keys.min(position + right),
        };
        (last - first_key, first.map(|first| first - first_key))
    }
}

/// Last and, for a window, first column that is seen.
type Bounds<'k> = (Value<'k, i32>, Option<Value<'k, i32>>);

/// The score of a column, or −∞ where it is out of bounds.
fn mask_score<'k>(score: Value<'k, f32>, (last, first): Bounds<'k>, column: u32) -> Value<'k, f32> {
    let score = last.lt(column as i32).select(f32::NEG_INFINITY, score);
    match first {
        Some(first) => first.gt(column as i32).select(f32::NEG_INFINITY, score),
        None => score,
    }
}
