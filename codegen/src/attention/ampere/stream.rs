use super::block::Block;
use super::shape::Shape;
use crate::dsl::{Builder, Global, Pointer, Shared, Value};
use crate::tile::{CopyRing, MatrixOrder, MatrixReader, SharedLayout, TileCopy, Wanted};

/// The key and value tiles of a block, last tile first, as they arrive in shared memory. It owns
/// every commit, wait and barrier of the loop.
#[derive(Debug)]
pub(super) struct KeyValueStream<'k> {
    k: &'k Builder,
    seqlen_kv: Value<'k, i32>,
    begin: Value<'k, i32>,
    tile_n: i32,
    keys: Operand<'k>,
    values: Operand<'k>,
    order: Order<'k>,
}

/// K or V: its copy, and how tiles of it are read.
#[derive(Debug)]
struct Operand<'k> {
    at: u32,
    bytes: u32,
    copy: TileCopy<'k>,
    reader: MatrixReader<'k>,
    row_stride: Value<'k, u32>,
    tile_stride: Value<'k, u32>,
    /// Address of the first tile.
    source: Pointer<'k, u16, Global>,
}

#[derive(Debug)]
enum Order<'k> {
    /// One tile of each: V is copied while K is used, and the next K while V is.
    Alternating,
    /// Pairs are copied `stages − 1` tiles ahead.
    Ring { stages: u32, ring: Option<CopyRing<'k>> },
}

/// A tile that has arrived.
#[derive(Debug)]
pub(super) struct ArrivedTile<'k> {
    reader: MatrixReader<'k>,
    at: u32,
}

impl<'k> ArrivedTile<'k> {
    /// See [`MatrixReader::b_transposed`].
    pub(super) fn b_transposed(&self, row_step: u32, column_step: u32) -> [[Value<'k, u32>; 2]; 2] {
        self.reader.b_transposed(self.at, row_step, column_step)
    }

    /// See [`MatrixReader::b`].
    pub(super) fn b(&self, row_step: u32, column_step: u32) -> [[Value<'k, u32>; 2]; 2] {
        self.reader.b(self.at, row_step, column_step)
    }
}

impl<'k> Operand<'k> {
    fn new(
        block: &Block<'k>,
        shape: &Shape,
        memory: Pointer<'k, u32, Shared>,
        (array, layout, at): (Pointer<'k, u16, Global>, SharedLayout, u32),
        order: MatrixOrder,
    ) -> Self {
        let k = memory.address().builder();
        let arguments = &block.arguments;
        let row_stride = arguments.kv_heads * layout.row_bytes();
        let copy = TileCopy::new(k, memory, layout, shape.resources.threads);
        let tile_n = shape.config.tile_n;
        let at_head = (layout.row_bytes(), row_stride);
        let source = block.row(array, arguments.seqlen_kv, k.constant(0), block.kv_head, at_head);
        Self {
            at,
            bytes: layout.bytes(),
            row_stride,
            tile_stride: row_stride * tile_n,
            source,
            reader: MatrixReader::new(k, order, memory, layout, k.constant(0)),
            copy,
        }
    }

    /// Begins to copy a tile to `place` bytes behind the first one.
    fn copy(
        &self,
        tile: Value<'k, i32>,
        place: Option<Value<'k, u32>>,
        offset: u32,
        wanted: Wanted<'k>,
    ) {
        let before = tile.as_unsigned().multiply_wide(self.tile_stride);
        let at = self.at + offset;
        match place {
            Some(place) => {
                let copy = self.copy.shifted(place);
                copy.start(at, self.source, before, self.row_stride, wanted);
            }
            None => self.copy.start(at, self.source, before, self.row_stride, wanted),
        }
    }

    fn arrived(&self, place: Option<Value<'k, u32>>) -> ArrivedTile<'k> {
        let reader = match place {
            Some(place) => self.reader.shifted(place),
            None => self.reader.clone(),
        };
        ArrivedTile { reader, at: self.at }
    }
}

impl<'k> KeyValueStream<'k> {
    pub(super) fn new(
        k: &'k Builder,
        block: &Block<'k>,
        shape: &Shape,
        memory: Pointer<'k, u32, Shared>,
    ) -> Self {
        let (keys, values) = (shape.key_layout(), shape.value_layout());
        let keys_at = shape.stages_at();
        let values_at = keys_at + keys.bytes();
        let arguments = &block.arguments;
        let order = match shape.config.stages {
            1 => Order::Alternating,
            stages => Order::Ring { stages, ring: None },
        };
        Self {
            k,
            seqlen_kv: arguments.seqlen_kv,
            begin: block.tiles.begin,
            tile_n: shape.config.tile_n as i32,
            keys: Operand::new(
                block,
                shape,
                memory,
                (arguments.key, keys, keys_at),
                MatrixOrder::RowsFirst,
            ),
            values: Operand::new(
                block,
                shape,
                memory,
                (arguments.value, values, values_at),
                MatrixOrder::ColumnsFirst,
            ),
            order,
        }
    }

    /// Groups of copies that [`KeyValueStream::start`] commits.
    pub(super) fn groups_at_start(&self) -> u32 {
        match self.order {
            Order::Alternating => 0,
            Order::Ring { stages, .. } => CopyRing::groups_at_start(stages),
        }
    }

    /// Begins to copy the first tiles, the first of which is `tile`.
    pub(super) fn start(&mut self, tile: Value<'k, i32>) {
        let (k, begin) = (self.k, self.begin);
        let rows = self.rows_from(tile);
        match &mut self.order {
            Order::Alternating => self.keys.copy(tile, None, 0, rows),
            Order::Ring { stages, ring, .. } => {
                let bytes = self.keys.bytes + self.values.bytes;
                let (keys, values) = (&self.keys, &self.values);
                *ring = Some(CopyRing::fill(k, *stages, bytes, |place, i| {
                    let tile = tile - i as i32;
                    let wanted = match i {
                        0 => rows,
                        _ => Wanted::AllIf(tile.ge(begin)),
                    };
                    keys.copy(tile, None, place, wanted);
                    values.copy(tile, None, place, wanted);
                }));
            }
        }
    }

    /// Waits for the keys of `tile`, whose last rows may be missing where it is `ragged`.
    pub(super) fn wait_for_keys(&mut self, tile: Value<'k, i32>, ragged: bool) {
        let (k, begin) = (self.k, self.begin);
        let rows = if ragged { self.rows_from(tile) } else { Wanted::All };
        match &mut self.order {
            Order::Alternating => {
                k.wait_all_copies();
                k.barrier();
                self.values.copy(tile, None, 0, rows);
            }
            Order::Ring { stages, ring } => {
                let ahead = tile - (*stages as i32 - 1);
                let ring = ring.as_mut().expect("the stream was started");
                let (keys, values) = (&self.keys, &self.values);
                ring.advance(|place| {
                    let wanted = Wanted::AllIf(ahead.ge(begin));
                    keys.copy(ahead, Some(place), 0, wanted);
                    values.copy(ahead, Some(place), 0, wanted);
                });
            }
        }
    }

    /// Waits for the values of `tile`; its keys are no longer needed.
    pub(super) fn wait_for_values(&mut self, tile: Value<'k, i32>) {
        let (k, begin) = (self.k, self.begin);
        if let Order::Alternating = self.order {
            k.wait_all_copies();
            k.barrier();
            self.keys.copy(tile - 1, None, 0, Wanted::AllIf(tile.gt(begin)));
        }
    }

    /// The keys that were waited for.
    pub(super) fn keys(&self) -> ArrivedTile<'k> {
        self.keys.arrived(self.place())
    }

    /// The values that were waited for.
    pub(super) fn values(&self) -> ArrivedTile<'k> {
        self.values.arrived(self.place())
    }

    fn place(&self) -> Option<Value<'k, u32>> {
        match &self.order {
            Order::Ring { ring: Some(ring), .. } => Some(ring.current()),
            _ => None,
        }
    }

    /// The rows of `tile` that exist.
    fn rows_from(&self, tile: Value<'k, i32>) -> Wanted<'k> {
        Wanted::Rows(self.seqlen_kv - tile * self.tile_n)
    }
}
