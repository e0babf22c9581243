#include "pal/integration/lal_attention.h"

#include "pal/core/check.h"

namespace pal {

torch::Tensor LalAttention::operator()(DecoderLayerImpl& layer, const torch::Tensor& rows, const RopeTable& rope,
                                       const torch::Tensor& audio, const RopeTable& audio_rope,
                                       const AttentionPlan& plan) const {
  const auto normed = layer.input_layernorm(rows);
  auto all = layer.self_attn->keys_values(normed, rope);
  if (audio.defined()) all = concat(all, audio_keys_values(layer, audio, audio_rope));
  return rows + layer.self_attn->attend(layer.self_attn->queries(normed, rope), all, plan, backend);
}

KeyValues LalAttention::audio_keys_values(DecoderLayerImpl& layer, const torch::Tensor& audio, const RopeTable& audio_rope) {
  const int64_t width = layer.self_attn->k_proj->weight.size(1);
  PAL_CHECK(audio.size(1) == width,
            "lal_attention: audio width {}, but the decoder is {} wide; does the stream have a connector?", audio.size(1), width);
  return layer.self_attn->keys_values(layer.input_layernorm(audio), audio_rope);
}

}  // namespace pal
