#include "pal/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pal/core/check.h"

namespace pal {

Decay parse_decay(const std::string& name) {
  if (name == "cosine") return Decay::kCosine;
  if (name == "linear") return Decay::kLinear;
  if (name == "constant") return Decay::kConstant;
  user_error("schedule: unknown decay '{}'; there are cosine, linear and constant", name);
}

Schedule::Schedule(const ScheduleOptions& options) : options_(options) {
  PAL_CHECK(std::isfinite(options.peak) && options.peak > 0,
            "schedule: the learning rate must be above 0, got {}", options.peak);
  PAL_CHECK(options.steps > 0, "schedule: steps must be at least 1, got {}", options.steps);
  PAL_CHECK(options.final_ratio >= 0 && options.final_ratio <= 1,
            "schedule: final_ratio must be between 0 and 1, got {}", options.final_ratio);
  PAL_CHECK(options.warmup >= 0, "schedule: warmup must not be negative, got {}", options.warmup);
  PAL_CHECK(options.warmup <= double(options.steps),
            "schedule: a warmup of {} steps does not fit in a stage of {} steps", options.warmup,
            options.steps);
  PAL_CHECK(options.warmup < 1 || options.warmup == std::floor(options.warmup),
            "schedule: warmup must be a whole number of steps or a share below 1, got {}", options.warmup);
  warmup_steps_ = std::llround(options.warmup < 1 ? options.warmup * double(options.steps) : options.warmup);
}

double Schedule::rate(std::int64_t step) const {
  PAL_ASSERT(step >= 0, "the learning rate of step {} was asked for", step);
  // The line goes through 0 one step before the first and through the peak at step `warmup`.
  if (step < warmup_steps_) return options_.peak * double(step + 1) / double(warmup_steps_ + 1);
  if (options_.decay == Decay::kConstant) return options_.peak;
  const std::int64_t length = std::max<std::int64_t>(options_.steps - warmup_steps_, 1);
  const double progress = double(std::min(step - warmup_steps_, length)) / double(length);
  const double remaining =
      options_.decay == Decay::kLinear ? 1.0 - progress : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return options_.peak * (options_.final_ratio + (1.0 - options_.final_ratio) * remaining);
}

}  // namespace pal
