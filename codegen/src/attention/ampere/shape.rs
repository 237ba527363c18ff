use super::Config;
use crate::attention::visible::Visible;
use crate::attention::{DataType, MaskKind, Parameter, Problem, Resources};
use crate::dsl::{Builder, Global, Pointer, Value};
use crate::gpu::{Gpu, register_share};
use crate::tile::SharedLayout;

/// All that a kernel is specialized for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) dtype: DataType,
    pub(super) head_dim: u32,
    pub(super) head_dim_v: u32,
    pub(super) mask: MaskKind,
    pub(super) config: Config,
    pub(super) resources: Resources,
    /// The most registers of a thread with which a multiprocessor holds the config's blocks.
    pub(super) register_limit: u32,
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
            register_limit: register_share(gpu, resources.threads, config.blocks),
        }
    }

    /// Rows of a warp.
    pub(super) fn warp_rows(&self) -> u32 {
        self.config.tile_m / self.config.warps
    }

    /// Steps of 16 rows of a warp.
    pub(super) fn row_steps(&self) -> u32 {
        self.warp_rows() / 16
    }

    pub(super) fn query_layout(&self) -> SharedLayout {
        layout(self.config.tile_m, self.head_dim * self.dtype.bytes())
    }

    pub(super) fn key_layout(&self) -> SharedLayout {
        layout(self.config.tile_n, self.head_dim * self.dtype.bytes())
    }

    pub(super) fn value_layout(&self) -> SharedLayout {
        layout(self.config.tile_n, self.head_dim_v * self.dtype.bytes())
    }

    /// Where keys and values begin in shared memory.
    pub(super) fn stages_at(&self) -> u32 {
        if self.config.share_q_k { 0 } else { self.query_layout().bytes() }
    }

    pub(super) fn parameters(&self) -> Vec<Parameter> {
        use Parameter::*;
        let mut parameters = vec![
            Query,
            Key,
            Value,
            Output,
            LogSumExp,
            SeqlenQ,
            SeqlenKv,
            Heads,
            KvHeads,
            SoftmaxScale,
        ];
        if self.mask == MaskKind::Window {
            parameters.extend([WindowLeft, WindowRight]);
        }
        parameters
    }
}

/// Rows of a head are a multiple of 64 bytes, so that there always is a layout.
fn layout(rows: u32, row_bytes: u32) -> SharedLayout {
    SharedLayout::new(rows, row_bytes).expect("head dimensions are multiples of 32")
}

/// The arguments of a launch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<'k> {
    pub(super) query: Pointer<'k, u16, Global>,
    pub(super) key: Pointer<'k, u16, Global>,
    pub(super) value: Pointer<'k, u16, Global>,
    pub(super) output: Pointer<'k, u16, Global>,
    pub(super) log_sum_exp: Pointer<'k, f32, Global>,
    pub(super) seqlen_q: Value<'k, i32>,
    pub(super) seqlen_kv: Value<'k, i32>,
    pub(super) heads: Value<'k, u32>,
    pub(super) kv_heads: Value<'k, u32>,
    pub(super) softmax_scale: Value<'k, f32>,
    /// Left and right, for a window.
    pub(super) window: Option<(Value<'k, i32>, Value<'k, i32>)>,
}

impl<'k> Arguments<'k> {
    /// Declares the parameters in the order of [`Shape::parameters`].
    pub(super) fn declare(k: &'k Builder, shape: &Shape) -> Self {
        let number = |parameter: Parameter| k.parameter::<i32>(parameter.name());
        Self {
            query: k.pointer_parameter(Parameter::Query.name()),
            key: k.pointer_parameter(Parameter::Key.name()),
            value: k.pointer_parameter(Parameter::Value.name()),
            output: k.pointer_parameter(Parameter::Output.name()),
            log_sum_exp: k.pointer_parameter(Parameter::LogSumExp.name()),
            seqlen_q: number(Parameter::SeqlenQ),
            seqlen_kv: number(Parameter::SeqlenKv),
            heads: number(Parameter::Heads).as_unsigned(),
            kv_heads: number(Parameter::KvHeads).as_unsigned(),
            softmax_scale: k.parameter(Parameter::SoftmaxScale.name()),
            window: (shape.mask == MaskKind::Window)
                .then(|| (number(Parameter::WindowLeft), number(Parameter::WindowRight))),
        }
    }
    /// Which keys are seen.
    pub(super) fn visible(&self, mask: MaskKind) -> Visible<'k> {
        let Self { seqlen_q, seqlen_kv, window, .. } = *self;
        Visible { mask, seqlen_q, seqlen_kv, window }
    }
}
