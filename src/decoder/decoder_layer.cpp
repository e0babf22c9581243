#include "pal/decoder/decoder_layer.h"

#include <cmath>

#include "pal/nn/joint_linear.h"

namespace pal {

torch::Tensor rows_at(const torch::Tensor& x, const torch::Tensor& onward) { return onward.defined() ? x.index_select(0, onward) : x; }

KeyValues concat(const KeyValues& a, const KeyValues& b) {
  return {torch::cat({a.keys, b.keys}), torch::cat({a.values, b.values})};
}

SelfAttentionImpl::SelfAttentionImpl(const DecoderOptions& o, torch::TensorOptions tensor_options)
    : q_proj(o.width, o.query_width(), o.qkv_bias, tensor_options),
      k_proj(o.width, o.kv_width(), o.qkv_bias, tensor_options),
      v_proj(o.width, o.kv_width(), o.qkv_bias, tensor_options),
      o_proj(o.query_width(), o.width, false, tensor_options),
      head_dim(o.head_dim) {
  register_module("q_proj", q_proj);
  register_module("k_proj", k_proj);
  register_module("v_proj", v_proj);
  register_module("o_proj", o_proj);
  lay_together({q_proj, k_proj, v_proj});
  if (o.qk_norm) {
    q_norm = register_module("q_norm", RmsNorm(head_dim, o.norm_eps, tensor_options));
    k_norm = register_module("k_norm", RmsNorm(head_dim, o.norm_eps, tensor_options));
  }
}

torch::Tensor SelfAttentionImpl::queries(const torch::Tensor& normed, const RopeTable& rope) {
  auto q = q_proj(normed).view({normed.size(0), -1, head_dim});
  if (!q_norm.is_empty()) q = q_norm(q);
  return apply_rope(q, rope);
}

KeyValues SelfAttentionImpl::keys_values(const torch::Tensor& normed, const RopeTable& rope) {
  auto k = k_proj(normed).view({normed.size(0), -1, head_dim});
  if (!k_norm.is_empty()) k = k_norm(k);
  return {apply_rope(k, rope), v_proj(normed).view({normed.size(0), -1, head_dim})};
}

KeyValues SelfAttentionImpl::keys_values(const HeardAudio& audio, const torch::Tensor& scale) {
  const auto both = scaled_joint_linear(audio.unit, scale, {k_proj, v_proj}).view({audio.unit.size(0), -1, head_dim}).chunk(2, 1);
  return {apply_rope(k_norm.is_empty() ? both[0] : k_norm(both[0]), audio.rope), both[1]};
}

torch::Tensor SelfAttentionImpl::queries_into(const HeadCache& cache, const torch::Tensor& normed, const RopeTable& rope) {
  if (q_norm.is_empty()) return split_heads_into(cache, joint_linear(normed, {q_proj, k_proj, v_proj}), rope, q_proj->weight.size(0) / head_dim, head_dim);
  const auto own = keys_values(normed, rope);
  cache.keys.index_copy_(0, cache.places, own.keys);
  cache.values.index_copy_(0, cache.places, own.values);
  return queries(normed, rope);
}

torch::Tensor SelfAttentionImpl::attend(const torch::Tensor& queries, const KeyValues& all, const AttentionPlan& plan,
                                        const AttentionBackend& backend, const torch::Tensor& onward) {
  const auto mixed = rows_at(backend.attend(queries, all.keys, all.values, plan, 1.0 / std::sqrt(double(head_dim))), onward);
  return o_proj(mixed.flatten(1));
}

torch::Tensor SelfAttentionImpl::attend_jointly(const torch::Tensor& normed, const RopeTable& rope, const HeardAudio& audio, const torch::Tensor& audio_scale,
                                                const AttentionPlan& plan, const AttentionBackend& backend, const torch::Tensor& onward, KeyValues* kept) {
  HeadProducts products{joint_linear(normed, {q_proj, k_proj, v_proj}), rope, {}, audio.rope};
  if (audio.unit.defined()) products.audio = scaled_joint_linear(audio.unit, audio_scale, {k_proj, v_proj});
  const auto heads = split_heads(products, kept == nullptr ? plan.key_order() : std::nullopt, q_proj->weight.size(0) / head_dim, head_dim);
  if (kept != nullptr) {
    *kept = {heads.keys, heads.values.contiguous()};  // torch's operators give a view, which would keep the whole product
    return attend(heads.queries, *kept, plan, backend, onward);
  }
  const auto mixed = rows_at(backend.attend_in_order(heads.queries, heads.keys, heads.values, plan, 1.0 / std::sqrt(double(head_dim))), onward);
  return o_proj(mixed.flatten(1));
}

DecoderLayerImpl::DecoderLayerImpl(const DecoderOptions& o, torch::TensorOptions tensor_options)
    : input_layernorm(o.width, o.norm_eps, tensor_options),
      post_attention_layernorm(o.width, o.norm_eps, tensor_options),
      self_attn(o, tensor_options),
      mlp(o.width, o.ffn_width, tensor_options) {
  register_module("input_layernorm", input_layernorm);
  register_module("self_attn", self_attn);
  register_module("post_attention_layernorm", post_attention_layernorm);
  register_module("mlp", mlp);
}

// What is read no more goes at once: without autograd nothing else holds it.
Residual DecoderLayerImpl::forward(Residual stream, const std::function<torch::Tensor(const torch::Tensor&)>& attend, const torch::Tensor& onward) {
  auto before = input_layernorm->forward_sum(stream.rows, stream.update);
  stream = {};
  auto rows = rows_at(before.sum, onward);  // before attention: then its gradient, as long as all rows, is made after attention's
  before.sum.reset();
  auto mixed = attend(before.normed);
  before.normed.reset();
  return feed_forward(std::move(rows), std::move(mixed));
}

Residual DecoderLayerImpl::feed_forward(torch::Tensor rows, torch::Tensor mixed) {
  const auto after = post_attention_layernorm->forward_sum(rows, mixed);
  rows.reset(), mixed.reset();
  return {after.sum, mlp(after.normed)};
}

}  // namespace pal
