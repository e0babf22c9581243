#include "pal/nn/swiglu_mlp.h"

#include <gtest/gtest.h>

#include "support/tensor_compare.h"

namespace pal {
namespace {

class SwigluTypes : public testing::TestWithParam<torch::ScalarType> {};

TEST_P(SwigluTypes, IsTheGatesSiluTimesWhatItOpensFor) {
  const double bound = GetParam() == torch::kFloat64 ? 1e-14 : GetParam() == torch::kBFloat16 ? 1e-2 : 1e-6;
  torch::manual_seed(0);
  for (const auto& [rows, width] : {std::pair<int64_t, int64_t>(9, 7), {130, 515}}) {  // the second in several threads
    const auto both = torch::randn({rows, 2 * width}, torch::kFloat64).to(GetParam());
    auto x = both.clone().requires_grad_(), y = both.to(torch::kFloat64).requires_grad_();
    const auto out = swiglu(x), expected = torch::silu(y.narrow(1, 0, width)) * y.narrow(1, width, width);
    const auto gradient = torch::randn({rows, width}, torch::kFloat64).to(GetParam());
    out.backward(gradient);
    expected.backward(gradient.to(torch::kFloat64));
    EXPECT_LT(relative_distance(out, expected), bound) << rows;
    EXPECT_LT(relative_distance(x.grad(), y.grad()), bound) << rows;
  }
}

// The block against its parts one by one, whichever of its weights learn; what down_proj multiplies is made again in the backward.
TEST_P(SwigluTypes, TheBlockAndItsGradientsAreThoseOfItsParts) {
  const double bound = GetParam() == torch::kFloat64 ? 1e-12 : GetParam() == torch::kBFloat16 ? 3e-2 : 1e-5;
  for (const int learning : {0b1111, 0b0111, 0b1000, 0b0110, 0b1011}) {  // the input, gate, up, down
    torch::manual_seed(learning);
    SwigluMlp block(12, 20, torch::TensorOptions(GetParam()));
    const std::vector<torch::Tensor> given{torch::randn({9, 12}, torch::kFloat64), torch::randn({20, 12}, torch::kFloat64), torch::randn({20, 12}, torch::kFloat64), torch::randn({12, 20}, torch::kFloat64)};
    std::vector<torch::Tensor> tensors{torch::empty({9, 12}, GetParam()), block->gate_proj->weight, block->up_proj->weight, block->down_proj->weight}, expected;
    for (std::size_t i = 0; i < given.size(); ++i) {
      const bool learns = (learning >> i & 1) != 0;
      torch::NoGradGuard no_grad;
      tensors[i].copy_(given[i]);
      tensors[i].requires_grad_(learns);
      expected.push_back(tensors[i].detach().to(torch::kFloat64).requires_grad_(learns));
    }
    const auto out = block(tensors[0]);
    const auto of_parts = (torch::silu(expected[0].mm(expected[1].t())) * expected[0].mm(expected[2].t())).mm(expected[3].t());
    EXPECT_LT(relative_distance(out, of_parts), bound) << learning;
    const auto gradient = torch::randn({9, 12}, torch::kFloat64).to(GetParam());
    out.backward(gradient);
    of_parts.backward(gradient.to(torch::kFloat64));
    for (std::size_t i = 0; i < given.size(); ++i) {
      ASSERT_EQ(tensors[i].grad().defined(), expected[i].grad().defined()) << learning << ' ' << i;
      if (tensors[i].grad().defined()) EXPECT_LT(relative_distance(tensors[i].grad(), expected[i].grad()), bound) << learning << ' ' << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SwigluTypes, testing::Values(torch::kFloat64, torch::kFloat32, torch::kBFloat16));

}  // namespace
}  // namespace pal
