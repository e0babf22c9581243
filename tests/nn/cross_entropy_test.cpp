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

TEST(LinearCrossEntropy, ALossThatIsItselfDifferentiatedHasTheSameGradients) {
  torch::manual_seed(1);
  const auto targets = torch::randint(0, 11, {13}, torch::kInt64);
  auto h = torch::randn({13, 6}, torch::kFloat64).requires_grad_(), w = torch::randn({11, 6}, torch::kFloat64).requires_grad_();
  torch::nn::functional::cross_entropy(torch::linear(h, w), targets, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum)).backward();
  for (int64_t chunk : {4, 13}) {
    for (const bool known : {false, true}) {
      auto h2 = h.detach().clone().requires_grad_(), w2 = w.detach().clone().requires_grad_();
      const auto loss = linear_cross_entropy(h2, w2, targets, chunk);
      known ? backward_from_one(loss) : loss.backward();
      EXPECT_LT(relative_distance(h2.grad(), h.grad()), 1e-13);
      EXPECT_LT(relative_distance(w2.grad(), w.grad()), 1e-13);
    }
  }
}

TEST(LinearCrossEntropy, TheHeadsGradientInBfloat16IsSummedInFloat32) {
  torch::manual_seed(2);
  const auto hidden = torch::randn({512, 6}).to(torch::kBFloat16), weight = torch::randn({11, 6}).to(torch::kBFloat16);
  const auto targets = torch::randint(0, 11, {512}, torch::kInt64);
  const auto gradient = [&](torch::ScalarType type, int64_t chunk) {
    auto w = weight.to(type).clone().requires_grad_();
    linear_cross_entropy(hidden.to(type), w, targets, chunk).backward();
    EXPECT_EQ(w.grad().scalar_type(), type);
    return w.grad().to(torch::kFloat64);
  };
  const auto expected = gradient(torch::kFloat64, 512);
  const double whole = relative_distance(gradient(torch::kBFloat16, 512), expected);
  EXPECT_LT(whole, 2e-2);
  EXPECT_LT(relative_distance(gradient(torch::kBFloat16, 2), expected), 1.5 * whole);  // 256 pieces added up in bfloat16 would lose most of the last ones
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

TEST(LinearCrossEntropy, ATargetBelowZeroCountsNothing) {
  torch::manual_seed(3);
  auto hidden = torch::randn({5, 6}, torch::kFloat64), weight = torch::randn({11, 6}, torch::kFloat64).requires_grad_();
  const auto kept = torch::tensor({0, 2, 4}, torch::kInt64);
  auto few = hidden.index_select(0, kept).requires_grad_();
  const auto expected = linear_cross_entropy(few, weight, torch::tensor({7, 0, 3}, torch::kInt64));
  expected.backward();
  const auto expected_weight = weight.grad().clone();
  for (int64_t chunk : {1, 2, 100}) {
    weight.mutable_grad().reset();
    auto all = hidden.clone().requires_grad_();
    const auto loss = linear_cross_entropy(all, weight, torch::tensor({7, -1, 0, -1, 3}, torch::kInt64), chunk);
    loss.backward();
    EXPECT_LT(relative_distance(loss, expected), 1e-14);
    EXPECT_LT(relative_distance(all.grad().index_select(0, kept), few.grad()), 1e-14);
    EXPECT_LT(relative_distance(weight.grad(), expected_weight), 1e-14);
    for (int64_t ignored : {1, 3}) EXPECT_EQ(all.grad()[ignored].abs().max().item<double>(), 0);
  }
}

TEST(LinearCrossEntropy, OnAGpuAChunkIsAsLargeAsThereIsRoomFor) {
  EXPECT_EQ(cross_entropy_chunk(/*is_cuda=*/false, 128256, 2), 256);
  EXPECT_EQ(cross_entropy_chunk(true, 128256, 2), (512 << 20) / (2 * 128256));
  EXPECT_EQ(cross_entropy_chunk(true, int64_t(4) << 20, 4), 256);  // a vocabulary of which 512 MiB hold 32 rows
}

}  // namespace
}  // namespace pal
