#include "adamw_bucket.h"

#include <torch/torch.h>

#include "adamw_kernel.h"
#include "pal/core/check.h"

namespace pal {

namespace {

// By torch's kernel for many tensors, or the reference. Gradients are taken in the dtype of what is stepped.
void step_by_torch(const AdamWBucket& bucket, const GradientFactor& factor, const AdamWOptions& options) {
  const auto& stepped = bucket.masters.empty() ? bucket.values : bucket.masters;
  std::vector<at::Tensor> gradients;
  bool are_copies = true;
  for (const at::Tensor& given : bucket.gradients) {
    gradients.push_back(given.to(stepped.front().scalar_type()).contiguous());
    are_copies = are_copies && !gradients.back().is_same(given);
  }
  const auto multiply = [&](const auto& by) {
    if (are_copies)
      at::_foreach_mul_(gradients, by);
    else
      gradients = at::_foreach_mul(gradients, by);
  };
  // The fused kernel divides by a float, which is no scale for float64.
  const bool kernel_scales = options.fused && stepped.front().scalar_type() != at::kDouble;
  std::optional<at::Tensor> divisor, skipped;
  if (factor.device_scale.defined()) {
    PAL_ASSERT(options.fused, "the reference takes its scale from the host");
    skipped = factor.finite.logical_not().to(at::kFloat);
    if (kernel_scales)
      divisor = factor.device_scale.reciprocal().to(at::kFloat);
    else
      multiply(factor.device_scale);
  } else if (factor.scale != 1.0) {
    if (kernel_scales)
      divisor = at::full({}, 1.0 / factor.scale, stepped.front().options().dtype(at::kFloat));
    else
      multiply(at::Scalar(factor.scale));
  }
  if (options.fused) {
    const at::Tensor steps = at::full({}, double(bucket.steps), stepped.front().options().dtype(at::kFloat));
    const std::vector<at::Tensor> all_steps(stepped.size(), steps);
    at::_fused_adamw_(stepped, gradients, bucket.exp_avgs, bucket.exp_avg_sqs, /*max_exp_avg_sqs=*/{}, all_steps, options.learning_rate, options.beta1, options.beta2, bucket.decay, options.eps,
                      /*amsgrad=*/false, /*maximize=*/false, divisor, skipped);
  } else {
    for (std::size_t i = 0; i < stepped.size(); ++i)
      adamw_reference_step(stepped[i], gradients[i], bucket.exp_avgs[i], bucket.exp_avg_sqs[i], bucket.steps, bucket.decay, options);
  }
  if (!bucket.masters.empty()) at::_foreach_copy_(bucket.values, stepped);  // of a skipped step: the same numbers again
}

}  // namespace

void step_bucket(const AdamWBucket& bucket, const GradientFactor& factor, const AdamWOptions& options) {
  if (options.fused && has_adamw_kernel(bucket))
    adamw_kernel_step(bucket, factor, options);
  else
    step_by_torch(bucket, factor, options);
}

}  // namespace pal
