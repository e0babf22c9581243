#include "pal/nn/rms_norm.h"

#include <algorithm>

#include "kernel_call.h"
#include "pal/kernels/rms_norm.h"

namespace pal {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Of so many parts of the rows the weight's gradients are summed on their own. On a GPU a part is a block: several for each of its processors, and where no weight learns one a row.
int64_t parts_of(const torch::Tensor& rows, bool weight_wanted) {
  const int64_t most = rows.is_cpu() ? 64 : weight_wanted ? 528 : rows.numel();
  return std::clamp<int64_t>(rows.numel(), 1, std::max<int64_t>(1, most));
}

torch::Tensor row_numbers(const torch::Tensor& x) {
  const auto type = x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  return torch::empty({x.numel() / x.size(-1)}, x.options().dtype(type));
}

// What the forward makes; sum is x where nothing is added.
struct Normed {
  torch::Tensor sum, normed, rstd;
};

Normed normalise(const torch::Tensor& x, const torch::Tensor& update, const torch::Tensor& weight, double eps) {
  Normed result{update.defined() ? torch::empty_like(x) : x, torch::empty_like(x), row_numbers(x)};
  const auto describe = [&]<typename T>(T) {
    return kernels::RmsNormForward<T>{numbers<T>(x), numbers<T>(update), numbers<T>(weight), update.defined() ? numbers<T>(result.sum) : nullptr, numbers<T>(result.normed), numbers<kernels::Wide<T>>(result.rstd),
                                      result.rstd.numel(), x.size(-1), eps};
  };
  run_kernel(x, [&](auto t, kernels::Stream stream) { kernels::rms_norm_forward(describe(t), stream); }, [&](auto t) { kernels::rms_norm_forward_cpu(describe(t)); });
  return result;
}

// Of x and of weight (not defined where not wanted).
struct NormGradients {
  torch::Tensor x, weight;
};

NormGradients differentiate(const torch::Tensor& normed_gradient, const torch::Tensor& sum_gradient, const torch::Tensor& sum, const torch::Tensor& weight, const torch::Tensor& rstd, bool weight_wanted) {
  NormGradients result{torch::empty_like(sum), weight_wanted ? torch::empty_like(weight) : torch::Tensor()};
  const auto parts = parts_of(rstd, weight_wanted);
  const auto partial = weight_wanted ? torch::empty({parts, weight.numel()}, rstd.options()) : torch::Tensor();
  const auto describe = [&]<typename T>(T) {
    return kernels::RmsNormBackward<T>{numbers<T>(normed_gradient), numbers<T>(sum_gradient), numbers<T>(sum), numbers<T>(weight), numbers<kernels::Wide<T>>(rstd), numbers<T>(result.x),
                                       numbers<T>(result.weight), numbers<kernels::Wide<T>>(partial), parts, rstd.numel(), weight.numel()};
  };
  run_kernel(sum, [&](auto t, kernels::Stream stream) { kernels::rms_norm_backward(describe(t), stream); }, [&](auto t) { kernels::rms_norm_backward_cpu(describe(t)); });
  return result;
}

// norm(x), or {x + update, norm(x + update)} where there is an update.
struct FusedNorm : torch::autograd::Function<FusedNorm> {
  static variable_list forward(AutogradContext* ctx, const torch::Tensor& x, const std::optional<torch::Tensor>& update, const torch::Tensor& weight, double eps) {
    const auto result = normalise(x, update.value_or(torch::Tensor()), weight, eps);
    ctx->save_for_backward({result.sum, weight, result.rstd});
    ctx->saved_data["adds"] = update.has_value();
    ctx->set_materialize_grads(false);
    return update ? variable_list{result.sum, result.normed} : variable_list{result.normed};
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const bool adds = ctx->saved_data["adds"].toBool();
    const auto sum_gradient = adds && gradients[0].defined() ? gradients[0].contiguous() : torch::Tensor();
    const auto& normed_gradient = gradients.back();
    const bool weight_wanted = ctx->needs_input_grad(adds ? 2 : 1);
    NormGradients found{sum_gradient, {}};
    if (normed_gradient.defined()) found = differentiate(normed_gradient.contiguous(), sum_gradient, saved[0], saved[1], saved[2], weight_wanted);
    return {found.x, adds ? found.x : torch::Tensor(), found.weight, {}};
  }
};

bool has_norm_kernel(const torch::Tensor& x, const torch::Tensor& weight) {
  return has_kernels(x) && weight.scalar_type() == x.scalar_type() && x.numel() > 0 && (x.is_cpu() || x.size(-1) <= kernels::kMostRmsNormWidth);
}

}  // namespace

RmsNormImpl::RmsNormImpl(int64_t width, double eps, torch::TensorOptions options) : eps(eps) {
  weight = register_parameter("weight", torch::ones({width}, options));
}

torch::Tensor RmsNormImpl::forward(const torch::Tensor& x) {
  if (!has_norm_kernel(x, weight)) return at::rms_norm(x, weight.sizes(), weight, eps);
  return FusedNorm::apply(x.contiguous(), std::optional<torch::Tensor>(), weight, eps)[0];
}

torch::Tensor unit_rms(const torch::Tensor& x, double eps) {
  const auto width = x.size(-1);
  const auto ones = torch::ones({width}, x.options());
  if (!has_norm_kernel(x, ones)) return at::rms_norm(x, {width}, {}, eps);
  return FusedNorm::apply(x.contiguous(), std::optional<torch::Tensor>(), ones, eps)[0];
}

SumAndNorm RmsNormImpl::forward_sum(const torch::Tensor& x, const torch::Tensor& update) {
  if (!update.defined()) return {x, forward(x)};
  if (!has_norm_kernel(x, weight)) {
    const auto sum = x + update;
    return {sum, forward(sum)};
  }
  const auto both = FusedNorm::apply(x.contiguous(), std::optional(update.contiguous()), weight, eps);
  return {both[0], both[1]};
}

}  // namespace pal
