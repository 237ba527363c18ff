use super::shape::{Arguments, Shape};
use crate::attention::visible::KeyTiles;
use crate::dsl::{Builder, Value};

/// What a block computes at a time: a tile of queries of one head in one batch, against the range
/// of key tiles that its rows see, or those of another block of its cluster: they copy every key
/// tile together. Of what only others see, masks leave nothing.
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
        let rows = config.tile_m * config.cluster;
        let groups = (seqlen_q + (rows - 1)) / rows;
        let first = k.block_index().x;
        if config.persistent {
            let count = groups * config.cluster * self.arguments.heads * self.arguments.batch;
            k.for_range(first, count, k.grid_dim().x, |index| body(self.work(index, groups)));
        } else {
            body(self.work(first, groups));
        }
    }

    /// Number `index` of all. Each head has `groups` groups of tiles, one tile for each block of a
    /// cluster.
    fn work(&self, index: Value<'k, u32>, groups: Value<'k, u32>) -> Work<'k> {
        let Arguments { heads, kv_heads, visible, .. } = *self.arguments;
        let config = &self.shape.config;
        let (index, rank) = match config.cluster {
            1 => (index, None),
            blocks => (index / blocks, Some(index % blocks)),
        };
        let (group, head_of_all) = match config.longest_first {
            true => self.longest_first(index, groups),
            false => (index % groups, index / groups),
        };
        let head = head_of_all % heads;
        let rows_of_group = config.tile_m * config.cluster;
        let first_of_group = (group * rows_of_group).as_signed();
        let first_row = match rank {
            None => first_of_group,
            Some(rank) => first_of_group + (rank * config.tile_m).as_signed(),
        };
        let own = visible.tiles((config.tile_m, config.tile_n), first_row);
        let of_group = visible.tiles((rows_of_group, config.tile_n), first_of_group);
        Work {
            head,
            kv_head: head / (heads / kv_heads),
            batch: head_of_all / heads,
            first_row,
            tiles: KeyTiles { begin: of_group.begin, end: of_group.end, ..own },
        }
    }

    /// The group of tiles and the head, counted over all batches: sections of heads, in each of them
    /// the last tiles of every head, then those before. The last tiles have the most keys.
    fn longest_first(
        &self,
        index: Value<'k, u32>,
        groups: Value<'k, u32>,
    ) -> (Value<'k, u32>, Value<'k, u32>) {
        let Arguments { heads, kv_heads, batch, visible, .. } = *self.arguments;
        let shape = self.shape;
        let row_bytes = (shape.head_dim + shape.head_dim_v) * shape.dtype.bytes();
        let cached_rows = self.k.constant(shape.cached_bytes / row_bytes);
        let cached = (cached_rows / visible.seqlen_kv.as_unsigned()).max(1);
        let section = (cached * (heads / kv_heads)).min(heads * batch);
        let before = index / (section * groups) * section;
        let of_section = index % (section * groups);
        let here = section.min(heads * batch - before);
        (groups - 1 - of_section / here, before + of_section % here)
    }
}
