#include "../../src/kernels/cross_entropy.cu"

#include "kernel_data.h"

namespace pal::kernels {
namespace {

template <typename T>
struct Cuda {
  using Number = T;
  static void run(const CrossEntropy<T>& p) { cross_entropy(p, nullptr); }
};
template <typename T>
struct Cpu {
  using Number = T;
  static void run(const CrossEntropy<T>& p) { cross_entropy_cpu(p); }
};

template <typename Run>
class CrossEntropyKernel : public testing::Test {};
using Types = testing::Types<Cuda<float>, Cuda<Bf16>, Cpu<float>, Cpu<double>>;
TYPED_TEST_SUITE(CrossEntropyKernel, Types);

TYPED_TEST(CrossEntropyKernel, LossAndGradientEqualFloat64) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  for (const int64_t vocabulary : {8, 1000, 5001, 1, 20000}) {
    SCOPED_TRACE(vocabulary);
    const int64_t rows = 2;
    const auto logits = random<T>({rows, vocabulary}, 5.0), targets = torch::tensor({vocabulary - 1, vocabulary / 2}, torch::kInt64);
    const auto losses = poisoned<Wide<T>>({rows}), gradient = poisoned<T>({rows, vocabulary});
    const auto run = [&](const torch::Tensor& into) {
      TypeParam::run({.logits = pointer<T>(logits), .targets = pointer<int64_t>(targets), .losses = pointer<Wide<T>>(losses), .gradient = pointer<T>(into), .rows = rows, .vocabulary = vocabulary});
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
  using T = typename TypeParam::Number;
  const auto logits = torch::tensor({1000.0, 0.0, -1000.0, 1000.0}, torch::kFloat64).to(kTorchType<T>).view({1, 4}), targets = torch::tensor({0}, torch::kInt64);
  const auto losses = poisoned<Wide<T>>({1});
  TypeParam::run({.logits = pointer<T>(logits), .targets = pointer<int64_t>(targets), .losses = pointer<Wide<T>>(losses), .rows = 1, .vocabulary = 4});
  EXPECT_NEAR(losses.template item<double>(), std::log(2.0), 1e-6);
}

TYPED_TEST(CrossEntropyKernel, ANaNAmongTheLogitsGivesANaNLoss) {
  using T = typename TypeParam::Number;
  auto logits = torch::zeros({1, 40}, kTorchType<T>);
  logits[0][17] = std::numeric_limits<float>::quiet_NaN();
  const auto targets = torch::tensor({0}, torch::kInt64), losses = poisoned<Wide<T>>({1}).zero_();
  TypeParam::run({.logits = pointer<T>(logits), .targets = pointer<int64_t>(targets), .losses = pointer<Wide<T>>(losses), .rows = 1, .vocabulary = 40});
  EXPECT_TRUE(std::isnan(losses.template item<double>()));
}

TYPED_TEST(CrossEntropyKernel, ATargetBelowZeroCountsNothingAndChangesNoOtherRow) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  for (const int64_t vocabulary : {1000, 5001}) {  // in whole packs and not
    SCOPED_TRACE(vocabulary);
    auto logits = random<T>({3, vocabulary}, 5.0);
    const auto run = [&](const torch::Tensor& rows, const torch::Tensor& targets) {
      const auto losses = poisoned<Wide<T>>({rows.size(0)}), gradient = poisoned<T>(rows.sizes());
      TypeParam::run({.logits = pointer<T>(rows), .targets = pointer<int64_t>(targets), .losses = pointer<Wide<T>>(losses), .gradient = pointer<T>(gradient), .rows = rows.size(0), .vocabulary = vocabulary});
      return std::pair(losses, gradient);
    };
    const auto [expected_losses, expected] = run(torch::stack({logits[0], logits[2]}), torch::tensor({3, 7}, torch::kInt64));
    logits[1].fill_(std::numeric_limits<float>::quiet_NaN());  // not even then
    const auto [losses, gradient] = run(logits, torch::tensor({3, -1, 7}, torch::kInt64));
    EXPECT_EQ(losses[1].template item<double>(), 0);
    EXPECT_EQ(gradient[1].abs().max().template item<double>(), 0);
    EXPECT_TRUE(torch::equal(torch::stack({losses[0], losses[2]}), expected_losses));
    EXPECT_TRUE(torch::equal(torch::stack({gradient[0], gradient[2]}), expected));
  }
}

}  // namespace
}  // namespace pal::kernels
