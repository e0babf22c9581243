// Learned queries that gather a clip into a fixed number of summary tokens (Q-Former, Li et al. 2023, without its text side):
//   queries [Q, W] -> layers x (self-attention, cross-attention to the clip, feed-forward) -> linear to the decoder's width.
// Pre-norm blocks; W is the decoder's width.
#include "cross_attention.h"
#include "kinds.h"
#include "pal/core/check.h"
#include "pal/nn/rms_norm.h"

namespace pal {

namespace {

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
    queries = register_parameter("queries", draw_queries(count, out, seed, o));
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
    const ClipQueries plan(count, lengths);
    if (plan.rows == 0) return torch::zeros({0, proj->weight.size(0)}, tokens.options());
    const auto self_plan = plan.among(tokens.device()), cross_plan = plan.to_clips(tokens.device());
    auto x = queries.repeat({plan.rows / count, 1});
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
