//! Parameters of kernels that copy by tensor maps.

use super::visible::Visible;
use super::{DataType, MaskKind, Parameter};
use crate::dsl::{Builder, Global, Pointer, TensorMap, Value};

/// The parameters of a kernel that takes these for Q, K, V and O.
pub(super) fn parameters(
    tensors: [Parameter; 4],
    mask: MaskKind,
    dtype: DataType,
) -> Vec<Parameter> {
    use Parameter::{
        Batch, Heads, KeyDescale, KvHeads, LogSumExp, QueryDescale, SeqlenKv, SeqlenQ,
        SoftmaxScale, ValueDescale, WindowLeft, WindowRight,
    };
    let mut parameters = tensors.to_vec();
    parameters.extend([LogSumExp, SeqlenQ, SeqlenKv, Batch, Heads, KvHeads, SoftmaxScale]);
    if mask == MaskKind::Window {
        parameters.extend([WindowLeft, WindowRight]);
    }
    if dtype.has_descales() {
        parameters.extend([QueryDescale, KeyDescale, ValueDescale]);
    }
    parameters
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
    /// Declares the parameters in the order of [`parameters`]. O is a tensor map unless it is written
    /// by threads.
    pub(super) fn declare(
        k: &'k Builder,
        mask: MaskKind,
        dtype: DataType,
        direct_output: bool,
    ) -> Self {
        let signed = |parameter: Parameter| k.parameter::<i32>(parameter.name());
        let number = |parameter: Parameter| k.parameter::<u32>(parameter.name());
        let [query, key, value] = [Parameter::Query, Parameter::Key, Parameter::Value]
            .map(|parameter| k.tensor_map_parameter(parameter.name()));
        let output = match direct_output {
            true => Output::Rows(k.pointer_parameter(Parameter::Output.name())),
            false => Output::Boxes(k.tensor_map_parameter(Parameter::Output.name())),
        };
        let log_sum_exp = k.pointer_parameter(Parameter::LogSumExp.name());
        let (seqlen_q, seqlen_kv) = (signed(Parameter::SeqlenQ), signed(Parameter::SeqlenKv));
        let batch = number(Parameter::Batch);
        let (heads, kv_heads) = (number(Parameter::Heads), number(Parameter::KvHeads));
        let softmax_scale = k.parameter(Parameter::SoftmaxScale.name());
        let window = (mask == MaskKind::Window)
            .then(|| (signed(Parameter::WindowLeft), signed(Parameter::WindowRight)));
        let descale = |parameter: Parameter| k.pointer_parameter(parameter.name());
        let descales = dtype.has_descales().then(|| {
            [Parameter::QueryDescale, Parameter::KeyDescale, Parameter::ValueDescale].map(descale)
        });
        let visible = Visible { mask, seqlen_q, seqlen_kv, window };
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

    /// What the scores of a head of keys and values are multiplied with, and values, where they are
    /// at all.
    pub(super) fn scales(
        &self,
        batch: Value<'k, u32>,
        kv_head: Value<'k, u32>,
    ) -> (Value<'k, f32>, Option<Value<'k, f32>>) {
        let Some(descales) = self.descales else { return (self.softmax_scale, None) };
        let at = batch * self.kv_heads + kv_head;
        let [query, key, value] = descales.map(|descale| descale.element(at).load());
        (self.softmax_scale * query * key, Some(value))
    }

    /// Where the logarithm of the sum of a head's rows begins.
    pub(super) fn log_sum_exp_of(
        &self,
        batch: Value<'k, u32>,
        head: Value<'k, u32>,
    ) -> Pointer<'k, f32, Global> {
        let rows = (batch * self.heads + head).multiply_wide(self.visible.seqlen_q.as_unsigned());
        self.log_sum_exp.byte_add(rows * size_of::<f32>() as u64)
    }
}
