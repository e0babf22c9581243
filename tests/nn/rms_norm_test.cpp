#include "pal/nn/rms_norm.h"

#include <gtest/gtest.h>

#include "support/tensor_compare.h"

namespace pal {
namespace {

using namespace torch::indexing;

// x and update as they are given, and what a scalar of sum and norm says of them and of the weight.
struct Result {
  torch::Tensor sum, normed, x, update, weight;
};

Result plain(const torch::Tensor& x, const torch::Tensor& update, const torch::Tensor& weight, double eps) {
  auto a = x.clone().requires_grad_(), b = update.clone().requires_grad_(), w = weight.clone().requires_grad_();
  const auto sum = a + b, normed = sum / (sum.pow(2).mean(-1, true) + eps).sqrt() * w;
  (sum.pow(3).sum() + normed.sin().sum()).backward();
  return {sum, normed, a.grad(), b.grad(), w.grad()};
}

class RmsNormSum : public testing::TestWithParam<torch::ScalarType> {};

TEST_P(RmsNormSum, IsTheSumsNormWithTheirGradients) {
  const bool is_half = GetParam() == torch::kBFloat16;
  const double bound = GetParam() == torch::kFloat64 ? 1e-13 : is_half ? 2e-2 : 1e-5;
  torch::manual_seed(0);
  for (int64_t rows : {1, 3, 130}) {
    const auto x = torch::randn({rows, 24}, torch::kFloat64).to(GetParam()), update = torch::randn({rows, 24}, torch::kFloat64).to(GetParam()), weight = torch::rand({24}, torch::kFloat64).to(GetParam());
    RmsNorm norm(24, 1e-3, torch::TensorOptions(GetParam()));
    norm->weight.set_data(weight);
    auto a = x.clone().requires_grad_(), b = update.clone().requires_grad_();
    const auto result = norm->forward_sum(a, b);
    (result.sum.to(torch::kFloat64).pow(3).sum() + result.normed.to(torch::kFloat64).sin().sum()).backward();
    const auto expected = plain(x.to(torch::kFloat64), update.to(torch::kFloat64), weight.to(torch::kFloat64), 1e-3);
    EXPECT_LT(relative_distance(result.sum, expected.sum), bound);
    EXPECT_LT(relative_distance(result.normed, expected.normed), bound);
    EXPECT_LT(relative_distance(a.grad(), expected.x), bound);
    EXPECT_LT(relative_distance(b.grad(), expected.update), bound);
    EXPECT_LT(relative_distance(norm->weight.grad(), expected.weight), bound);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, RmsNormSum, testing::Values(torch::kFloat64, torch::kFloat32, torch::kBFloat16));

TEST(UnitRms, TimesAWeightIsTheNorm) {
  torch::manual_seed(2);
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kBFloat16})
    for (const int64_t rows : {0, 1, 130}) {
      const auto x = torch::randn({rows, 24}, torch::kFloat64).to(type).requires_grad_();
      RmsNorm norm(24, 1e-3, torch::TensorOptions(torch::kFloat64));
      const auto exact = x.detach().to(torch::kFloat64).requires_grad_();
      const auto unit = unit_rms(x, 1e-3);
      EXPECT_EQ(unit.scalar_type(), type);
      EXPECT_EQ(unit.sizes(), x.sizes());
      unit.pow(3).sum().backward();
      const auto expected = norm(exact);  // its weight is 1
      expected.pow(3).sum().backward();
      if (rows == 0) continue;
      const double bound = type == torch::kFloat64 ? 1e-13 : type == torch::kFloat32 ? 1e-5 : 2e-2;
      EXPECT_LT(relative_distance(unit.to(torch::kFloat64), expected), bound);
      EXPECT_LT(relative_distance(x.grad().to(torch::kFloat64), exact.grad()), bound);
    }
}

TEST(RmsNorm, EqualsTorchsOverTheLastDimensionOfAView) {
  torch::manual_seed(1);
  RmsNorm norm(8, 1e-5, torch::TensorOptions(torch::kFloat64));
  norm->weight.set_data(torch::rand({8}, torch::kFloat64));
  auto x = torch::randn({5, 3, 16}, torch::kFloat64).requires_grad_(), y = x.detach().clone().requires_grad_();
  norm(x.index({Ellipsis, Slice(4, 12)})).pow(3).sum().backward();
  const auto weight_gradient = norm->weight.grad().clone();
  norm->zero_grad();
  at::rms_norm(y.index({Ellipsis, Slice(4, 12)}), {8}, norm->weight, 1e-5).pow(3).sum().backward();
  EXPECT_LT(relative_distance(x.grad(), y.grad()), 1e-13);
  EXPECT_LT(relative_distance(weight_gradient, norm->weight.grad()), 1e-13);
}

TEST(RmsNorm, WhatNobodyReadsHasNoGradient) {
  RmsNorm norm(8, 1e-5);
  auto x = torch::randn({4, 8}).requires_grad_(), update = torch::randn({4, 8});
  norm->forward_sum(x, update).sum.sum().backward();  // of the sum alone
  EXPECT_TRUE(torch::equal(x.grad(), torch::ones_like(x)));
  EXPECT_FALSE(norm->weight.grad().defined());
  norm->weight.requires_grad_(false);
  norm->forward_sum(x, update).normed.sum().backward();
  EXPECT_FALSE(norm->weight.grad().defined());
}

TEST(RmsNorm, TakesNoRows) {
  RmsNorm norm(8, 1e-5);
  EXPECT_EQ(norm->forward_sum(torch::empty({0, 8}), torch::empty({0, 8})).normed.sizes(), (std::vector<int64_t>{0, 8}));
}

}  // namespace
}  // namespace pal
