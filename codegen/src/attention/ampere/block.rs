use super::shape::{Arguments, Shape};
use crate::attention::MaskKind;
use crate::attention::visible::KeyTiles;
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
            tiles: arguments
                .visible(shape.mask)
                .tiles((shape.config.tile_m, shape.config.tile_n), first_row),
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

    /// Sets the scores of key tile `tile` that its rows do not see to −∞.
    pub(super) fn mask(
        &self,
        scores: Product<'k>,
        tile: Value<'k, i32>,
        shape: &Shape,
    ) -> Product<'k> {
        let first_key = tile * shape.config.tile_n as i32 + self.thread_column;
        self.arguments.visible(shape.mask).mask(scores, self.thread_row, first_key)
    }
}
