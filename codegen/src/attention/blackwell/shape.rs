use super::config::ROWS;
use super::plan::SharedPlan;
use super::tensor_plan::AttentionPlan;
use super::{Config, ConfigError, Schedule};
use crate::attention::arguments::parameters;
use crate::attention::work::Order;
use crate::attention::{
    DataType, Grid, MaskKind, Parameter, Problem, Resources, Tensor, TensorBox,
};
use crate::gpu::Gpu;
use crate::tile::PanelLayout;

/// All that a kernel is specialized for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) dtype: DataType,
    pub(super) head_dim_v: u32,
    pub(super) mask: MaskKind,
    pub(super) config: Config,
    pub(super) resources: Resources,
    pub(super) plan: SharedPlan,
    pub(super) tensor: AttentionPlan,
    /// The order in which query tiles are taken.
    pub(super) order: Order,
    pub(super) grid: Grid,
}

impl Shape {
    pub(super) fn new(
        problem: &Problem,
        config: Config,
        resources: Resources,
        gpu: &Gpu,
    ) -> Result<Self, ConfigError> {
        let tile = (config.tile_m, config.tile_n);
        let order = Order::new(problem, gpu, tile, config.group().blocks(), config.longest_first);
        Ok(Self {
            dtype: problem.dtype,
            head_dim_v: problem.head_dim_v,
            mask: problem.mask.kind(),
            config,
            resources,
            plan: SharedPlan::new(&config, problem),
            tensor: AttentionPlan::new(&config, problem)?,
            order,
            grid: order.grid(gpu, config.schedule == Schedule::Persistent),
        })
    }

    /// Blocks of a cluster.
    pub(super) fn cluster(&self) -> u32 {
        self.config.group().blocks()
    }

    pub(super) fn parameters(&self) -> Vec<Parameter> {
        let plan = &self.plan;
        let map = |tensor, layout: PanelLayout| {
            let (rows, width) = (layout.rows(), layout.width());
            Parameter::TensorMap(TensorBox { tensor, rows, width })
        };
        let tensors = [
            map(Tensor::Query, plan.query),
            map(Tensor::Key, plan.key),
            map(Tensor::Value, plan.value),
            map(Tensor::Output, plan.output),
        ];
        parameters(tensors, self.mask, self.dtype)
    }

    /// Whether a query tile may see no keys. Of pairs only those may that have O over Q, as the
    /// rules say.
    pub(super) fn may_see_no_keys(&self) -> bool {
        !self.config.pair || self.config.o_over_q
    }

    /// Query tiles of a block.
    pub(super) fn query_tiles(&self) -> u32 {
        self.config.tile_m / ROWS
    }
}
