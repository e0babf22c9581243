#include "step_result.h"

#include <torch/torch.h>

#include <cmath>

namespace pal {

StepCounts sum_of(ProcessGroup& group, const StepCounts& own) {
  const auto numbers = torch::tensor({own.targets, own.tokens, own.unreadable, own.written, own.stopping}, torch::kInt64);
  group.sum(numbers);
  return {numbers[0].item<int64_t>(), numbers[1].item<int64_t>(), numbers[2].item<int64_t>(), numbers[3].item<int64_t>(), numbers[4].item<int64_t>()};
}

bool StepResult::is_sound() const { return counts.targets > 0 && norms.finite() && std::isfinite(loss); }

nlohmann::json line_of(const StepResult& result, const std::string& stage, const Progress& after) {
  nlohmann::json line = {{"step", after.step},
          {"stage", stage},
          {"loss", result.loss},
          {"learning_rate", result.rate},
          {"gradient_norm", result.norms.total},
          {"gradient_norms", result.norms.groups},
          {"target_tokens", result.counts.targets},
          {"text_tokens", result.counts.tokens},
          {"skipped", !result.is_sound()},
          {"skipped_steps", after.skipped},
          {"unreadable_samples", after.unreadable.size()}};
  if (result.padding_share) line["padding_share"] = *result.padding_share;
  return line;
}

}  // namespace pal
