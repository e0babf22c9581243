#include "pal/kernels/few_rows.h"

#include "kernel_data.h"

namespace pal::kernels {
namespace {

template <typename T>
class FewRowsKernel : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(FewRowsKernel, Types);

template <typename T>
torch::Tensor product(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  const auto y = poisoned<T>({x.size(0), weight.size(0)});
  few_rows_cpu<T>({.x = pointer<T>(x), .weight = pointer<T>(weight), .bias = pointer<T>(bias), .y = pointer<T>(y), .rows = x.size(0), .in = x.size(1), .out = weight.size(0)});
  return y;
}

TYPED_TEST(FewRowsKernel, EqualsFloat64ForEveryNumberOfRows) {
  using T = TypeParam;
  torch::manual_seed(0);
  for (const auto& [in, out] : {std::pair<int64_t, int64_t>(1, 1), {15, 3}, {16, 5}, {37, 2}, {576, 300}})  // the last in several threads
    for (int64_t rows = 1; rows <= kMostFewRows; ++rows)
      for (const bool with_bias : {false, true}) {
        SCOPED_TRACE(testing::Message() << in << " " << rows << " " << with_bias);
        const auto x = random<T>({rows, in}), weight = random<T>({out, in}), bias = with_bias ? random<T>({out}) : torch::Tensor();
        auto expected = x.to(torch::kFloat64).mm(weight.to(torch::kFloat64).t());
        if (with_bias) expected += bias;
        EXPECT_LT(relative_distance(product<T>(x, weight, bias), expected), kTolerance<T>);
      }
}

// So that an answer does not depend on whom it is computed with, up to 8.
TYPED_TEST(FewRowsKernel, ARowHasTheSameBitsWhateverIsBesideIt) {
  using T = TypeParam;
  torch::manual_seed(0);
  for (const int64_t in : {7, 85, 93, 95, 576}) {
    const auto x = random<T>({kMostFewRows, in}), weight = random<T>({20, in});
    const auto all = product<T>(x, weight, {});
    for (int64_t rows = 1; rows < kMostFewRows; ++rows) {
      const auto some = x.slice(0, 8 - rows).contiguous();
      EXPECT_TRUE(torch::equal(product<T>(some, weight, {}), all.slice(0, 8 - rows))) << in << " " << rows;
    }
  }
}

}  // namespace
}  // namespace pal::kernels
