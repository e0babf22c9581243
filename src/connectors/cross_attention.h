// What connectors with learned queries share: the queries of every clip attend to that clip's tokens.
#pragma once

#include <cmath>

#include "pal/core/random.h"
#include "pal/nn/attention.h"
#include "pal/nn/linear.h"

namespace pal {

// Attention of packed queries to packed keys, with projections of its own.
struct MultiHeadImpl : torch::nn::Module {
  MultiHeadImpl(int64_t width, int64_t memory_width, int64_t heads, torch::TensorOptions o)
      : q_proj(width, width, true, o), k_proj(memory_width, width, true, o), v_proj(memory_width, width, true, o),
        o_proj(width, width, true, o), heads(heads) {
    register_module("q_proj", q_proj);
    register_module("k_proj", k_proj);
    register_module("v_proj", v_proj);
    register_module("o_proj", o_proj);
  }
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& memory, const AttentionPlan& plan) {
    const auto split = [&](const torch::Tensor& t) { return t.view({t.size(0), heads, -1}); };
    const auto backend = make_attention_backend("auto", x.scalar_type(), x.device(), x.size(1) / heads);
    const double scale = 1.0 / std::sqrt(double(x.size(1)) / double(heads));
    const auto mixed = backend->attend(split(q_proj(x)), split(k_proj(memory)), split(v_proj(memory)), plan, scale);
    return o_proj(mixed.reshape(x.sizes()));
  }
  Linear q_proj, k_proj, v_proj, o_proj;
  int64_t heads;
};
TORCH_MODULE(MultiHead);

// Learned queries [count, width], drawn from `seed` on the CPU in float32: the same on any device and in any type.
inline torch::Tensor draw_queries(int64_t count, int64_t width, uint64_t seed, torch::TensorOptions o) {
  auto generator = at::detail::createCPUGenerator(stream_seed(seed, "queries"));
  return torch::empty({count, width}, torch::kFloat32).normal_(0.0, 0.02, generator).to(o);
}

// `count` queries for each clip that has tokens: who attends to whom.
struct ClipQueries {
  ClipQueries(int64_t count, const std::vector<int64_t>& lengths) {
    for (int64_t length : lengths) {
      if (length == 0) continue;
      own.push_back({{rows, rows + count}, {{rows, rows + count}}});
      clip.push_back({{rows, rows + count}, {{tokens, tokens + length}}});
      rows += count;
      tokens += length;
    }
  }
  AttentionPlan among(torch::Device device) const { return {own, false, rows, rows, device}; }        // a clip's queries, each other
  AttentionPlan to_clips(torch::Device device) const { return {clip, false, rows, tokens, device}; }  // and the clip's tokens

  int64_t rows = 0, tokens = 0;  // queries of all clips, tokens of all clips
  std::vector<AttentionSegment> own, clip;
};

}  // namespace pal
