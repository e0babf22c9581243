#include "pal/integration/lal_attention.h"

#include "pal/core/check.h"

namespace pal {

KeyValues joint_keys_values(DecoderLayerImpl& layer, const torch::Tensor& normed, const RopeTable& rope,
                            const torch::Tensor& audio, const RopeTable& audio_rope) {
  auto own = layer.self_attn->keys_values(normed, rope);
  if (!audio.defined()) return own;
  const int64_t width = normed.size(1);
  PAL_CHECK(audio.size(1) == width,
            "lal_attention: audio width {}, but the decoder is {} wide; does the stream have a connector?", audio.size(1), width);
  return concat(own, layer.self_attn->keys_values(layer.input_layernorm(audio), audio_rope));
}

torch::Tensor lal_layer(DecoderLayerImpl& layer, const torch::Tensor& rows, const RopeTable& rope, const torch::Tensor& audio,
                        const RopeTable& audio_rope, const AttentionPlan& plan, const AttentionBackend& backend,
                        KeyValues* kept) {
  const auto normed = layer.input_layernorm(rows);
  const auto all = joint_keys_values(layer, normed, rope, audio, audio_rope);
  if (kept != nullptr) *kept = all;
  const auto mixed = layer.self_attn->attend(layer.self_attn->queries(normed, rope), all, plan, backend);
  return layer.feed_forward(rows + mixed);
}

}  // namespace pal
