#include "pal/nn/cross_entropy.h"

#include <gtest/gtest.h>

#include "support/tensor_compare.h"

namespace pal {
namespace {

TEST(LinearCrossEntropy, EqualsTorchInValueAndGradientsForEveryChunkSize) {
  torch::manual_seed(0);
  const auto hidden = torch::randn({13, 6}, torch::kFloat64), weight = torch::randn({11, 6}, torch::kFloat64);
  const auto targets = torch::randint(0, 11, {13}, torch::kInt64);
  auto h = hidden.clone().requires_grad_(), w = weight.clone().requires_grad_();
  const auto expected = torch::nn::functional::cross_entropy(
      torch::linear(h, w), targets, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
  (expected * 0.5).backward();
  for (int64_t chunk : {1, 4, 13, 100}) {
    auto h2 = hidden.clone().requires_grad_(), w2 = weight.clone().requires_grad_();
    const auto loss = linear_cross_entropy(h2, w2, targets, chunk);
    (loss * 0.5).backward();
    EXPECT_LT(relative_distance(loss, expected), 1e-13);
    EXPECT_LT(relative_distance(h2.grad(), h.grad()), 1e-13);
    EXPECT_LT(relative_distance(w2.grad(), w.grad()), 1e-13);
  }
}

TEST(LinearCrossEntropy, AFrozenHeadGetsNoGradient) {
  auto hidden = torch::randn({3, 4}).requires_grad_();
  const auto weight = torch::randn({5, 4});
  linear_cross_entropy(hidden, weight, torch::tensor({0, 1, 4}, torch::kInt64)).backward();
  EXPECT_TRUE(hidden.grad().defined());
  EXPECT_FALSE(weight.grad().defined());
}

TEST(LinearCrossEntropy, NoTargetsGiveZero) {
  auto hidden = torch::randn({0, 4}).requires_grad_();
  const auto loss = linear_cross_entropy(hidden, torch::randn({5, 4}), torch::empty({0}, torch::kInt64));
  EXPECT_EQ(loss.item<float>(), 0.0f);
  loss.backward();
}

}  // namespace
}  // namespace pal
