// A stage's steps, each of which may be taken while the device still computes the one before.
#pragma once

#include <exception>
#include <functional>
#include <optional>

#include "step_part.h"

namespace pal {

// A step, and what one process has of it.
struct TakenStep {
  PlannedStep planned;  // of all processes
  StepPart own;
};

// Whatever is taken ahead, steps come in their order, and what is wrong with one is thrown where that one is asked for: by then the one before
// is done. One that is never asked for is dropped with it.
class StepsAhead {
 public:
  using Take = std::function<TakenStep()>;

  // steps: how many there are. take: gives the next one, and may throw; then it is not called again.
  StepsAhead(int64_t steps, Take take) : left_(steps), take_(std::move(take)) {}

  // Takes the next step now. Nothing where that is done, or there is none.
  void take_ahead();
  // The next step, which is taken now where it was not taken ahead.
  TakenStep next();

 private:
  int64_t left_;  // to be taken
  Take take_;
  std::optional<TakenStep> taken_;
  std::exception_ptr problem_;  // of the next one
};

}  // namespace pal
