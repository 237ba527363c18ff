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
    pub(super) head_dim: u32,
    pub(super) head_dim_v: u32,
    pub(super) mask: MaskKind,
    pub(super) config: Config,
    pub(super) resources: Resources,
    pub(super) plan: SharedPlan,
    pub(super) tensor: AttentionPlan,
    multiprocessors: u32,
    /// Bytes of keys and values that [`Config::longest_first`] works on at a time.
    cached_bytes: u32,
}

impl Shape {
    pub(super) fn new(
        problem: &Problem,
        config: Config,
        resources: Resources,
        gpu: &Gpu,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            dtype: problem.dtype,
            head_dim: problem.head_dim,
            head_dim_v: problem.head_dim_v,
            mask: problem.mask.kind(),
            config,
            resources,
            plan: SharedPlan::new(&config, problem),
            tensor: AttentionPlan::new(&config, problem)?,
            multiprocessors: gpu.multiprocessors,
            cached_bytes: (gpu.l2_bytes / 2).try_into().unwrap_or(u32::MAX),
        })
    }

    /// Blocks of a cluster.
    pub(super) fn cluster(&self) -> u32 {
        self.config.group().blocks()
    }

    pub(super) fn grid(&self) -> Grid {
        let cluster = self.cluster();
        let most = self.multiprocessors / cluster * cluster;
        let persistent = self.config.schedule == Schedule::Persistent;
        Grid::Line { cluster, most: persistent.then_some(most) }
    }

    /// The order in which query tiles are taken.
    pub(super) fn order(&self) -> Order {
        let config = &self.config;
        let row_bytes = (self.head_dim + self.head_dim_v) * self.dtype.bytes();
        Order {
            tile: (config.tile_m, config.tile_n),
            cluster: self.cluster(),
            longest_first: config.longest_first.then_some(self.cached_bytes / row_bytes),
        }
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

    /// A name that tells kernels apart.
    pub(super) fn entry(&self) -> String {
        let v = match self.head_dim_v == self.head_dim {
            true => String::new(),
            false => format!("_{}", self.head_dim_v),
        };
        let (dtype, dim, mask, config) = (self.dtype, self.head_dim, self.mask, self.config);
        format!("attention_forward_{dtype}_{dim}{v}_{mask}_{config}")
    }

    /// Query tiles of a block.
    pub(super) fn query_tiles(&self) -> u32 {
        self.config.tile_m / ROWS
    }
}
