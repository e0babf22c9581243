#include "pal/nn/cross_entropy.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "kernel_call.h"
#include "pal/core/check.h"
#include "pal/kernels/cross_entropy.h"
#include "row_product.h"

namespace pal {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

torch::ScalarType wide(torch::ScalarType type) { return type == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32; }

// sum += a b, or the first of it. Of several, the sum is as wide as the loss.
void add_product(torch::Tensor& sum, const torch::Tensor& a, const torch::Tensor& b, bool is_only) {
  const auto type = wide(a.scalar_type());
  if (!sum.defined())
    sum = is_only || a.scalar_type() == type ? a.mm(b) : a.mm(b).to(type);
  else if (sum.scalar_type() == a.scalar_type())
    sum.addmm_(a, b);  // no [V, D] beside the sum
  else
    sum += a.mm(b);
}

// The one of this type and device by which all backwards of backward_from_one() begin.
torch::Tensor the_one(const torch::Tensor& like) {
  static std::mutex mutex;
  static auto* const ones = new std::map<std::pair<std::string, torch::ScalarType>, torch::Tensor>;  // outlives CUDA's end
  const std::lock_guard lock(mutex);
  auto& one = (*ones)[{like.device().str(), like.scalar_type()}];
  if (!one.defined()) one = torch::ones({}, like.options().requires_grad(false));
  return one;
}

// A loss that is itself differentiated has a gradient of one, by which [V, D] need not be multiplied. A device is not asked.
bool is_one(const torch::Tensor& gradient) { return gradient.is_cpu() ? gradient.item<double>() == 1.0 : gradient.is_same(the_one(gradient)); }

// Whether there may be targets that count nothing; a device is not asked.
bool has_ignored(const torch::Tensor& targets) {
  if (!targets.is_cpu()) return true;
  const auto numbers = targets.contiguous();
  return std::any_of(numbers.const_data_ptr<int64_t>(), numbers.const_data_ptr<int64_t>() + numbers.numel(), [](int64_t target) { return target < 0; });
}

// Adds the rows' losses to `loss`; the result is d loss / d logits = softmax - one_hot, 0 where the target is below 0, in the type of the logits, which it may overwrite. Not defined where not wanted.
torch::Tensor add_cross_entropy(torch::Tensor& loss, const torch::Tensor& logits, const torch::Tensor& targets, bool slope_wanted) {
  if (has_exp_kernels(logits)) {
    const auto losses = torch::empty({logits.size(0)}, logits.options().dtype(wide(logits.scalar_type()))), wanted = targets.contiguous();
    const auto slope = slope_wanted ? logits : torch::Tensor();
    const auto describe = [&]<typename T>(T) {
      return kernels::CrossEntropy<T>{numbers<T>(logits), numbers<int64_t>(wanted), numbers<kernels::Wide<T>>(losses), numbers<T>(slope), logits.size(0), logits.size(1)};
    };
    run_kernel(logits, [&](auto t, kernels::Stream stream) { kernels::cross_entropy(describe(t), stream); }, [&](auto t) { kernels::cross_entropy_cpu(describe(t)); });
    loss += losses.sum();
    return slope;
  }
  const bool some_ignored = has_ignored(targets);
  const auto target = (some_ignored ? targets.clamp_min(0) : targets).unsqueeze(1);
  const auto log_p = torch::log_softmax(logits, -1, loss.scalar_type());
  auto found = log_p.gather(1, target);
  if (some_ignored) found.masked_fill_(targets.lt(0).unsqueeze(1), 0);  // not multiplied by 0: a NaN that does not count must not either
  loss -= found.sum();
  if (!slope_wanted) return {};
  const auto slope = log_p.exp_();
  slope.scatter_add_(1, target, torch::full_like(target, -1, slope.options()));
  if (some_ignored) slope.masked_fill_(targets.lt(0).unsqueeze(1), 0);
  return slope.to(logits.scalar_type());
}

struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static torch::Tensor forward(AutogradContext* ctx, const torch::Tensor& hidden, const torch::Tensor& weight,
                               const torch::Tensor& targets, int64_t chunk, bool hidden_needs, bool weight_needs) {
    torch::NoGradGuard no_grad;
    const auto type = wide(hidden.scalar_type());
    auto loss = torch::zeros({}, hidden.options().dtype(type));
    auto hidden_gradient = hidden_needs ? torch::empty_like(hidden) : torch::Tensor();
    torch::Tensor weight_gradient;
    if (weight_needs && hidden.size(0) == 0) weight_gradient = torch::zeros_like(weight);
    for (int64_t begin = 0; begin < hidden.size(0); begin += chunk) {
      const int64_t end = std::min(begin + chunk, hidden.size(0));
      const auto rows = hidden.slice(0, begin, end);
      const auto slope = add_cross_entropy(loss, row_product(rows, weight), targets.slice(0, begin, end), hidden_needs || weight_needs);
      if (!slope.defined()) continue;
      if (hidden_needs) hidden_gradient.slice(0, begin, end).copy_(row_product(slope, weight.t()));
      if (weight_needs) add_product(weight_gradient, slope.t(), rows, /*is_only=*/end - begin == hidden.size(0));
    }
    ctx->save_for_backward({hidden_gradient, weight_gradient});
    ctx->saved_data["weight_type"] = int64_t(weight.scalar_type());
    return loss;
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto weight_type = torch::ScalarType(ctx->saved_data["weight_type"].toInt());
    const auto scaled = [&](const torch::Tensor& saved) {
      return !saved.defined() || is_one(gradients[0]) ? saved : saved * gradients[0].to(saved.scalar_type());
    };
    const auto hidden = scaled(saved[0]);
    auto weight = scaled(saved[1]);
    if (weight.defined()) weight = weight.to(weight_type);
    return {hidden, weight, {}, {}, {}, {}};
  }
};

}  // namespace

void backward_from_one(const torch::Tensor& loss) { loss.backward(the_one(loss)); }

int64_t cross_entropy_chunk(bool is_cuda, int64_t vocabulary, int64_t element_bytes) {
  constexpr int64_t kLeast = 256, kRoom = int64_t(512) << 20;
  return is_cuda ? std::max(kLeast, kRoom / (vocabulary * element_bytes)) : kLeast;
}

torch::Tensor linear_cross_entropy(const torch::Tensor& hidden, const torch::Tensor& weight, const torch::Tensor& targets,
                                   int64_t chunk) {
  PAL_ASSERT(hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1) && targets.size(0) == hidden.size(0),
             "hidden, weight and targets do not fit together");
  const bool record = torch::GradMode::is_enabled();
  if (chunk == 0) chunk = cross_entropy_chunk(hidden.is_cuda(), weight.size(0), hidden.element_size());
  return LinearCrossEntropy::apply(hidden, weight, targets, chunk, record && hidden.requires_grad(),
                                   record && weight.requires_grad());
}

}  // namespace pal
