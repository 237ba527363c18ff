//! Who computes what: query tiles of all heads and batches, in one line.

use super::arguments::Arguments;
use super::visible::KeyTiles;
use super::{Grid, Problem};
use crate::dsl::{Builder, Value};
use crate::gpu::Gpu;

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
pub(super) struct Order {
    /// Query rows and keys of a tile.
    pub(super) tile: (u32, u32),
    /// Blocks of a cluster, which take neighbouring query tiles of one head.
    pub(super) cluster: u32,
    /// Where tiles begin with those that have the most keys, how many rows of keys and values the
    /// second-level cache holds: heads are taken by as many as have theirs there.
    pub(super) longest_first: Option<u32>,
}

impl Order {
    /// The order for tiles of query rows and keys. Heads are taken by as many as have their keys
    /// and values in half the second-level cache, if `longest_first`.
    pub(super) fn new(
        problem: &Problem,
        gpu: &Gpu,
        tile: (u32, u32),
        cluster: u32,
        longest_first: bool,
    ) -> Self {
        let cached_bytes = u32::try_from(gpu.l2_bytes / 2).unwrap_or(u32::MAX);
        let row_bytes = (problem.head_dim + problem.head_dim_v) * problem.dtype.bytes();
        Self { tile, cluster, longest_first: longest_first.then_some(cached_bytes / row_bytes) }
    }

    /// A block for each tile, or as many as there are multiprocessors.
    pub(super) fn grid(&self, gpu: &Gpu, persistent: bool) -> Grid {
        let most = gpu.multiprocessors / self.cluster * self.cluster;
        Grid::Line { cluster: self.cluster, most: persistent.then_some(most) }
    }

    /// Groups of query tiles of a head, one tile for each block of a cluster.
    pub(super) fn groups<'k>(&self, arguments: &Arguments<'k>) -> Value<'k, u32> {
        let rows = self.tile.0 * self.cluster;
        let seqlen_q = arguments.visible.seqlen_q.as_unsigned();
        (seqlen_q + (rows - 1)) / rows
    }

    /// Query tiles of all heads, of which each has `groups` groups.
    pub(super) fn count<'k>(
        &self,
        arguments: &Arguments<'k>,
        groups: Value<'k, u32>,
    ) -> Value<'k, u32> {
        groups * self.cluster * arguments.heads * arguments.batch
    }

    /// Number `index` of all. Each head has `groups` groups of tiles.
    pub(super) fn work<'k>(
        &self,
        arguments: &Arguments<'k>,
        index: Value<'k, u32>,
        groups: Value<'k, u32>,
    ) -> Work<'k> {
        let Arguments { heads, kv_heads, visible, .. } = *arguments;
        let (tile_m, tile_n) = self.tile;
        let (index, rank) = match self.cluster {
            1 => (index, None),
            blocks => (index / blocks, Some(index % blocks)),
        };
        let (group, head_of_all) = match self.longest_first {
            Some(cached_rows) => longest_first(arguments, cached_rows, index, groups),
            None => (index % groups, index / groups),
        };
        let head = head_of_all % heads;
        let rows_of_group = tile_m * self.cluster;
        let first_of_group = (group * rows_of_group).as_signed();
        let first_row = match rank {
            None => first_of_group,
            Some(rank) => first_of_group + (rank * tile_m).as_signed(),
        };
        let own = visible.tiles((tile_m, tile_n), first_row);
        let of_group = visible.tiles((rows_of_group, tile_n), first_of_group);
        Work {
            head,
            kv_head: head / (heads / kv_heads),
            batch: head_of_all / heads,
            first_row,
            tiles: KeyTiles { begin: of_group.begin, end: of_group.end, ..own },
        }
    }
}

/// The group of tiles and the head, counted over all batches: sections of heads, in each of them
/// the last tiles of every head, then those before. The last tiles have the most keys.
fn longest_first<'k>(
    arguments: &Arguments<'k>,
    cached_rows: u32,
    index: Value<'k, u32>,
    groups: Value<'k, u32>,
) -> (Value<'k, u32>, Value<'k, u32>) {
    let Arguments { heads, kv_heads, batch, visible, .. } = *arguments;
    let k: &Builder = index.builder();
    let cached_rows = k.constant(cached_rows);
    let cached = (cached_rows / visible.seqlen_kv.as_unsigned()).max(1);
    let section = (cached * (heads / kv_heads)).min(heads * batch);
    let before = index / (section * groups) * section;
    let of_section = index % (section * groups);
    let here = section.min(heads * batch - before);
    (groups - 1 - of_section / here, before + of_section % here)
}
