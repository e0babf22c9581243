#include "../../src/kernels/adamw.cu"

#include "../../src/train/adamw_kernel.h"
#include "kernel_data.h"
#include "pal/train/optimizer.h"

namespace pal::kernels {
namespace {

// One parameter's tensors.
struct Numbers {
  torch::Tensor value, gradient, exp_avg, exp_avg_sq, master;
  float decay;
};

const AdamWOptions kOptions = {.learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8};

template <typename Value, typename Gradient, typename State>
struct Kinds {
  using ValueType = Value;
  using GradientType = Gradient;
  using StateType = State;
};

template <typename T>
class AdamWKernel : public testing::Test {};
using Types = testing::Types<Kinds<float, float, float>, Kinds<Bf16, Bf16, Bf16>, Kinds<Bf16, Bf16, float>, Kinds<Bf16, float, float>>;
TYPED_TEST_SUITE(AdamWKernel, Types);

template <typename K>
Numbers make(int64_t count, float decay) {
  using Value = typename K::ValueType;
  using State = typename K::StateType;
  Numbers numbers{.value = random<Value>({count}), .gradient = random<typename K::GradientType>({count}), .exp_avg = random<State>({count}, 0.1), .exp_avg_sq = random<State>({count}, 0.1).square(), .master = {}, .decay = decay};
  if constexpr (!std::is_same_v<Value, State>) numbers.master = numbers.value.to(torch::kFloat32) + 1e-4 * torch::randn({count});
  return numbers;
}

template <typename K>
AdamWTensor<typename K::ValueType, typename K::GradientType, typename K::StateType> described(const Numbers& n) {
  using Value = typename K::ValueType;
  using State = typename K::StateType;
  return {.value = pointer<Value>(n.value), .gradient = pointer<typename K::GradientType>(n.gradient), .exp_avg = pointer<State>(n.exp_avg), .exp_avg_sq = pointer<State>(n.exp_avg_sq),
          .master = pointer<float>(n.master), .count = n.value.numel(), .decay = n.decay};
}

// The step by the optimizer's plain version, in float64.
struct Expected {
  torch::Tensor value, exp_avg, exp_avg_sq;
};
Expected expected_of(const Numbers& n, int64_t step, double scale) {
  const auto wide = [](const torch::Tensor& x) { return x.to(torch::kFloat64).clone(); };
  Expected e{wide(n.master.defined() ? n.master : n.value), wide(n.exp_avg), wide(n.exp_avg_sq)};
  adamw_reference_step(e.value, wide(n.gradient) * scale, e.exp_avg, e.exp_avg_sq, step, n.decay, kOptions);
  return e;
}

template <typename K>
void run(const std::vector<Numbers>& numbers, float step, float scale, bool finite) {
  std::vector<AdamWTensor<typename K::ValueType, typename K::GradientType, typename K::StateType>> tensors;
  for (const auto& n : numbers) tensors.push_back(described<K>(n));
  adamw(tensors, {.learning_rate = kOptions.learning_rate, .beta1 = kOptions.beta1, .beta2 = kOptions.beta2, .eps = kOptions.eps, .step = &step, .gradient_scale = &scale, .finite = &finite}, nullptr);
}

TYPED_TEST(AdamWKernel, AStepEqualsThePlainOneInFloat64) {
  using K = TypeParam;
  torch::manual_seed(0);
  std::vector<Numbers> numbers;
  for (const int64_t count : {1, 7, 64, 0, int(kPerBlock) + 4, int(kPerBlock) + 3}) numbers.push_back(make<K>(count, numbers.size() % 2 == 0 ? 0.1f : 0.0f));
  for (int i = 0; i < kMostTensors; ++i) numbers.push_back(make<K>(2, 0.1f));  // more than one launch takes
  std::vector<Expected> expected;
  for (const auto& n : numbers) expected.push_back(expected_of(n, 3, 0.5));
  run<K>(numbers, 3, 0.5, true);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto& n = numbers[i];
    if (n.value.numel() == 0) continue;
    SCOPED_TRACE(i);
    EXPECT_LT(relative_distance(n.value, expected[i].value), kTolerance<typename K::ValueType>);
    EXPECT_LT(relative_distance(n.exp_avg, expected[i].exp_avg), 5 * kTolerance<typename K::StateType>);  // of two numbers, what is left may be small
    EXPECT_LT(relative_distance(n.exp_avg_sq, expected[i].exp_avg_sq), kTolerance<typename K::StateType>);
    if (!n.master.defined()) continue;
    EXPECT_LT(relative_distance(n.master, expected[i].value), 1e-6);
    EXPECT_TRUE(torch::equal(n.value, n.master.to(torch::kBFloat16)));
  }
}

TYPED_TEST(AdamWKernel, WhereGradientsAreNotFiniteNothingChanges) {
  using K = TypeParam;
  torch::manual_seed(0);
  const std::vector<Numbers> numbers{make<K>(64, 0.1f)};
  const auto value = numbers[0].value.clone(), avg = numbers[0].exp_avg.clone(), square = numbers[0].exp_avg_sq.clone();
  run<K>(numbers, 1, 1, false);
  EXPECT_TRUE(same_bits(numbers[0].value, value) && same_bits(numbers[0].exp_avg, avg) && same_bits(numbers[0].exp_avg_sq, square));
}

TYPED_TEST(AdamWKernel, ASliceThatIsNotAlignedIsStepped) {
  using K = TypeParam;
  torch::manual_seed(0);
  auto numbers = make<K>(65, 0.1f);
  for (auto* tensor : {&numbers.value, &numbers.gradient, &numbers.exp_avg, &numbers.exp_avg_sq, &numbers.master})
    if (tensor->defined()) *tensor = tensor->slice(0, 1);
  const auto expected = expected_of(numbers, 1, 1);
  run<K>({numbers}, 1, 1, true);
  EXPECT_LT(relative_distance(numbers.value, expected.value), kTolerance<typename K::ValueType>);
}

// As the optimizer calls it.
AdamWBucket bucket_of(const std::vector<Numbers>& numbers, int64_t step) {
  AdamWBucket bucket;
  bucket.steps = step;
  bucket.decay = numbers.front().decay;
  for (const auto& n : numbers) {
    bucket.values.push_back(n.value);
    bucket.gradients.push_back(n.gradient);
    bucket.exp_avgs.push_back(n.exp_avg);
    bucket.exp_avg_sqs.push_back(n.exp_avg_sq);
    if (n.master.defined()) bucket.masters.push_back(n.master);
  }
  return bucket;
}

GradientFactor factor_of(double scale, bool on_device, bool finite = true) {
  GradientFactor factor;
  if (!on_device) factor.scale = scale;
  if (on_device) factor.device_scale = torch::tensor(scale, torch::kFloat64);
  if (on_device) factor.finite = torch::tensor(finite);
  return factor;
}

template <typename K>
void expect_stepped(const Numbers& n, const Expected& expected) {
  EXPECT_LT(relative_distance(n.value, expected.value), kTolerance<typename K::ValueType>);
  EXPECT_LT(relative_distance(n.exp_avg, expected.exp_avg), 5 * kTolerance<typename K::StateType>);
  EXPECT_LT(relative_distance(n.exp_avg_sq, expected.exp_avg_sq), kTolerance<typename K::StateType>);
  if (!n.master.defined()) return;
  EXPECT_LT(relative_distance(n.master, expected.value), 1e-6);
}

TYPED_TEST(AdamWKernel, TheOptimizersBucketIsStepped) {
  using K = TypeParam;
  torch::manual_seed(0);
  for (const bool on_device : {false, true}) {
    const std::vector<Numbers> numbers{make<K>(65, 0.1f), make<K>(0, 0.1f), make<K>(32, 0.1f)};
    const auto first = expected_of(numbers[0], 3, 0.5), last = expected_of(numbers[2], 3, 0.5);
    adamw_kernel_step(bucket_of(numbers, 3), factor_of(0.5, on_device), kOptions);
    expect_stepped<K>(numbers[0], first);
    expect_stepped<K>(numbers[2], last);
  }
}

TYPED_TEST(AdamWKernel, TheOptimizersBucketStaysWhereTheDeviceSaysSo) {
  using K = TypeParam;
  torch::manual_seed(0);
  const std::vector<Numbers> numbers{make<K>(64, 0.1f)};
  const auto value = numbers[0].value.clone(), avg = numbers[0].exp_avg.clone();
  adamw_kernel_step(bucket_of(numbers, 1), factor_of(0.5, true, false), kOptions);
  EXPECT_TRUE(same_bits(numbers[0].value, value) && same_bits(numbers[0].exp_avg, avg));
}

// bf16 without a master copy whose gradient was summed in fp32, and gradients of one bucket that were summed in several ways.
TEST(AdamWKernelStep, GradientsThatTheKernelDoesNotReadAreConverted) {
  torch::manual_seed(0);
  using Narrow = Kinds<Bf16, Bf16, Bf16>;
  auto narrow = make<Narrow>(64, 0.1f);
  const auto expected = expected_of(narrow, 1, 0.5);
  narrow.gradient = narrow.gradient.to(torch::kFloat32);
  adamw_kernel_step(bucket_of({narrow}, 1), factor_of(0.5, true), kOptions);
  expect_stepped<Narrow>(narrow, expected);

  const std::vector<Numbers> mixed{make<Kinds<Bf16, Bf16, float>>(64, 0.1f), make<Kinds<Bf16, float, float>>(64, 0.1f)};
  const auto first = expected_of(mixed[0], 1, 0.5), second = expected_of(mixed[1], 1, 0.5);
  adamw_kernel_step(bucket_of(mixed, 1), factor_of(0.5, true), kOptions);
  expect_stepped<Kinds<Bf16, Bf16, float>>(mixed[0], first);
  expect_stepped<Kinds<Bf16, float, float>>(mixed[1], second);
}

TEST(AdamWKernelStep, GradientsWithGapsArePutTogether) {
  torch::manual_seed(0);
  using Plain = Kinds<float, float, float>;
  auto numbers = make<Plain>(64, 0.1f);
  const auto expected = expected_of(numbers, 1, 0.5);
  numbers.gradient = torch::stack({numbers.gradient, torch::zeros({64})}, 1).select(1, 0);
  adamw_kernel_step(bucket_of({numbers}, 1), factor_of(0.5, true), kOptions);
  expect_stepped<Plain>(numbers, expected);
}

}  // namespace
}  // namespace pal::kernels
