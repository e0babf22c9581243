#include "../../src/kernels/cross_entropy.cu"

#include "kernel_data.h"

namespace pal::kernels {
namespace {

template <typename T>
class CrossEntropyKernel : public testing::Test {};
using Types = testing::Types<float, Bf16>;
TYPED_TEST_SUITE(CrossEntropyKernel, Types);

TYPED_TEST(CrossEntropyKernel, LossAndGradientEqualFloat64) {
  using T = TypeParam;
  torch::manual_seed(0);
  for (const int64_t vocabulary : {8, 1000, 5001, 1, 20000}) {
    SCOPED_TRACE(vocabulary);
    const int64_t rows = 2;
    const auto logits = random<T>({rows, vocabulary}, 5.0), targets = torch::tensor({vocabulary - 1, vocabulary / 2}, torch::kInt64);
    const auto losses = poisoned<float>({rows}), gradient = poisoned<T>({rows, vocabulary});
    const auto run = [&](const torch::Tensor& into) {
      cross_entropy<T>({.logits = pointer<T>(logits), .targets = pointer<int64_t>(targets), .losses = pointer<float>(losses), .gradient = pointer<T>(into), .rows = rows, .vocabulary = vocabulary}, nullptr);
    };
    run(gradient);
    const auto wide = logits.to(torch::kFloat64).requires_grad_();
    const auto expected = torch::nn::functional::cross_entropy(wide, targets, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone));
    expected.sum().backward();
    EXPECT_TRUE(torch::allclose(losses.to(torch::kFloat64), expected, 1e-6, 1e-5));
    EXPECT_TRUE(torch::allclose(gradient.to(torch::kFloat64), wide.grad(), kTolerance<T>, 1e-7));
    const auto first_losses = losses.clone();
    run(logits);  // over itself
    EXPECT_TRUE(torch::equal(logits, gradient));
    EXPECT_TRUE(torch::equal(losses, first_losses));
  }
}

TYPED_TEST(CrossEntropyKernel, LogitsThatOverflowInExpAreTaken) {
  using T = TypeParam;
  const auto logits = torch::tensor({1000.0, 0.0, -1000.0, 1000.0}, torch::kFloat64).to(kTorchType<T>).view({1, 4}), targets = torch::tensor({0}, torch::kInt64);
  const auto losses = poisoned<float>({1});
  cross_entropy<T>({.logits = pointer<T>(logits), .targets = pointer<int64_t>(targets), .losses = pointer<float>(losses), .rows = 1, .vocabulary = 4}, nullptr);
  EXPECT_NEAR(losses.item<double>(), std::log(2.0), 1e-6);
}

TYPED_TEST(CrossEntropyKernel, ANaNAmongTheLogitsGivesANaNLoss) {
  using T = TypeParam;
  auto logits = torch::zeros({1, 40}, kTorchType<T>);
  logits[0][17] = std::numeric_limits<float>::quiet_NaN();
  const auto targets = torch::tensor({0}, torch::kInt64), losses = torch::zeros({1});
  cross_entropy<T>({.logits = pointer<T>(logits), .targets = pointer<int64_t>(targets), .losses = pointer<float>(losses), .rows = 1, .vocabulary = 40}, nullptr);
  EXPECT_TRUE(std::isnan(losses.item<double>()));
}

}  // namespace
}  // namespace pal::kernels
