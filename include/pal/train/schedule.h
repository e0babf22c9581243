// The learning rate as a pure function of the step: a linear warm-up, then cosine, linear or no decay.
//
//        peak   ___                      step 0 is the first one and has a rate above 0;
//              /    `.                   step `warmup` has the peak;
//             /       `.__ final         after the last step (steps - 1) comes peak x final_ratio
//           0 warmup     steps
#pragma once

#include <cstdint>
#include <string>

namespace pal {

// What follows the warm-up.
enum class Decay { kCosine, kLinear, kConstant };

// "cosine", "linear" or "constant". Throws UserError that lists these for another word.
Decay parse_decay(const std::string& name);

// The shape of a stage's schedule.
struct ScheduleOptions {
  double peak = 1e-3;            // the highest learning rate
  std::int64_t steps = 1;        // length of the stage: optimizer steps
  double warmup = 0.0;           // below 1: share of `steps`; from 1 on: a number of steps
  Decay decay = Decay::kCosine;  // after the warm-up
  double final_ratio = 0.0;      // the rate after the last step, as a share of `peak`; not used by kConstant
};

// The schedule of one stage.
class Schedule {
 public:
  // Throws UserError where an option is out of its range, or the warm-up is longer than the stage.
  explicit Schedule(const ScheduleOptions& options);

  // The learning rate of `step`, 0-based. From `steps` on it stays at its last value.
  double rate(std::int64_t step) const;

  std::int64_t warmup_steps() const { return warmup_steps_; }  // 0: none

 private:
  ScheduleOptions options_;
  std::int64_t warmup_steps_;
};

}  // namespace pal
