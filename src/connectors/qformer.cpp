// Learned queries that gather a clip into a fixed number of summary tokens (Q-Former, Li et al. 2023, without its text side):
//   queries [Q, W] -> layers x (self-attention, cross-attention to the clip, feed-forward) -> linear to the decoder's width.
// Pre-norm blocks; W is the decoder's width.
#include <cmath>

#include "kinds.h"
#include "pal/core/check.h"
#include "pal/core/random.h"
#include "pal/nn/linear.h"
#include "pal/nn/rms_norm.h"

namespace pal {

namespace {

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

struct QformerLayerImpl : torch::nn::Module {
  QformerLayerImpl(int64_t width, int64_t memory_width, int64_t heads, torch::TensorOptions o)
      : self_norm(width, 1e-6, o), cross_norm(width, 1e-6, o), ffn_norm(width, 1e-6, o), self_attn(width, width, heads, o),
        cross_attn(width, memory_width, heads, o), fc1(width, 4 * width, true, o), fc2(4 * width, width, true, o) {
    register_module("self_norm", self_norm);
    register_module("self_attn", self_attn);
    register_module("cross_norm", cross_norm);
    register_module("cross_attn", cross_attn);
    register_module("ffn_norm", ffn_norm);
    register_module("fc1", fc1);
    register_module("fc2", fc2);
  }
  torch::Tensor forward(torch::Tensor x, const torch::Tensor& memory, const AttentionPlan& among, const AttentionPlan& to_clip) {
    const auto h = self_norm(x);
    x = x + self_attn(h, h, among);
    x = x + cross_attn(cross_norm(x), memory, to_clip);
    return x + fc2(torch::gelu(fc1(ffn_norm(x))));
  }
  RmsNorm self_norm, cross_norm, ffn_norm;
  MultiHead self_attn, cross_attn;
  Linear fc1, fc2;
};
TORCH_MODULE(QformerLayer);

class QformerConnector : public Connector {
 public:
  QformerConnector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed, torch::TensorOptions o)
      : count(options.queries), memory_norm(in, 1e-6, o), norm(out, 1e-6, o), proj(out, out, true, o) {
    auto generator = at::detail::createCPUGenerator(stream_seed(seed, "queries"));
    queries = register_parameter(
        "queries", torch::empty({count, out}, torch::kFloat32).normal_(0.0, 0.02, generator).to(o));
    register_module("memory_norm", memory_norm);
    torch::nn::ModuleList list;
    for (int64_t i = 0; i < options.layers; ++i) {
      layers.emplace_back(out, in, options.heads, o);
      list->push_back(layers.back());
    }
    register_module("layers", list);
    register_module("norm", norm);
    register_module("proj", proj);
    init_linears(*this, seed);
  }

  int64_t output_length(int64_t tokens) const override { return tokens > 0 ? count : 0; }

  torch::Tensor forward(const torch::Tensor& tokens, const std::vector<int64_t>& lengths) override {
    std::vector<AttentionSegment> among, to_clip;
    int64_t rows = 0, begin = 0;
    for (int64_t length : lengths) {
      if (length == 0) continue;
      among.push_back({{rows, rows + count}, {{rows, rows + count}}});
      to_clip.push_back({{rows, rows + count}, {{begin, begin + length}}});
      rows += count;
      begin += length;
    }
    if (rows == 0) return torch::zeros({0, proj->weight.size(0)}, tokens.options());
    const AttentionPlan self_plan(std::move(among), false, rows, rows, tokens.device());
    const AttentionPlan cross_plan(std::move(to_clip), false, rows, begin, tokens.device());
    auto x = queries.repeat({rows / count, 1});
    const auto memory = memory_norm(tokens);
    for (auto& layer : layers) x = layer(x, memory, self_plan, cross_plan);
    return proj(norm(x));
  }

 private:
  int64_t count;
  torch::Tensor queries;  // [Q, D]
  RmsNorm memory_norm, norm;
  std::vector<QformerLayer> layers;
  Linear proj;
};

}  // namespace

std::shared_ptr<Connector> make_qformer_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                                  torch::TensorOptions o) {
  PAL_CHECK(options.queries > 0 && options.layers > 0 && options.heads > 0,
            "connector qformer: queries, layers and heads must be above 0, got {}, {} and {}", options.queries, options.layers,
            options.heads);
  PAL_CHECK(out % options.heads == 0, "connector qformer: the decoder's width {} cannot be split into {} heads", out, options.heads);
  return std::make_shared<QformerConnector>(options, in, out, seed, o);
}

}  // namespace pal
