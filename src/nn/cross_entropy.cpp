#include "pal/nn/cross_entropy.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

torch::ScalarType wide(torch::ScalarType type) { return type == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32; }

struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static torch::Tensor forward(AutogradContext* ctx, const torch::Tensor& hidden, const torch::Tensor& weight,
                               const torch::Tensor& targets, int64_t chunk, bool hidden_needs, bool weight_needs) {
    torch::NoGradGuard no_grad;
    const auto type = wide(hidden.scalar_type());
    auto loss = torch::zeros({}, hidden.options().dtype(type));
    auto hidden_gradient = hidden_needs ? torch::empty_like(hidden) : torch::Tensor();
    // Summed over many chunks: accumulate as wide as the loss.
    auto weight_gradient = weight_needs ? torch::zeros_like(weight, weight.options().dtype(type)) : torch::Tensor();
    for (int64_t begin = 0; begin < hidden.size(0); begin += chunk) {
      const int64_t end = std::min(begin + chunk, hidden.size(0));
      const auto rows = hidden.slice(0, begin, end);
      const auto target = targets.slice(0, begin, end).unsqueeze(1);
      const auto log_p = torch::log_softmax(torch::linear(rows, weight), -1, type);
      loss -= log_p.gather(1, target).sum();
      if (!hidden_needs && !weight_needs) continue;
      auto slope = log_p.exp_();  // d loss / d logits = softmax - one_hot
      slope.scatter_add_(1, target, torch::full_like(target, -1, slope.options()));
      slope = slope.to(hidden.scalar_type());
      if (hidden_needs) hidden_gradient.slice(0, begin, end).copy_(slope.mm(weight));
      if (weight_needs) weight_gradient += slope.t().mm(rows);
    }
    ctx->save_for_backward({hidden_gradient, weight_gradient});
    ctx->saved_data["weight_type"] = int64_t(weight.scalar_type());
    return loss;
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto weight_type = torch::ScalarType(ctx->saved_data["weight_type"].toInt());
    torch::Tensor hidden, weight;
    if (saved[0].defined()) hidden = saved[0] * gradients[0].to(saved[0].scalar_type());
    if (saved[1].defined()) weight = (saved[1] * gradients[0]).to(weight_type);
    return {hidden, weight, {}, {}, {}, {}};
  }
};

}  // namespace

torch::Tensor linear_cross_entropy(const torch::Tensor& hidden, const torch::Tensor& weight, const torch::Tensor& targets,
                                   int64_t chunk) {
  PAL_ASSERT(hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1) && targets.size(0) == hidden.size(0),
             "hidden, weight and targets do not fit together");
  const bool record = torch::GradMode::is_enabled();
  return LinearCrossEntropy::apply(hidden, weight, targets, chunk, record && hidden.requires_grad(),
                                   record && weight.requires_grad());
}

}  // namespace pal
