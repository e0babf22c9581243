// Means of `factor` neighbouring tokens (the last group may be smaller), then a linear layer: fewer tokens, in temporal order.
#include "kinds.h"
#include "pal/core/check.h"
#include "pal/nn/linear.h"
#include "pal/nn/to_device.h"

namespace pal {

namespace {

class MeanPoolConnector : public Connector {
 public:
  MeanPoolConnector(int64_t factor, int64_t in, int64_t out, uint64_t seed, torch::TensorOptions o)
      : factor(factor), proj(in, out, true, o) {
    register_module("proj", proj);
    init_linears(*this, seed);
  }

  int64_t output_length(int64_t tokens) const override { return (tokens + factor - 1) / factor; }

  torch::Tensor forward(const torch::Tensor& tokens, const std::vector<int64_t>& lengths) override {
    std::vector<int64_t> group;  // of each token
    std::vector<double> sizes;   // of each group
    for (int64_t length : lengths)
      for (int64_t i = 0; i < length; ++i) {
        if (i % factor == 0) sizes.push_back(0);
        sizes.back() += 1;
        group.push_back(int64_t(sizes.size()) - 1);
      }
    const auto index = to_device(torch::tensor(group, torch::kInt64), tokens.device());
    // Sums of many tokens in 8 bits would lose the small ones.
    const auto wide = tokens.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
    const auto size = to_device(torch::tensor(sizes, wide), tokens.device()).unsqueeze(1);
    const auto sums = torch::zeros({int64_t(sizes.size()), tokens.size(1)}, tokens.options().dtype(wide)).index_add(0, index, tokens.to(wide));
    return proj((sums / size).to(tokens.scalar_type()));
  }

 private:
  int64_t factor;
  Linear proj;
};

}  // namespace

std::shared_ptr<Connector> make_mean_pool_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                                    torch::TensorOptions o) {
  PAL_CHECK(options.factor > 0, "connector mean_pool: factor must be at least 1, got {}", options.factor);
  return std::make_shared<MeanPoolConnector>(options.factor, in, out, seed, o);
}

}  // namespace pal
