#include "pal/nn/swiglu_mlp.h"

#include "kernel_call.h"
#include "pal/kernels/swiglu.h"
#include "pal/nn/joint_linear.h"

namespace pal {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Where gates and what they open for lie in gate_up, or their gradients in its gradient.
struct Halves {
  torch::Tensor gate, up;  // [n, F], rows 2 F numbers apart

  explicit Halves(const torch::Tensor& both) : gate(both.narrow(1, 0, both.size(1) / 2)), up(both.narrow(1, both.size(1) / 2, both.size(1) / 2)) {}
};

// By the kernel, or by torch's operators.
torch::Tensor activate(const torch::Tensor& gate_up) {
  const Halves in(gate_up);
  if (!has_exp_kernels(gate_up)) return torch::silu(in.gate).mul_(in.up);
  const auto out = torch::empty(in.gate.sizes(), gate_up.options());
  const auto describe = [&]<typename T>(T) {
    return kernels::SwigluForward<T>{numbers<T>(in.gate), numbers<T>(in.up), numbers<T>(out), out.size(0), out.size(1), gate_up.size(1)};
  };
  run_kernel(gate_up, [&](auto t, kernels::Stream stream) { kernels::swiglu_forward(describe(t), stream); }, [&](auto t) { kernels::swiglu_forward_cpu(describe(t)); });
  return out;
}

torch::Tensor differentiate(const torch::Tensor& gradient, const torch::Tensor& gate_up) {
  const auto result = torch::empty_like(gate_up);
  const Halves in(gate_up), gradients(result);
  if (!has_exp_kernels(gate_up)) {
    auto [gate, up] = gradients;
    at::mul_out(up, gradient, torch::silu(in.gate));
    at::silu_backward_out(gate, gradient * in.up, in.gate);
    return result;
  }
  const auto describe = [&]<typename T>(T) {
    return kernels::SwigluBackward<T>{numbers<T>(gradient), numbers<T>(in.gate), numbers<T>(in.up), numbers<T>(gradients.gate), numbers<T>(gradients.up), nullptr, gradient.size(0), gradient.size(1), gate_up.size(1)};
  };
  run_kernel(gate_up, [&](auto t, kernels::Stream stream) { kernels::swiglu_backward(describe(t), stream); }, [&](auto t) { kernels::swiglu_backward_cpu(describe(t)); });
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
