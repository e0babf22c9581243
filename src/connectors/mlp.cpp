// One or two linear layers on every token by itself.
#include "kinds.h"
#include "pal/core/check.h"
#include "pal/nn/linear.h"

namespace pal {

namespace {

class LinearConnector : public Connector {
 public:
  LinearConnector(int64_t in, int64_t out, uint64_t seed, torch::TensorOptions o) : proj(in, out, true, o) {
    register_module("proj", proj);
    init_linears(*this, seed);
  }
  int64_t output_length(int64_t tokens) const override { return tokens; }
  torch::Tensor forward(const torch::Tensor& tokens, const std::vector<int64_t>&) override { return proj(tokens); }

 private:
  Linear proj;
};

class MlpConnector : public Connector {
 public:
  MlpConnector(int64_t in, int64_t hidden, int64_t out, uint64_t seed, torch::TensorOptions o)
      : fc1(in, hidden, true, o), fc2(hidden, out, true, o) {
    register_module("fc1", fc1);
    register_module("fc2", fc2);
    init_linears(*this, seed);
  }
  int64_t output_length(int64_t tokens) const override { return tokens; }
  torch::Tensor forward(const torch::Tensor& tokens, const std::vector<int64_t>&) override {
    return fc2(torch::gelu(fc1(tokens)));
  }

 private:
  Linear fc1, fc2;
};

}  // namespace

std::shared_ptr<Connector> make_linear_connector(int64_t in, int64_t out, uint64_t seed, torch::TensorOptions o) {
  return std::make_shared<LinearConnector>(in, out, seed, o);
}

std::shared_ptr<Connector> make_mlp_connector(const ConnectorOptions& options, int64_t in, int64_t out, uint64_t seed,
                                              torch::TensorOptions o) {
  PAL_CHECK(options.hidden >= 0, "connector mlp: hidden must be at least 0 (0: the decoder's width), got {}", options.hidden);
  return std::make_shared<MlpConnector>(in, options.hidden > 0 ? options.hidden : out, out, seed, o);
}

}  // namespace pal
