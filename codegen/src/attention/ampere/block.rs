use super::shape::{Arguments, Shape};
use crate::attention::MaskKind;
use crate::dsl::{Builder, Global, Pointer, Value};
use crate::tile::Product;

/// What one block of threads computes: a tile of queries of one head in one batch, against the
/// range of key tiles that its rows see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'k> {
    pub(super) arguments: Arguments<'k>,
    pub(super) head: Value<'k, u32>,
    pub(super) kv_head: Value<'k, u32>,
    pub(super) batch: Value<'k, u32>,
    /// First row of the tile.
    pub(super) first_row: Value<'k, i32>,
    /// Row of this thread's row 0; its rows are 8 apart.
    pub(super) thread_row: Value<'k, i32>,
    /// First column of this thread in a fragment.
    pub(super) thread_column: Value<'k, i32>,
    pub(super) tiles: KeyTiles<'k>,
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

impl<'k> Block<'k> {
    pub(super) fn new(k: &'k Builder, arguments: Arguments<'k>, shape: &Shape) -> Self {
        let index = k.block_index();
        // Under a causal mask the last tile has the most keys: it begins first.
        let tile = match shape.mask {
            MaskKind::Causal => k.grid_dim().x - 1 - index.x,
            MaskKind::Full | MaskKind::Window => index.x,
        };
        let first_row = (tile * shape.config.tile_m).as_signed();
        let thread = k.thread_index().x;
        let (warp, lane) = (thread / 32, thread % 32);
        let thread_row = first_row + (warp * shape.warp_rows() + lane / 4).as_signed();
        let sharing = arguments.heads / arguments.kv_heads;
        Self {
            arguments,
            head: index.y,
            kv_head: index.y / sharing,
            batch: index.z,
            first_row,
            thread_row,
            thread_column: (lane % 4 * 2).as_signed(),
            tiles: KeyTiles::new(&arguments, shape, first_row),
        }
    }

    /// Address of a row of a head in a `[batch, seqlen, heads, head_dim]` array, whose rows are
    /// `stride` bytes apart.
    pub(super) fn row(
        &self,
        array: Pointer<'k, u16, Global>,
        seqlen: Value<'k, i32>,
        row: Value<'k, i32>,
        head: Value<'k, u32>,
        (head_bytes, stride): (u32, Value<'k, u32>),
    ) -> Pointer<'k, u16, Global> {
        let rows = self.batch.multiply_wide(seqlen.as_unsigned()) + row.as_unsigned().widen();
        array.byte_add(rows * stride.widen()).byte_add(head.multiply_wide(head_bytes))
    }

    /// Last and, for a window, first key that row r of this thread sees; both may be out of range.
    fn visible(&self, row: usize) -> (Value<'k, i32>, Option<Value<'k, i32>>) {
        let Arguments { seqlen_q, seqlen_kv, window, .. } = self.arguments;
        let position = self.thread_row + 8 * row as i32 + (seqlen_kv - seqlen_q);
        (position, window.map(|(left, _)| position - left))
    }

    /// Sets the scores of key tile `tile` that its rows do not see to −∞.
    pub(super) fn mask(
        &self,
        scores: Product<'k>,
        tile: Value<'k, i32>,
        shape: &Shape,
    ) -> Product<'k> {
        let first_column = tile * shape.config.tile_n as i32 + self.thread_column;
        let end_of_keys = self.arguments.seqlen_kv - 1;
        let bounds: Vec<_> = (0..scores.rows())
            .map(|row| {
                let (position, first) = self.visible(row);
                let last = match (shape.mask, self.arguments.window) {
                    (MaskKind::Full, _) => end_of_keys,
                    (_, None) => end_of_keys.min(position),
                    (_, Some((_, right))) => end_of_keys.min(position + right),
                };
                (last - first_column, first.map(|first| first - first_column))
            })
            .collect();
        scores.map(|score, row, column| {
            let (last, first) = bounds[row];
            let score = last.lt(column as i32).select(f32::NEG_INFINITY, score);
            match first {
                Some(first) => first.gt(column as i32).select(f32::NEG_INFINITY, score),
                None => score,
            }
        })
    }
}

impl<'k> KeyTiles<'k> {
    fn new(arguments: &Arguments<'k>, shape: &Shape, first_row: Value<'k, i32>) -> Self {
        let Arguments { seqlen_q, seqlen_kv, window, .. } = *arguments;
        let k = seqlen_q.builder();
        let tile_n = shape.config.tile_n as i32;
        let last_row = (first_row + shape.config.tile_m as i32).min(seqlen_q) - 1;
        let offset = seqlen_kv - seqlen_q;
        // Numbers of keys that the first and the last row see, counted from key 0.
        let (seen_by_first, seen_by_last) = match (shape.mask, window) {
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
        Self { begin, end, full_begin, full_end: seen_by_first / tile_n }
    }
}
