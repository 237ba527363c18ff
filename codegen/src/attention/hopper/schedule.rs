use super::shape::{Arguments, Shape};
use crate::attention::visible::KeyTiles;
use crate::dsl::{Builder, Value};

/// What a block computes at a time: a tile of queries of one head in one batch, against the range
/// of key tiles that its rows see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work<'k> {
    pub(super) head: Value<'k, u32>,
    pub(super) kv_head: Value<'k, u32>,
    pub(super) batch: Value<'k, u32>,
    /// First row of the tile.
    pub(super) first_row: Value<'k, i32>,
    pub(super) tiles: KeyTiles<'k>,
}

/// The order in which blocks take the query tiles of all heads and batches, counted in one line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule<'a, 'k> {
    k: &'k Builder,
    arguments: &'a Arguments<'k>,
    shape: &'a Shape,
}

impl<'a, 'k> Schedule<'a, 'k> {
    pub(super) fn new(k: &'k Builder, arguments: &'a Arguments<'k>, shape: &'a Shape) -> Self {
        Self { k, arguments, shape }
    }

    /// Runs `body` for each of the block's tiles.
    pub(super) fn for_each(&self, body: impl FnOnce(Work<'k>)) {
        let (k, config) = (self.k, &self.shape.config);
        let seqlen_q = self.arguments.visible.seqlen_q.as_unsigned();
        let tile_m = config.tile_m * config.cluster;
        let tiles = (seqlen_q + (tile_m - 1)) / tile_m * config.cluster;
        let first = k.block_index().x;
        if config.persistent {
            let count = tiles * self.arguments.heads * self.arguments.batch;
            k.for_range(first, count, k.grid_dim().x, |index| body(self.work(index, tiles)));
        } else {
            body(self.work(first, tiles));
        }
    }

    /// Number `index` of all, of which each head has `tiles`.
    fn work(&self, index: Value<'k, u32>, tiles: Value<'k, u32>) -> Work<'k> {
        let Arguments { heads, kv_heads, visible, .. } = *self.arguments;
        let (tile, head_of_all) = match self.shape.config.longest_first {
            true => self.longest_first(index, tiles),
            false => (index % tiles, index / tiles),
        };
        let config = &self.shape.config;
        let head = head_of_all % heads;
        let first_row = (tile * config.tile_m).as_signed();
        Work {
            head,
            kv_head: head / (heads / kv_heads),
            batch: head_of_all / heads,
            first_row,
            tiles: visible.tiles((config.tile_m, config.tile_n), first_row),
        }
    }

    /// The tile and the head, counted over all batches: sections of heads, in each of them the last
    /// tile of every head, then the one before. The last tile has the most keys.
    fn longest_first(
        &self,
        index: Value<'k, u32>,
        tiles: Value<'k, u32>,
    ) -> (Value<'k, u32>, Value<'k, u32>) {
        let Arguments { heads, kv_heads, batch, visible, .. } = *self.arguments;
        let shape = self.shape;
        let row_bytes = (shape.head_dim + shape.head_dim_v) * shape.dtype.bytes();
        let cached_rows = self.k.constant(shape.cached_bytes / row_bytes);
        let cached = (cached_rows / visible.seqlen_kv.as_unsigned()).max(1);
        let section = (cached * (heads / kv_heads)).min(heads * batch);
        let before = index / (section * tiles) * section;
        let of_section = index % (section * tiles);
        let here = section.min(heads * batch - before);
        (tiles - 1 - of_section / here, before + of_section % here)
    }
}
