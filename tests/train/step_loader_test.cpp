#include "../../src/train/step_loader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "pal/core/check.h"

namespace pal {
namespace {

const BatchRule kRule{.batch_size = 7, .accumulate = 3};

BatchPlan plan() { return {{{.size = 40, .order = {}}}, 5, kRule}; }

StepLoader::Divide divide(const Share& share) {
  return [share](const PlannedStep& step) { return share_of(step, kRule, share); };
}

// Samples whose address is their number; some take longer than those behind them.
class Preparing {
 public:
  PreparedSample operator()(const Draw& draw) {
    if (draw.number % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
    started_.fetch_add(1);
    return {.sample = &samples_[std::size_t(draw.number)], .prompt = {}, .clips = {}, .problem = {}};
  }
  int64_t number_of(const PreparedSample& sample) const { return sample.sample - samples_.data(); }
  int64_t started() const { return started_.load(); }

 private:
  std::vector<Sample> samples_ = std::vector<Sample>(1000);
  std::atomic<int64_t> started_{0};
};

TEST(StepLoader, SamplesAreTakenInTheOrderOfTheProcesssPartsWhateverTheThreads) {
  for (const int threads : {1, 4})
    for (const int64_t ahead : {1, 5, 64})
      for (int64_t process = 0; process < 3; ++process) {
        const Share share{process, 3};
        Preparing preparing;
        StepLoader loader(plan(), divide(share), 10, std::ref(preparing), threads, ahead);
        auto expected = plan();
        for (int step = 0; step < 10; ++step) {
          const auto planned = expected.next();
          const auto loaded = loader.next();
          ASSERT_EQ(loaded.planned.parts, planned.parts);
          ASSERT_EQ(loaded.own, share_of(planned, kRule, share));
          for (const auto& part : loaded.own)
            for (const auto& draw : part) ASSERT_EQ(preparing.number_of(loader.take()), draw.number);
        }
      }
}

TEST(StepLoader, IsNoFurtherAheadThanItMay) {
  Preparing preparing;
  StepLoader loader(plan(), divide({}), 100, std::ref(preparing), 3, 6);
  int64_t taken = 0;
  for (int step = 0; step < 10; ++step)
    for (const auto& part : loader.next().own)
      for (std::size_t i = 0; i < part.size(); ++i) {
        loader.take();
        ++taken;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_LE(preparing.started(), taken + 6);
      }
}

TEST(StepLoader, WhatPreparingThrowsIsThrownWhereThatSampleIsTaken) {
  Preparing preparing;
  const auto prepare = [&](const Draw& draw) {
    if (draw.number == 4) user_error("sample 4");
    return preparing(draw);
  };
  StepLoader loader(plan(), divide({}), 1, prepare, 2, 64);
  loader.next();
  for (int64_t number = 0; number < 7; ++number) {
    if (number == 4)
      EXPECT_THROW(loader.take(), UserError);
    else
      EXPECT_EQ(preparing.number_of(loader.take()), number);
  }
}

TEST(StepLoader, AProcessThatHasNothingOfAStepGoesOnToTheNext) {
  Preparing preparing;
  const auto every_other = [count = 0](const PlannedStep& step) mutable { return count++ % 2 == 0 ? std::vector<std::vector<Draw>>{} : step.parts; };
  StepLoader loader(plan(), every_other, 6, std::ref(preparing), 2, 4);
  for (int step = 0; step < 6; ++step) {
    const auto loaded = loader.next();
    EXPECT_EQ(loaded.own.empty(), step % 2 == 0);
    for (const auto& part : loaded.own)
      for (const auto& draw : part) EXPECT_EQ(preparing.number_of(loader.take()), draw.number);
  }
}

}  // namespace
}  // namespace pal
