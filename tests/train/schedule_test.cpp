#include "pal/train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "pal/core/check.h"

namespace pal {
namespace {

Schedule make(std::int64_t steps, double warmup, Decay decay, double final_ratio = 0.0) {
  return Schedule(
      {.peak = 2.0, .steps = steps, .warmup = warmup, .decay = decay, .final_ratio = final_ratio});
}

TEST(Schedule, WarmUpRisesInALineAndItsFirstStepIsAboveZero) {
  const Schedule schedule = make(100, 9, Decay::kCosine);
  EXPECT_EQ(schedule.warmup_steps(), 9);
  for (int step = 0; step <= 9; ++step) EXPECT_DOUBLE_EQ(schedule.rate(step), 2.0 * (step + 1) / 10.0);
  EXPECT_LT(schedule.rate(10), schedule.rate(9));
}

TEST(Schedule, WithoutWarmUpTheFirstStepHasThePeak) {
  for (Decay decay : {Decay::kCosine, Decay::kLinear, Decay::kConstant})
    EXPECT_DOUBLE_EQ(make(10, 0, decay).rate(0), 2.0);
}

TEST(Schedule, AWarmUpBelowOneIsAShareOfTheSteps) {
  EXPECT_EQ(make(200, 0.05, Decay::kCosine).warmup_steps(), 10);
  EXPECT_EQ(make(200, 1, Decay::kCosine).warmup_steps(), 1);
  EXPECT_EQ(make(3, 0.05, Decay::kCosine).warmup_steps(), 0);
}

TEST(Schedule, CosineAndLinearMeetAtHalfAndEndAtTheFinalRatio) {
  const Schedule cosine = make(110, 10, Decay::kCosine, 0.1), linear = make(110, 10, Decay::kLinear, 0.1);
  EXPECT_NEAR(cosine.rate(60), 1.1, 1e-15);  // halfway between 2.0 and 0.2
  EXPECT_NEAR(linear.rate(60), 1.1, 1e-15);
  EXPECT_NEAR(cosine.rate(35), 0.2 + 1.8 * 0.5 * (1 + std::sqrt(0.5)), 1e-15);  // cos(pi / 4)
  EXPECT_NEAR(linear.rate(35), 0.2 + 1.8 * 0.75, 1e-15);
  for (const Schedule& schedule : {cosine, linear}) {
    EXPECT_GT(schedule.rate(109), 0.2);
    EXPECT_NEAR(schedule.rate(110), 0.2, 1e-15);
    EXPECT_EQ(schedule.rate(100000), schedule.rate(110));
  }
}

TEST(Schedule, TheLastStepIsNotWastedOnARateOfZero) {
  EXPECT_GT(make(10, 2, Decay::kCosine).rate(9), 0.0);
  EXPECT_GT(make(1, 0, Decay::kLinear).rate(0), 0.0);
}

TEST(Schedule, ConstantStaysAtThePeak) {
  const Schedule schedule = make(10, 2, Decay::kConstant, 0.5);
  EXPECT_LT(schedule.rate(1), 2.0);
  for (int step : {2, 9, 50}) EXPECT_DOUBLE_EQ(schedule.rate(step), 2.0);
}

TEST(Schedule, AWarmUpAsLongAsTheStageNeverDecays) {
  const Schedule schedule = make(4, 4, Decay::kCosine);
  EXPECT_DOUBLE_EQ(schedule.rate(3), 2.0 * 4 / 5);
}

TEST(Schedule, OptionsOutOfRangeAreTheUsersMistake) {
  EXPECT_THROW(Schedule({.peak = 0.0, .steps = 10}), UserError);
  EXPECT_THROW(Schedule({.peak = std::nan(""), .steps = 10}), UserError);
  EXPECT_THROW(Schedule({.steps = 0}), UserError);
  EXPECT_THROW(Schedule({.steps = 10, .warmup = -1}), UserError);
  EXPECT_THROW(Schedule({.steps = 10, .warmup = 11}), UserError);
  EXPECT_THROW(Schedule({.steps = 10, .warmup = 2.5}), UserError);
  EXPECT_THROW(Schedule({.steps = 10, .final_ratio = 1.1}), UserError);
  EXPECT_EQ(parse_decay("linear"), Decay::kLinear);
  try {
    parse_decay("cosin");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(), "schedule: unknown decay 'cosin'; there are cosine, linear and constant");
  }
}

}  // namespace
}  // namespace pal
