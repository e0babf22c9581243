#include "../../src/train/steps_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "pal/core/check.h"

namespace pal {
namespace {

// Gives steps whose samples have the step's number as id; one of them cannot be had.
class Taking {
 public:
  explicit Taking(int bad = -1) : bad_(bad) {}
  TakenStep operator()() {
    const int number = taken_++;
    if (number == bad_) user_error("step {}", number);
    TakenStep step;
    step.own.ids = {std::to_string(number)};
    return step;
  }
  int taken() const { return taken_; }

 private:
  int bad_, taken_ = 0;
};

TEST(StepsAhead, ComeInTheirOrderWhetherTakenAheadOrNot) {
  Taking taking;
  StepsAhead steps(4, std::ref(taking));
  EXPECT_EQ(taking.taken(), 0);
  for (int number = 0; number < 4; ++number) {
    EXPECT_EQ(steps.next().own.ids.at(0), std::to_string(number));
    EXPECT_EQ(taking.taken(), number + 1);
    if (number == 1) continue;  // the next one is taken when it is asked for
    steps.take_ahead();
    steps.take_ahead();
    EXPECT_EQ(taking.taken(), std::min(number + 2, 4));  // one ahead, and none beyond the last
  }
  EXPECT_THROW(steps.next(), std::logic_error);
}

TEST(StepsAhead, WhatIsWrongWithAStepIsThrownWhereThatOneIsAskedFor) {
  Taking taking(1);
  StepsAhead steps(3, std::ref(taking));
  EXPECT_EQ(steps.next().own.ids.at(0), "0");
  EXPECT_NO_THROW(steps.take_ahead());  // the step before is not done yet
  EXPECT_EQ(taking.taken(), 2);
  steps.take_ahead();
  EXPECT_EQ(taking.taken(), 2);
  EXPECT_THROW(steps.next(), UserError);
}

}  // namespace
}  // namespace pal
