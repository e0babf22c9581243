#include "pal/nn/swiglu_mlp.h"

#include "kernel_call.h"
#include "pal/kernels/swiglu.h"
#include "pal/nn/joint_linear.h"

namespace pal {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// By the kernel, on CUDA alone, or by torch's operators.
torch::Tensor activate(const torch::Tensor& gate_up) {
  const int64_t rows = gate_up.size(0), width = gate_up.size(1) / 2;
  const auto gate = gate_up.narrow(1, 0, width), up = gate_up.narrow(1, width, width);
  if (!has_cuda_kernels(gate_up)) return torch::silu(gate).mul_(up);
  const auto out = torch::empty({rows, width}, gate_up.options());
  const auto call = [&]<typename T>(T, kernels::Stream stream) { kernels::swiglu_forward(kernels::SwigluForward<T>{numbers<T>(gate), numbers<T>(up), numbers<T>(out), rows, width, 2 * width}, stream); };
  run_kernel(gate_up, call, [](auto) {});
  return out;
}

torch::Tensor differentiate(const torch::Tensor& gradient, const torch::Tensor& gate_up) {
  const int64_t rows = gate_up.size(0), width = gate_up.size(1) / 2;
  const auto halves = [&](const torch::Tensor& both) { return std::pair(both.narrow(1, 0, width), both.narrow(1, width, width)); };
  const auto result = torch::empty_like(gate_up);
  auto [gate, up] = halves(gate_up);
  auto [gate_gradient, up_gradient] = halves(result);
  if (!has_cuda_kernels(gate_up)) {
    at::mul_out(up_gradient, gradient, torch::silu(gate));
    at::silu_backward_out(gate_gradient, gradient * up, gate);
    return result;
  }
  const auto call = [&]<typename T>(T, kernels::Stream stream) {
    kernels::swiglu_backward(kernels::SwigluBackward<T>{numbers<T>(gradient), numbers<T>(gate), numbers<T>(up), numbers<T>(gate_gradient), numbers<T>(up_gradient), nullptr, rows, width, 2 * width}, stream);
  };
  run_kernel(gate_up, call, [](auto) {});
  return result;
}

struct Swiglu : torch::autograd::Function<Swiglu> {
  static torch::Tensor forward(AutogradContext* ctx, const torch::Tensor& gate_up) {
    ctx->save_for_backward({gate_up});
    return activate(gate_up);
  }
  static variable_list backward(AutogradContext* ctx, variable_list gradients) { return {differentiate(gradients[0].contiguous(), ctx->get_saved_variables()[0])}; }
};

}  // namespace

torch::Tensor swiglu(const torch::Tensor& gate_up) { return Swiglu::apply(gate_up.contiguous()); }

SwigluMlpImpl::SwigluMlpImpl(int64_t width, int64_t hidden, torch::TensorOptions options)
    : gate_proj(width, hidden, false, options),
      up_proj(width, hidden, false, options),
      down_proj(hidden, width, false, options) {
  register_module("gate_proj", gate_proj);
  register_module("up_proj", up_proj);
  register_module("down_proj", down_proj);
  lay_together({gate_proj, up_proj});
}

torch::Tensor SwigluMlpImpl::forward(const torch::Tensor& x) { return down_proj(swiglu(joint_linear(x, {gate_proj, up_proj}))); }

}  // namespace pal
