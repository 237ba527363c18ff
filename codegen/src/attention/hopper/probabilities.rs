use super::consumer::Consumer;
use crate::attention::DataType;
use crate::dsl::{Builder, NamedBarrier, OperandA, Variable};
use crate::tile::{Product, WarpgroupTile};

/// The probabilities of a consumer's rows and one key tile, rounded, on their way to the product
/// with V.
#[derive(Debug)]
pub(super) enum Probabilities<'k> {
    /// In registers, as A operands by depth step.
    Registers(DataType, Vec<[Variable<'k, u32>; 4]>),
    /// In shared memory.
    Shared(SharedProbabilities<'k>),
}

#[derive(Debug)]
pub(super) struct SharedProbabilities<'k> {
    k: &'k Builder,
    dtype: DataType,
    warpgroup: NamedBarrier<'k>,
    tile: WarpgroupTile<'k>,
}

impl<'k> Probabilities<'k> {
    pub(super) fn new(consumer: &Consumer<'_, 'k>) -> Self {
        let Consumer { k, shape, memory, number, warpgroup, .. } = *consumer;
        let dtype = shape.dtype.probability();
        if shape.config.p_in_shared {
            let layout = shape.plan.probability;
            let own = memory.at(shape.plan.probabilities_at()).byte_add(number * layout.bytes());
            let tile = WarpgroupTile::new(k, own, layout);
            return Self::Shared(SharedProbabilities { k, dtype, warpgroup, tile });
        }
        let steps = 0..shape.config.tile_n * dtype.bytes() / 32;
        let step = |_| std::array::from_fn(|_| k.variable(0_u32));
        Self::Registers(dtype, steps.map(step).collect())
    }

    /// Rounds and keeps the exponentials of a tile. Products of those before are complete.
    pub(super) fn set(&mut self, exponentials: Product<'k>) {
        match self {
            Self::Registers(dtype, steps) => {
                let pieces = exponentials.into_a(*dtype).concat();
                for (step, piece) in steps.iter_mut().zip(pieces) {
                    step.iter_mut().zip(piece).for_each(|(register, value)| register.set(value));
                }
            }
            Self::Shared(shared) => {
                shared.tile.store(&exponentials.into_a(shared.dtype).concat());
                shared.k.fence_shared_for_async();
                shared.warpgroup.wait();
            }
        }
    }

    /// As A operands, by depth step.
    pub(super) fn steps(&self) -> Vec<OperandA<'k>> {
        match self {
            Self::Registers(_, steps) => {
                let step = |step: &[Variable<'k, u32>; 4]| {
                    OperandA::Registers(std::array::from_fn(|i| step[i].alias()))
                };
                steps.iter().map(step).collect()
            }
            Self::Shared(shared) => shared.tile.steps(),
        }
    }
}
