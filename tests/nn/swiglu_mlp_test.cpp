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

INSTANTIATE_TEST_SUITE_P(Types, SwigluTypes, testing::Values(torch::kFloat64, torch::kFloat32, torch::kBFloat16));

}  // namespace
}  // namespace pal
