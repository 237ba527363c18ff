use super::Config;
use super::shared::SharedPlan;
use crate::attention::visible::Visible;
use crate::attention::{
    DataType, Grid, MaskKind, Parameter, Problem, Resources, Tensor, TensorBox,
};
use crate::dsl::{Builder, Global, Pointer, TensorMap, Value, WARPGROUP_ROWS};
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
        use Parameter::{
            Batch, Heads, KeyDescale, KvHeads, LogSumExp, Output, QueryDescale, SeqlenKv, SeqlenQ,
            SoftmaxScale, ValueDescale, WindowLeft, WindowRight,
        };
        let plan = &self.plan;
        let map = |tensor, rows, layout: PanelLayout| {
            Parameter::TensorMap(TensorBox { tensor, rows, width: layout.width() })
        };
        let mut parameters = vec![
            map(Tensor::Query, WARPGROUP_ROWS, plan.query),
            map(Tensor::Key, self.copied_rows(), plan.key),
            map(Tensor::Value, self.copied_rows(), plan.copied_value()),
            match self.config.direct_output {
                true => Output,
                false => map(Tensor::Output, WARPGROUP_ROWS, plan.output),
            },
            LogSumExp,
            SeqlenQ,
            SeqlenKv,
            Batch,
            Heads,
            KvHeads,
            SoftmaxScale,
        ];
        if self.mask == MaskKind::Window {
            parameters.extend([WindowLeft, WindowRight]);
        }
        if self.dtype.has_descales() {
            parameters.extend([QueryDescale, KeyDescale, ValueDescale]);
        }
        parameters
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

/// Where O is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Output<'k> {
    /// By TMA.
    Boxes(TensorMap<'k, 4>),
    /// By threads, `[batch, seqlen_q, heads, head_dim_v]`.
    Rows(Pointer<'k, u32, Global>),
}

/// The arguments of a launch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<'k> {
    pub(super) query: TensorMap<'k, 4>,
    pub(super) key: TensorMap<'k, 4>,
    pub(super) value: TensorMap<'k, 4>,
    pub(super) output: Output<'k>,
    pub(super) log_sum_exp: Pointer<'k, f32, Global>,
    pub(super) visible: Visible<'k>,
    pub(super) batch: Value<'k, u32>,
    pub(super) heads: Value<'k, u32>,
    pub(super) kv_heads: Value<'k, u32>,
    pub(super) softmax_scale: Value<'k, f32>,
    /// Those of Q, K and V, for FP8.
    pub(super) descales: Option<[Pointer<'k, f32, Global>; 3]>,
}

impl<'k> Arguments<'k> {
    /// Declares the parameters in the order of [`Shape::parameters`].
    pub(super) fn declare(k: &'k Builder, shape: &Shape) -> Self {
        let signed = |parameter: Parameter| k.parameter::<i32>(parameter.name());
        let number = |parameter: Parameter| k.parameter::<u32>(parameter.name());
        let [query, key, value] = [Parameter::Query, Parameter::Key, Parameter::Value]
            .map(|parameter| k.tensor_map_parameter(parameter.name()));
        let output = match shape.config.direct_output {
            true => Output::Rows(k.pointer_parameter(Parameter::Output.name())),
            false => Output::Boxes(k.tensor_map_parameter(Parameter::Output.name())),
        };
        let log_sum_exp = k.pointer_parameter(Parameter::LogSumExp.name());
        let (seqlen_q, seqlen_kv) = (signed(Parameter::SeqlenQ), signed(Parameter::SeqlenKv));
        let batch = number(Parameter::Batch);
        let (heads, kv_heads) = (number(Parameter::Heads), number(Parameter::KvHeads));
        let softmax_scale = k.parameter(Parameter::SoftmaxScale.name());
        let window = (shape.mask == MaskKind::Window)
            .then(|| (signed(Parameter::WindowLeft), signed(Parameter::WindowRight)));
        let descale = |parameter: Parameter| k.pointer_parameter(parameter.name());
        let descales = shape.dtype.has_descales().then(|| {
            [Parameter::QueryDescale, Parameter::KeyDescale, Parameter::ValueDescale].map(descale)
        });
        let visible = Visible { mask: shape.mask, seqlen_q, seqlen_kv, window };
        Self {
            query,
            key,
            value,
            output,
            log_sum_exp,
            visible,
            batch,
            heads,
            kv_heads,
            softmax_scale,
            descales,
        }
    }
}
