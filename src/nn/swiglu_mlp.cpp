#include "pal/nn/swiglu_mlp.h"

#include "kernel_call.h"
#include "pal/kernels/swiglu.h"
#include "pal/nn/joint_linear.h"
#include "row_product.h"

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

// The gradient of gate_up from that of the result; `out` [n, F], where defined, becomes the result again.
torch::Tensor differentiate(const torch::Tensor& gradient, const torch::Tensor& gate_up, torch::Tensor out = {}) {
  const auto result = torch::empty_like(gate_up);
  const Halves in(gate_up), gradients(result);
  if (!has_exp_kernels(gate_up)) {
    auto [gate, up] = gradients;
    auto opened = torch::silu(in.gate);
    at::mul_out(up, gradient, opened);
    if (out.defined()) at::mul_out(out, opened, in.up);
    opened.reset();
    at::silu_backward_out(gate, gradient * in.up, in.gate);
    return result;
  }
  const auto describe = [&]<typename T>(T) {
    return kernels::SwigluBackward<T>{numbers<T>(gradient), numbers<T>(in.gate), numbers<T>(in.up), numbers<T>(gradients.gate), numbers<T>(gradients.up), numbers<T>(out), gradient.size(0), gradient.size(1), gate_up.size(1)};
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

// swiglu(gate_up) weight^T. What is multiplied is not kept: the backward of SwiGLU makes it again, in the same pass.
struct SwigluLinear : torch::autograd::Function<SwigluLinear> {
  static torch::Tensor forward(AutogradContext* ctx, const torch::Tensor& gate_up, const torch::Tensor& weight) {
    ctx->save_for_backward({gate_up, weight});
    return row_product(activate(gate_up), weight);
  }
  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto &gate_up = saved[0], &weight = saved[1], gradient = gradients[0].contiguous();
    const bool rows_learn = ctx->needs_input_grad(0), weight_learns = ctx->needs_input_grad(1);
    torch::Tensor of_gate_up, of_weight, opened;
    if (rows_learn) {
      if (weight_learns) opened = torch::empty({gate_up.size(0), weight.size(1)}, gate_up.options());
      of_gate_up = differentiate(row_product(gradient, weight.t()), gate_up, opened);
    }
    if (weight_learns) of_weight = gradient.t().mm(opened.defined() ? opened : activate(gate_up));
    return {of_gate_up, of_weight};
  }
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

torch::Tensor SwigluMlpImpl::forward(const torch::Tensor& x) {
  const auto gate_up = joint_linear(x, {gate_proj, up_proj}).contiguous();
  const bool is_plain = !gate_up.requires_grad() || down_proj->lora || x.is_meta();  // an adapter reads what is multiplied, too
  if (is_plain) return down_proj(swiglu(gate_up));
  return SwigluLinear::apply(gate_up, down_proj->weight);
}

}  // namespace pal
