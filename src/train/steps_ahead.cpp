#include "steps_ahead.h"

#include <utility>

#include "pal/core/check.h"

namespace pal {

void StepsAhead::take_ahead() {
  if (taken_ || problem_ || left_ == 0) return;
  --left_;
  try {
    taken_ = take_();
  } catch (...) {
    problem_ = std::current_exception();
  }
}

TakenStep StepsAhead::next() {
  take_ahead();
  if (problem_) std::rethrow_exception(problem_);
  PAL_ASSERT(taken_.has_value(), "more steps were asked for than there are");
  return *std::exchange(taken_, std::nullopt);
}

}  // namespace pal
