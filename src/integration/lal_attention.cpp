#include "pal/integration/lal_attention.h"

#include <algorithm>
#include <cmath>

namespace pal {

KeyValues joint_keys_values(DecoderLayerImpl& layer, const torch::Tensor& normed, const RopeTable& rope,
                            const HeardAudio& audio) {
  auto own = layer.self_attn->keys_values(normed, rope);
  return audio.unit.defined() ? concat(own, layer.self_attn->keys_values(audio, layer.input_layernorm->weight)) : own;
}

torch::Tensor attend_joint(DecoderLayerImpl& layer, const torch::Tensor& queries, const KeyValues& all, const AttentionPlan& plan,
                           const DeafHeads& deaf, const AttentionBackend& backend, const torch::Tensor& onward) {
  auto& attention = *layer.self_attn;
  if (deaf.groups.empty()) return attention.attend(queries, all, plan, backend, onward);
  const int64_t rows = queries.size(0), groups = all.keys.size(1), width = queries.size(2), share = queries.size(1) / groups;
  const auto by_group = queries.reshape({rows, groups, share, width});  // query head h shares key/value head h / share
  std::vector<int64_t> hearing;
  for (int64_t g = 0; g < groups; ++g)
    if (std::ranges::count(deaf.groups, g) == 0) hearing.push_back(g);

  const auto attend = [&](const std::vector<int64_t>& part, const AttentionPlan& by) {
    const auto index = torch::tensor(part, torch::kInt64).to(queries.device());
    const auto of_part = [&](const torch::Tensor& slots) { return slots.slice(0, 0, by.keys).index_select(1, index); };
    return backend
        .attend(by_group.index_select(1, index).flatten(1, 2), of_part(all.keys), of_part(all.values), by, 1.0 / std::sqrt(double(width)))
        .reshape({rows, int64_t(part.size()), share, width});
  };
  auto order = hearing;  // of the groups as they are put together
  order.insert(order.end(), deaf.groups.begin(), deaf.groups.end());
  const auto back = torch::tensor(order, torch::kInt64).argsort().to(queries.device());
  const auto mixed = rows_at(torch::cat({attend(hearing, plan), attend(deaf.groups, *deaf.plan)}, 1).index_select(1, back), onward);
  return attention.o_proj(mixed.flatten(1));
}

torch::Tensor lal_attention(DecoderLayerImpl& layer, const torch::Tensor& normed, const RopeTable& rope, const HeardAudio& audio, const AttentionPlan& plan, const AttentionBackend& backend,
                            KeyValues* kept, const DeafHeads& deaf, const torch::Tensor& onward) {
  if (deaf.groups.empty() && layer.self_attn->can_attend_jointly(backend))
    return layer.self_attn->attend_jointly(normed, rope, audio, layer.input_layernorm->weight, plan, backend, onward, kept);
  const auto all = joint_keys_values(layer, normed, rope, audio);
  if (kept != nullptr) *kept = all;
  return attend_joint(layer, layer.self_attn->queries(normed, rope), all, plan, deaf, backend, onward);
}

}  // namespace pal
