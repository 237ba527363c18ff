use super::Config;
use super::shared::SharedPlan;
use crate::attention::arguments::{Arguments, parameters};
use crate::attention::work::Order;
use crate::attention::{
    DataType, Grid, MaskKind, Parameter, Problem, Resources, Tensor, TensorBox,
};
use crate::dsl::{Builder, WARPGROUP_ROWS};
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
    /// The order in which query tiles are taken.
    pub(super) order: Order,
    pub(super) grid: Grid,
}

impl Shape {
    pub(super) fn new(problem: &Problem, config: Config, resources: Resources, gpu: &Gpu) -> Self {
        let tile = (config.tile_m, config.tile_n);
        let order = Order::new(problem, gpu, tile, config.cluster, config.longest_first);
        Self {
            dtype: problem.dtype,
            head_dim_v: problem.head_dim_v,
            mask: problem.mask.kind(),
            config,
            resources,
            plan: SharedPlan::new(&config, problem),
            order,
            grid: order.grid(gpu, config.persistent),
        }
    }

    /// Rows of a key or value tile that one block of a cluster copies.
    pub(super) fn copied_rows(&self) -> u32 {
        self.config.tile_n / self.config.cluster
    }

    pub(super) fn parameters(&self) -> Vec<Parameter> {
        let plan = &self.plan;
        let map = |tensor, rows, layout: PanelLayout| {
            Parameter::TensorMap(TensorBox { tensor, rows, width: layout.width() })
        };
        let tensors = [
            map(Tensor::Query, WARPGROUP_ROWS, plan.query),
            map(Tensor::Key, self.copied_rows(), plan.key),
            map(Tensor::Value, self.copied_rows(), plan.copied_value()),
            match self.config.direct_output {
                true => Parameter::Output,
                false => map(Tensor::Output, WARPGROUP_ROWS, plan.output),
            },
        ];
        parameters(tensors, self.mask, self.dtype)
    }

    /// The arguments of a launch.
    pub(super) fn arguments<'k>(&self, k: &'k Builder) -> Arguments<'k> {
        Arguments::declare(k, self.mask, self.dtype, self.config.direct_output)
    }
}
