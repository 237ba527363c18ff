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
    pub(super) head_dim: u32,
    pub(super) head_dim_v: u32,
    pub(super) mask: MaskKind,
    pub(super) config: Config,
    pub(super) resources: Resources,
    pub(super) plan: SharedPlan,
    pub(super) multiprocessors: u32,
    /// Bytes of keys and values that [`Config::longest_first`] works on at a time.
    pub(super) cached_bytes: u32,
}

impl Shape {
    pub(super) fn new(problem: &Problem, config: Config, resources: Resources, gpu: &Gpu) -> Self {
        Self {
            dtype: problem.dtype,
            head_dim: problem.head_dim,
            head_dim_v: problem.head_dim_v,
            mask: problem.mask.kind(),
            config,
            resources,
            plan: SharedPlan::new(&config, problem),
            multiprocessors: gpu.multiprocessors,
            cached_bytes: (gpu.l2_bytes / 2).try_into().unwrap_or(u32::MAX),
        }
    }

    pub(super) fn grid(&self) -> Grid {
        let cluster = self.config.cluster;
        let most = self.multiprocessors / cluster * cluster;
        Grid::Line { cluster, most: self.config.persistent.then_some(most) }
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

    /// The order in which query tiles are taken.
    pub(super) fn order(&self) -> Order {
        let config = &self.config;
        let row_bytes = (self.head_dim + self.head_dim_v) * self.dtype.bytes();
        Order {
            tile: (config.tile_m, config.tile_n),
            cluster: config.cluster,
            longest_first: config.longest_first.then_some(self.cached_bytes / row_bytes),
        }
    }

    /// A name that tells kernels apart.
    pub(super) fn entry(&self) -> String {
        let v = match self.head_dim_v == self.head_dim {
            true => String::new(),
            false => format!("_{}", self.head_dim_v),
        };
        let (dtype, dim, mask, config) = (self.dtype, self.head_dim, self.mask, self.config);
        format!("attention_forward_{dtype}_{dim}{v}_{mask}_{config}")
    }
}
