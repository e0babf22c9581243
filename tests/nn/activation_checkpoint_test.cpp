#include "pal/nn/activation_checkpoint.h"

#include <gtest/gtest.h>

#include "pal/nn/swiglu_mlp.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

TEST(ActivationCheckpoint, GradientsOfInputsAndParametersEqualThePlainOnes) {
  torch::manual_seed(0);
  SwigluMlp mlp(6, 10, torch::TensorOptions(torch::kFloat64));
  init_linears(*mlp, 3);
  const auto x0 = torch::randn({4, 6}, torch::kFloat64), extra0 = torch::randn({4, 6}, torch::kFloat64);
  const auto run = [&](bool checkpoint) {
    mlp->zero_grad();
    auto x = x0.clone().requires_grad_(), extra = extra0.clone().requires_grad_();
    int calls = 0;
    const auto block = [&](const std::vector<torch::Tensor>& in) {
      ++calls;
      return in[0] + mlp(in[0] * in[1]);
    };
    const auto y = checkpoint ? checkpointed(block, {x, extra}, mlp->parameters()) : block({x, extra});
    y.pow(2).sum().backward();
    EXPECT_EQ(calls, checkpoint ? 2 : 1);
    std::vector<torch::Tensor> out{x.grad().flatten(), extra.grad().flatten()};
    for (auto& p : mlp->parameters()) out.push_back(p.grad().flatten());
    return torch::cat(out);
  };
  EXPECT_TRUE(same_bits(run(true), run(false)));
}

// Frozen early layers: the rows need no gradient, but the audio does (pitfalls 7).
TEST(ActivationCheckpoint, AFrozenFirstInputDoesNotCutTheOthersGradient) {
  auto rows = torch::randn({2, 3}), audio = torch::randn({2, 3}).requires_grad_();
  const auto block = [](const std::vector<torch::Tensor>& in) { return in[0] * in[1]; };
  checkpointed(block, {rows, audio}, {}).sum().backward();
  EXPECT_LT(relative_distance(audio.grad(), rows), 1e-7);
}

}  // namespace
}  // namespace pal
