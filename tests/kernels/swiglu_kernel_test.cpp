#include "../../src/kernels/swiglu.cu"

#include "kernel_data.h"

namespace pal::kernels {
namespace {

template <typename T>
struct Cuda {
  using Number = T;
  static void forward(const SwigluForward<T>& p) { swiglu_forward(p, nullptr); }
  static void backward(const SwigluBackward<T>& p) { swiglu_backward(p, nullptr); }
};
template <typename T>
struct Cpu {
  using Number = T;
  static void forward(const SwigluForward<T>& p) { swiglu_forward_cpu(p); }
  static void backward(const SwigluBackward<T>& p) { swiglu_backward_cpu(p); }
};

template <typename Run>
class SwigluKernel : public testing::Test {};
using Types = testing::Types<Cuda<float>, Cuda<Bf16>, Cpu<float>, Cpu<double>>;
TYPED_TEST_SUITE(SwigluKernel, Types);

struct Case {
  int64_t rows, width, pitch;
};
// Side by side, apart, and what no pack divides.
const Case kCases[] = {{3, 64, 128}, {2, 48, 48}, {3, 7, 14}, {1, 1, 1}, {2, 16, 17}, {5, 515, 1030}};

TYPED_TEST(SwigluKernel, ForwardAndBackwardEqualFloat64) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  for (const auto& [rows, width, pitch] : kCases) {
    SCOPED_TRACE(width);
    const auto gate_room = random<T>({rows, pitch}, 3.0), up_room = random<T>({rows, pitch});
    const auto gate = gate_room.slice(1, 0, width), up = up_room.slice(1, 0, width), d = random<T>({rows, width});
    const auto out = poisoned<T>({rows, width});
    TypeParam::forward({.gate = pointer<T>(gate), .up = pointer<T>(up), .out = pointer<T>(out), .rows = rows, .width = width, .pitch = pitch});

    const auto g = gate.to(torch::kFloat64).detach().requires_grad_(), u = up.to(torch::kFloat64).detach().requires_grad_();
    const auto expected = torch::silu(g) * u;
    expected.backward(d.to(torch::kFloat64));
    EXPECT_LT(relative_distance(out, expected.detach()), kTolerance<T>);

    const auto gate_gradient = poisoned<T>({rows, pitch}), up_gradient = poisoned<T>({rows, pitch}), again = poisoned<T>({rows, width});
    TypeParam::backward({.out_gradient = pointer<T>(d), .gate = pointer<T>(gate), .up = pointer<T>(up), .gate_gradient = pointer<T>(gate_gradient), .up_gradient = pointer<T>(up_gradient),
                        .out = pointer<T>(again), .rows = rows, .width = width, .pitch = pitch});
    EXPECT_LT(relative_distance(gate_gradient.slice(1, 0, width), g.grad()), kTolerance<T>);
    EXPECT_LT(relative_distance(up_gradient.slice(1, 0, width), u.grad()), kTolerance<T>);
    EXPECT_TRUE(torch::equal(again, out));
    if (pitch > width) EXPECT_TRUE(gate_gradient.slice(1, width).isnan().all().template item<bool>());  // what lies between rows is left alone
  }
}

TYPED_TEST(SwigluKernel, GradientsMayBeWrittenOverTheirInputs) {
  using T = typename TypeParam::Number;
  torch::manual_seed(0);
  const auto gate = random<T>({2, 24}), up = random<T>({2, 24}), d = random<T>({2, 24}), gate_gradient = poisoned<T>({2, 24}), up_gradient = poisoned<T>({2, 24});
  const auto run = [&](const torch::Tensor& to_gate, const torch::Tensor& to_up) {
    TypeParam::backward({.out_gradient = pointer<T>(d), .gate = pointer<T>(gate), .up = pointer<T>(up), .gate_gradient = pointer<T>(to_gate), .up_gradient = pointer<T>(to_up), .rows = 2, .width = 24, .pitch = 24});
  };
  run(gate_gradient, up_gradient);
  run(gate, up);
  EXPECT_TRUE(torch::equal(gate, gate_gradient));
  EXPECT_TRUE(torch::equal(up, up_gradient));
}

TYPED_TEST(SwigluKernel, LargeGatesGiveNoNaN) {
  using T = typename TypeParam::Number;
  const auto gate = torch::tensor({-1e4, -200.0, 200.0, 1e4}, torch::kFloat64).to(kTorchType<T>), up = torch::ones({4}, kTorchType<T>), d = torch::ones({4}, kTorchType<T>);
  const auto out = poisoned<T>({4}), gate_gradient = poisoned<T>({4}), up_gradient = poisoned<T>({4});
  TypeParam::forward({.gate = pointer<T>(gate), .up = pointer<T>(up), .out = pointer<T>(out), .rows = 1, .width = 4, .pitch = 4});
  TypeParam::backward({.out_gradient = pointer<T>(d), .gate = pointer<T>(gate), .up = pointer<T>(up), .gate_gradient = pointer<T>(gate_gradient), .up_gradient = pointer<T>(up_gradient), .rows = 1, .width = 4, .pitch = 4});
  EXPECT_TRUE(torch::allclose(out.to(torch::kFloat64), torch::relu(gate.to(torch::kFloat64)), 0, 1e-30));  // of double, what is left of -200 is not 0
  EXPECT_TRUE(torch::allclose(gate_gradient.to(torch::kFloat64), torch::tensor({0.0, 0.0, 1.0, 1.0}, torch::kFloat64), 0, 1e-30));
}

}  // namespace
}  // namespace pal::kernels
