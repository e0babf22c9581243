#include "../../src/kernels/rms_norm.cu"

#include "kernel_data.h"

namespace pal::kernels {
namespace {

template <typename T>
struct Cuda {
  using Number = T;
  static void forward(const RmsNormForward<T>& p) { rms_norm_forward(p, nullptr); }
  static void backward(const RmsNormBackward<T>& p) { rms_norm_backward(p, nullptr); }
};
template <typename T>
struct Cpu {
  using Number = T;
  static void forward(const RmsNormForward<T>& p) { rms_norm_forward_cpu(p); }
  static void backward(const RmsNormBackward<T>& p) { rms_norm_backward_cpu(p); }
};

template <typename Run>
class RmsNormKernel : public testing::Test {};
using Types = testing::Types<Cuda<float>, Cuda<Bf16>, Cpu<float>, Cpu<double>>;
TYPED_TEST_SUITE(RmsNormKernel, Types);

// Full packs, one a thread and several; widths that no pack divides.
const int64_t kWidths[] = {8, 64, 576, 4096 + 8, 1, 7, 577};
constexpr double kEps = 1e-5;

torch::Tensor reference(const torch::Tensor& sum, const torch::Tensor& weight) {
  return sum * (sum.square().mean(-1, true) + kEps).rsqrt() * weight;
}

TYPED_TEST(RmsNormKernel, ForwardEqualsFloat64) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  for (const int64_t width : kWidths) {
    SCOPED_TRACE(width);
    const int64_t rows = 3;
    const auto x = random<T>({rows, width}), update = random<T>({rows, width}), weight = random<T>({width});
    const auto sum = poisoned<T>({rows, width}), normed = poisoned<T>({rows, width}), rstd = poisoned<Wide<T>>({rows});
    TypeParam::forward({.x = pointer<T>(x), .update = pointer<T>(update), .weight = pointer<T>(weight), .sum = pointer<T>(sum), .normed = pointer<T>(normed), .rstd = pointer<Wide<T>>(rstd),
                         .rows = rows, .width = width, .eps = kEps});
    EXPECT_TRUE(torch::equal(sum, x + update));
    const auto wide = sum.to(torch::kFloat64);
    EXPECT_LT(relative_distance(normed, reference(wide, weight.to(torch::kFloat64))), kTolerance<T>);
    EXPECT_LT(relative_distance(rstd, (wide.square().mean(-1) + kEps).rsqrt()), kTolerance<Wide<T>>);
  }
}

TYPED_TEST(RmsNormKernel, WithoutAnUpdateTheSumIsTheInput) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  const auto x = random<T>({2, 40}), weight = random<T>({40}), normed = poisoned<T>({2, 40}), rstd = poisoned<Wide<T>>({2});
  TypeParam::forward({.x = pointer<T>(x), .weight = pointer<T>(weight), .normed = pointer<T>(normed), .rstd = pointer<Wide<T>>(rstd), .rows = 2, .width = 40, .eps = kEps});
  EXPECT_LT(relative_distance(normed, reference(x.to(torch::kFloat64), weight.to(torch::kFloat64))), kTolerance<T>);
}

TYPED_TEST(RmsNormKernel, BackwardEqualsAutogradInFloat64) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  for (const int64_t width : kWidths) {
    for (const bool has_other : {false, true}) {
      SCOPED_TRACE(testing::Message() << width << " " << has_other);
      const int64_t rows = 5, parts = 2;
      const auto sum = random<T>({rows, width}), weight = random<T>({width}), g = random<T>({rows, width}), other = random<T>({rows, width});
      const auto wide = sum.to(torch::kFloat64).requires_grad_(), wide_weight = weight.to(torch::kFloat64).requires_grad_();
      auto value = (reference(wide, wide_weight) * g.to(torch::kFloat64)).sum();
      if (has_other) value = value + (wide * other.to(torch::kFloat64)).sum();
      value.backward();

      const auto rstd = (sum.to(torch::kFloat64).square().mean(-1) + kEps).rsqrt().to(kTorchType<Wide<T>>);
      const auto gradient = poisoned<T>({rows, width}), weight_gradient = poisoned<T>({width}), partial = poisoned<Wide<T>>({parts, width});
      TypeParam::backward({.normed_gradient = pointer<T>(g), .sum_gradient = has_other ? pointer<T>(other) : nullptr, .sum = pointer<T>(sum), .weight = pointer<T>(weight), .rstd = pointer<Wide<T>>(rstd),
                            .gradient = pointer<T>(gradient), .weight_gradient = pointer<T>(weight_gradient), .partial = pointer<Wide<T>>(partial), .parts = parts, .rows = rows, .width = width});
      // With one number in a row the gradient almost vanishes: it is eps that is left.
      if (width > 1) EXPECT_LT(relative_distance(gradient, wide.grad()), 2 * kTolerance<T>);
      EXPECT_LT(relative_distance(weight_gradient, wide_weight.grad()), kTolerance<T>);
    }
  }
}

TYPED_TEST(RmsNormKernel, UnalignedRowsAreTaken) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  const auto room = random<T>({2 * 64 + 1}), weight = random<T>({64}), normed = poisoned<T>({2, 64}), rstd = poisoned<Wide<T>>({2});
  const auto x = room.slice(0, 1).view({2, 64});
  TypeParam::forward({.x = pointer<T>(x), .weight = pointer<T>(weight), .normed = pointer<T>(normed), .rstd = pointer<Wide<T>>(rstd), .rows = 2, .width = 64, .eps = kEps});
  EXPECT_LT(relative_distance(normed, reference(x.to(torch::kFloat64), weight.to(torch::kFloat64))), kTolerance<T>);
}

TYPED_TEST(RmsNormKernel, TheGradientMayBeWrittenOverEitherThatIsRead) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  const auto sum = random<T>({3, 40}), weight = random<T>({40}), rstd = random<Wide<T>>({3}), expected = poisoned<T>({3, 40});
  for (const bool over_normed : {true, false}) {
    const auto g = random<T>({3, 40}), other = random<T>({3, 40});
    const auto run = [&](const torch::Tensor& into) {
      TypeParam::backward({.normed_gradient = pointer<T>(g), .sum_gradient = pointer<T>(other), .sum = pointer<T>(sum), .weight = pointer<T>(weight), .rstd = pointer<Wide<T>>(rstd),
                           .gradient = pointer<T>(into), .parts = 1, .rows = 3, .width = 40});
    };
    run(expected);
    run(over_normed ? g : other);
    EXPECT_TRUE(torch::equal(over_normed ? g : other, expected));
  }
}

TEST(RmsNormKernelOfCuda, RowsThatAreTooWideAreRefused) {
  EXPECT_THROW(rms_norm_forward<float>({.rows = 1, .width = kMostRmsNormWidth + 1}, nullptr), std::logic_error);
}

}  // namespace
}  // namespace pal::kernels
