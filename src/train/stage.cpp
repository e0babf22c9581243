#include "pal/train/stage.h"

#include <algorithm>
#include <cmath>

namespace pal {

int64_t steps_of(const StageOptions& stage, int64_t samples) {
  if (stage.steps > 0) return stage.steps;
  return std::max<int64_t>(1, int64_t(std::ceil(stage.epochs * double(samples) / double(stage.batch_size) - 1e-9)));
}

int64_t samples_of(const StageOptions& stage, int64_t samples) {
  return std::max<int64_t>(1, int64_t(std::ceil(stage.epochs * double(samples) - 1e-9)));
}

BatchRule batch_rule(const StageOptions& stage) { return {stage.batch_size, stage.accumulate, stage.batch_tokens, stage.sort_window}; }

AdamWOptions adamw_options(const StageOptions& stage) {
  AdamWOptions o;
  o.learning_rate = stage.learning_rate;
  o.beta1 = stage.beta1;
  o.beta2 = stage.beta2;
  o.eps = stage.eps;
  o.weight_decay = stage.weight_decay;
  o.master_weights = stage.master_weights;
  return o;
}

}  // namespace pal
