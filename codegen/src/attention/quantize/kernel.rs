use super::{CHUNK, GOLDEN, LARGEST, Quantize};
use crate::attention::DataType;
use crate::dsl::{Builder, Global, Pointer, Value};

/// A chunk of a row, 16 bytes of the source, as numbers.
type Chunk<'k> = [Value<'k, f32>; CHUNK as usize];

/// Reads everything twice: for the largest magnitude, and to quantize.
pub(super) fn quantize(k: &Builder, shape: &Quantize) {
    k.require_threads(Quantize::THREADS);
    let rows = Rows::new(k, shape);
    let mut largest = k.variable(0.0_f32);
    rows.for_each_chunk(|chunk, _| {
        largest.set(chunk.into_iter().fold(largest.get(), |most, x| most.max(x.abs())));
    });
    let largest = largest_of_block(k, largest.get());
    let block = k.block_index();
    let descale = rows.descale.element(block.y * rows.kv_heads + block.x);
    let is_zero = largest.eq(0.0);
    let found = is_zero.select(1.0, largest / LARGEST);
    k.if_(k.thread_index().x.eq(0), || descale.store(found));

    let pack = |numbers| Value::pack_four(numbers, DataType::E4m3);
    let scale = is_zero.select(1.0, k.constant(LARGEST) / largest);
    rows.for_each_chunk(|chunk, write| {
        let [a, b, c, d, e, f, g, h] = chunk.map(|x| x * scale);
        write([pack([a, b, c, d]), pack([e, f, g, h])]);
    });
}

/// The largest of the block's numbers, none of which is negative.
fn largest_of_block<'k>(k: &'k Builder, number: Value<'k, f32>) -> Value<'k, f32> {
    const WARPS: u32 = Quantize::THREADS / 32;
    let largest_of = |number: Value<'k, f32>, lanes: u32| {
        let masks = (0..lanes.ilog2()).map(|stage| 1 << stage);
        masks.fold(number, |largest, mask| largest.max(largest.shuffle_xor(mask)))
    };
    let thread = k.thread_index().x;
    let of_warps = k.shared::<f32>("largest", WARPS);
    let of_warp = largest_of(number, 32);
    k.if_((thread % 32).eq(0), || of_warps.element(thread / 32).store(of_warp));
    k.barrier();
    largest_of(of_warps.element(thread % WARPS).load(), WARPS)
}

/// The rows of a block's heads, and the thread's share of them.
///
/// A *unit* is what one Hadamard transform mixes; it lies in neighbouring lanes, a chunk each. The
/// units of a warp are of as many rows.
struct Rows<'k> {
    k: &'k Builder,
    shape: Quantize,
    source: Pointer<'k, u32, Global>,
    quantized: Pointer<'k, u32, Global>,
    descale: Pointer<'k, f32, Global>,
    seqlen: Value<'k, u32>,
    kv_heads: Value<'k, u32>,
    /// Elements from one row to the next.
    row_stride: Value<'k, u32>,
    /// Units of the block's heads in a row.
    units: Value<'k, u32>,
    /// The lane within its unit.
    lane: Value<'k, u32>,
}

impl<'k> Rows<'k> {
    fn new(k: &'k Builder, shape: &Quantize) -> Self {
        let source = k.pointer_parameter::<u32>("source");
        let quantized = k.pointer_parameter::<u32>("quantized");
        let descale = k.pointer_parameter("descale");
        let seqlen = k.parameter::<u32>("seqlen");
        let heads = k.parameter::<u32>("heads");
        let kv_heads = k.parameter::<u32>("kv_heads");
        let block = k.block_index();
        let row_stride = heads * shape.head_dim;
        let group = heads / kv_heads * shape.head_dim;
        let first = (block.y * seqlen).multiply_wide(row_stride) + (block.x * group).widen();
        Self {
            k,
            shape: *shape,
            source: source.byte_add(first * 2_u64),
            quantized: quantized.byte_add(first),
            descale,
            seqlen,
            kv_heads,
            row_stride,
            units: group / shape.transformed(),
            lane: k.thread_index().x % shape.lanes(),
        }
    }

    /// Calls `body` for every chunk of this thread, rotated, and with what writes it quantized.
    /// Lanes beyond the last row see the last row again, and write nothing.
    fn for_each_chunk(&self, body: impl FnOnce(Chunk<'k>, &dyn Fn([Value<'k, u32>; 2]))) {
        let (k, lanes) = (self.k, self.shape.lanes());
        let rows_of_warp = 32 / lanes;
        let thread = k.thread_index().x;
        let first = thread / 32 * rows_of_warp;
        let row_in_warp = thread % 32 / lanes;
        k.for_range(first, self.seqlen, Quantize::THREADS / 32 * rows_of_warp, |row| {
            let row = row + row_in_warp;
            let exists = row.lt(self.seqlen);
            let row = row.min(self.seqlen - 1);
            k.for_range(0, self.units, 1, |unit| {
                let chunk = unit * lanes + self.lane;
                let at = row.multiply_wide(self.row_stride) + chunk.multiply_wide(CHUNK);
                let packed = self.source.byte_add(at * 2_u64).load_vector::<4>();
                let numbers = packed.map(|pair| pair.unpack(self.shape.from));
                let numbers = std::array::from_fn(|i| numbers[i / 2][i % 2]);
                let place = chunk % (self.shape.head_dim / CHUNK);
                body(self.rotated(numbers, place), &|bytes| {
                    let to = self.quantized.byte_add(at);
                    k.if_(exists, || to.store_vector(bytes));
                });
            });
        });
    }

    /// R of a unit, of which this lane has the chunk at `place` of its row.
    fn rotated(&self, numbers: Chunk<'k>, place: Value<'k, u32>) -> Chunk<'k> {
        if !self.shape.rotate {
            return numbers;
        }
        let hash = (place + 1) * GOLDEN;
        // The bit of the hash becomes the sign of one, or of the norm.
        let norm = (self.shape.transformed() as f32).sqrt().recip();
        let sign = |i: u32| {
            let bit = hash << (CHUNK - 1 - i);
            ((bit & 1 << 31) | norm.to_bits()).bits_as_f32()
        };
        let mut numbers: Chunk<'k> = std::array::from_fn(|i| numbers[i] * sign(i as u32));
        for half in [1, 2, 4] {
            numbers = std::array::from_fn(|i| match i & half {
                0 => numbers[i] + numbers[i + half],
                _ => numbers[i - half] - numbers[i],
            });
        }
        for stage in 0..self.shape.lanes().ilog2() {
            let is_high = (self.lane & 1 << stage).ne(0);
            let sign: Value<'k, f32> = is_high.select(-1.0, 1.0);
            numbers = numbers.map(|x| x.multiply_add(sign, x.shuffle_xor(1 << stage)));
        }
        numbers
    }
}

impl Quantize {
    /// Lanes of a unit.
    fn lanes(&self) -> u32 {
        self.transformed() / CHUNK
    }
}
