#include "adamw_kernel.h"

#include <torch/torch.h>

#include <algorithm>

#include "../nn/kernel_call.h"
#include "pal/core/check.h"
#include "pal/kernels/adamw.h"

namespace pal {

namespace {

using kernels::Bf16;

// As they are, where the kernel reads them beside values and state of these dtypes; else in the state's.
std::vector<at::Tensor> readable_gradients(const AdamWBucket& bucket) {
  const auto state = bucket.exp_avgs.front().scalar_type(), own = bucket.gradients.front().scalar_type();
  const bool alike = std::ranges::all_of(bucket.gradients, [&](const at::Tensor& gradient) { return gradient.scalar_type() == own; });
  const bool narrow = own == at::kBFloat16 && bucket.values.front().scalar_type() == at::kBFloat16;
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& gradient : bucket.gradients) gradients.push_back(gradient.to(alike && narrow ? own : state).contiguous());
  return gradients;
}

template <typename Value, typename Gradient, typename State>
void step_as(const AdamWBucket& bucket, const std::vector<at::Tensor>& gradients, const kernels::AdamWStep& step, kernels::Stream stream) {
  std::vector<kernels::AdamWTensor<Value, Gradient, State>> tensors;
  for (std::size_t i = 0; i < gradients.size(); ++i)
    tensors.push_back({.value = numbers<Value>(bucket.values[i]),
                       .gradient = numbers<Gradient>(gradients[i]),
                       .exp_avg = numbers<State>(bucket.exp_avgs[i]),
                       .exp_avg_sq = numbers<State>(bucket.exp_avg_sqs[i]),
                       .master = bucket.masters.empty() ? nullptr : numbers<float>(bucket.masters[i]),
                       .count = bucket.values[i].numel(),
                       .decay = float(bucket.decay)});
  kernels::adamw(tensors, step, stream);
}

}  // namespace

bool has_adamw_kernel(const AdamWBucket& bucket) { return has_cuda_kernels(bucket.values.front()); }

void adamw_kernel_step(const AdamWBucket& bucket, const GradientFactor& factor, const AdamWOptions& options) {
  const at::Tensor& value = bucket.values.front();
  const c10::DeviceGuard guard(value.device());
  const auto stream = value.is_cuda() ? current_stream(value.device()) : nullptr;
  const auto floats = value.options().dtype(at::kFloat);
  const auto steps = at::full({}, double(bucket.steps), floats);
  const auto scale = factor.device_scale.defined() ? factor.device_scale.to(at::kFloat) : at::full({}, factor.scale, floats);
  const auto finite = factor.device_scale.defined() ? factor.finite : at::ones({}, value.options().dtype(at::kBool));
  const auto gradients = readable_gradients(bucket);
  const kernels::AdamWStep step{.learning_rate = options.learning_rate, .beta1 = options.beta1, .beta2 = options.beta2, .eps = options.eps,
                                .step = numbers<float>(steps), .gradient_scale = numbers<float>(scale), .finite = numbers<bool>(finite)};
  if (value.scalar_type() == at::kFloat) return step_as<float, float, float>(bucket, gradients, step, stream);
  if (bucket.masters.empty()) return step_as<Bf16, Bf16, Bf16>(bucket, gradients, step, stream);
  if (gradients.front().scalar_type() == at::kBFloat16) return step_as<Bf16, Bf16, float>(bucket, gradients, step, stream);
  step_as<Bf16, float, float>(bucket, gradients, step, stream);
}

}  // namespace pal
