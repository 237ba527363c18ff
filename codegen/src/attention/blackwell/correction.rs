//! The warpgroup that corrects: it rescales outputs where the references of their rows have moved,
//! and at the end scales them and brings them to shared memory.

use super::config::ROWS;
use super::memory::Memory;
use super::schedule::Schedule;
use super::shape::Shape;
use crate::attention::arguments::Arguments;
use crate::dsl::{Builder, Mbarrier, Pair, Pointer, Shared, TensorAddress, Value, WARPGROUP};
use crate::tile::{PanelRow, Phase, Turn};

/// What a thread knows of a query tile, of which it has one row.
struct Tile<'k> {
    number: u32,
    /// The row's output.
    output: TensorAddress<'k>,
    /// The row's factor; that for the end is behind those of all rows.
    factor: Pointer<'k, f32, Shared>,
    factors: Mbarrier<'k>,
    last_factors: Phase<'k>,
    complete: Phase<'k>,
}

/// What the warpgroup does.
pub(super) fn correct<'k>(
    k: &'k Builder,
    shape: &Shape,
    arguments: &Arguments<'k>,
    memory: &Memory<'k>,
    base: TensorAddress<'k>,
) {
    let thread = k.thread_index().x % WARPGROUP;
    let factors = memory.at(shape.plan.factors_at()).cast().element(thread);
    let tile = |number| Tile {
        number,
        output: shape.tensor.output(number).of_warp(k, base),
        factor: factors.byte_offset((number * ROWS * size_of::<f32>() as u32).into()),
        factors: memory.factors.element(number),
        last_factors: Phase::first(k, memory.last_factors.element(number)),
        complete: Phase::first(k, memory.output.element(number)).of_group(shape.config.group()),
    };
    let mut tiles: Vec<_> = (0..shape.query_tiles()).map(tile).collect();
    // Query tiles have their factors in step.
    let mut factors_phase = Phase::first(k, memory.factors);
    let mut outputs = memory.outputs.first_fill(k);
    Schedule::new(k, shape, arguments, memory).for_each(|work| {
        let key_tiles = work.tiles.end - work.tiles.begin;
        k.if_(key_tiles.gt(0), || {
            // The first product replaces the output of the query tile before, which has been read.
            k.fence_tensor_before_sync();
            tiles.iter().for_each(|tile| memory.tell_issuer(k, memory.early.element(tile.number)));
            let mut left = k.variable(key_tiles - 1);
            k.while_(left.get().gt(0), || {
                tiles.iter().for_each(|tile| tile.rescale(k, shape, memory, &factors_phase));
                factors_phase.advance();
                left -= 1;
                left.get().gt(0)
            });
        });
        let any = key_tiles.gt(0);
        tiles.iter_mut().for_each(|tile| tile.finish(k, shape, memory, &mut outputs, any));
    });
}

/// Columns that are rescaled at once.
const RESCALED: u32 = 32;

/// Columns that are brought to shared memory at once.
const STORED: u32 = 16;

impl<'k> Tile<'k> {
    /// Multiplies the output with the factor of its row, where that is not one in all of the warp.
    fn rescale(&self, k: &'k Builder, shape: &Shape, memory: &Memory<'k>, phase: &Phase<'k>) {
        phase.wait_at(self.factors);
        let factor = self.factor.load();
        k.if_(k.any_in_warp(factor.lt(1.0)), || {
            k.fence_tensor_after_sync();
            for column in (0..shape.head_dim_v).step_by(RESCALED as usize) {
                let place = self.output.column(column);
                place.store(&scaled(k, place, RESCALED, factor));
            }
            k.wait_for_tensor_stores();
            k.fence_tensor_before_sync();
        });
        memory.tell_issuer(k, memory.early.element(self.number));
    }

    /// Brings the output, scaled, to shared memory.
    fn finish(
        &mut self,
        k: &'k Builder,
        shape: &Shape,
        memory: &Memory<'k>,
        outputs: &mut Turn<'k>,
        any: Value<'k, bool>,
    ) {
        self.last_factors.wait();
        let factor = self.factor.byte_offset(shape.plan.factor_bytes().into()).load();
        memory.last_factors_free.element(self.number).arrive();
        self.wait_for_output(k, shape, any);
        memory.outputs.write(outputs, |_| {
            let plan = &shape.plan;
            let tile = memory.at(plan.outputs_at() + self.number * plan.output_stride());
            let thread = k.thread_index().x % WARPGROUP;
            let row = PanelRow::new(tile, plan.output, shape.dtype.output(), thread);
            for column in (0..shape.head_dim_v).step_by(STORED as usize) {
                let place = self.output.column(column);
                row.store(column, &scaled(k, place, STORED, factor));
            }
        });
    }

    /// Waits until the output is complete, which is zeros without `any` keys.
    fn wait_for_output(&mut self, k: &'k Builder, shape: &Shape, any: Value<'k, bool>) {
        // Where O takes the place of Q, that has come in any case.
        match shape.config.o_over_q || !shape.may_see_no_keys() {
            true => self.wait_until_complete(k),
            false => k.if_(any, || self.wait_until_complete(k)),
        }
        if shape.may_see_no_keys() {
            k.if_(any.negated(), || self.clear(k, shape));
        }
    }

    fn wait_until_complete(&mut self, k: &'k Builder) {
        self.complete.wait();
        k.fence_tensor_after_sync();
    }

    /// Writes zeros to the output.
    fn clear(&self, k: &'k Builder, shape: &Shape) {
        let zeros = vec![k.copy(0.0); RESCALED as usize];
        for column in (0..shape.head_dim_v).step_by(RESCALED as usize) {
            self.output.column(column).store(&zeros);
        }
        k.wait_for_tensor_stores();
    }
}

/// The next `columns` columns of the output, times a factor.
fn scaled<'k>(
    k: &'k Builder,
    place: TensorAddress<'k>,
    columns: u32,
    factor: Value<'k, f32>,
) -> Vec<Value<'k, f32>> {
    let columns = place.load::<f32>(columns);
    k.wait_for_tensor_loads();
    let factor = Pair::both(factor);
    let scaled = |pair: &[Value<'k, f32>]| (Pair::new(pair[0], pair[1]) * factor).halves();
    columns.chunks_exact(2).flat_map(scaled).collect()
}
