// Attention pooling: learned queries gather a clip into a fixed number of summary tokens by one cross-attention (Lee et al. 2019, PMA,
// without its feed-forward block). The Q-Former is the deeper form.
#include "cross_attention.h"
#include "kinds.h"
#include "pal/core/check.h"
#include "pal/nn/rms_norm.h"

namespace pal {

namespace {

class AttentionPoolConnector : public Connector {
 public:
  AttentionPoolConnector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed, torch::TensorOptions o)
      : count(options.queries), memory_norm(in, 1e-6, o), cross_attn(out, in, options.heads, o), norm(out, 1e-6, o), proj(out, out, true, o) {
    queries = register_parameter("queries", draw_queries(count, out, seed, o));
    register_module("memory_norm", memory_norm);
    register_module("cross_attn", cross_attn);
    register_module("norm", norm);
    register_module("proj", proj);
    init_linears(*this, seed);
  }

  int64_t output_length(int64_t tokens) const override { return tokens > 0 ? count : 0; }

  torch::Tensor forward(const torch::Tensor& tokens, const std::vector<int64_t>& lengths) override {
    const ClipQueries plan(count, lengths);
    if (plan.rows == 0) return torch::zeros({0, proj->weight.size(0)}, tokens.options());
    const auto asked = queries.repeat({plan.rows / count, 1});
    return proj(norm(asked + cross_attn(asked, memory_norm(tokens), plan.to_clips(tokens.device()))));
  }

 private:
  int64_t count;
  torch::Tensor queries;  // [Q, D]
  RmsNorm memory_norm;
  MultiHead cross_attn;
  RmsNorm norm;
  Linear proj;
};

}  // namespace

std::shared_ptr<Connector> make_attention_pool_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                                         torch::TensorOptions o) {
  PAL_CHECK(options.queries > 0 && options.heads > 0, "connector attention_pool: queries and heads must be above 0, got {} and {}",
            options.queries, options.heads);
  PAL_CHECK(out % options.heads == 0, "connector attention_pool: the decoder's width {} cannot be split into {} heads", out,
            options.heads);
  return std::make_shared<AttentionPoolConnector>(options, in, out, seed, o);
}

}  // namespace pal
