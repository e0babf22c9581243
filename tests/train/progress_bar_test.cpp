#include "pal/train/progress_bar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

namespace pal {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class ProgressBarTest : public testing::Test {
 protected:
  ProgressBar make(ProgressOptions options) {
    return ProgressBar(out_, options, [this] { return now_; });
  }
  // The text that came since the last call.
  std::string taken() {
    std::string text = out_.str();
    out_.str("");
    return text;
  }

  std::ostringstream out_;
  double now_ = 1000.0;
};

TEST_F(ProgressBarTest, ATerminalLineHasStageStepBarLossSpeedAndTimeLeft) {
  ProgressBar bar = make({.terminal = true, .width = 200});
  bar.start("stage1", 40);
  now_ += 2.0;
  bar.update(10, 2.5, 3000);  // 10 steps in 2 s, so the other 30 take 6 s
  EXPECT_EQ(taken(), "\rstage1  10/40 [#####---------------]  loss 2.500  1.5k tokens/s  00:06 left\x1b[K");
}

TEST_F(ProgressBarTest, ATerminalIsRedrawnInPlaceButNotAtEveryStep) {
  ProgressBar bar = make({.terminal = true});
  bar.start("stage1", 1000);
  for (int step = 1; step <= 100; ++step) {
    now_ += 0.01;
    bar.update(step, 1.0, 10);
  }
  const std::string text = taken();
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto redraws = std::count(text.begin(), text.end(), '\r');
  EXPECT_GE(redraws, 9);
  EXPECT_LE(redraws, 11);  // 1 s at one redraw in 0.1 s
}

TEST_F(ProgressBarTest, FinishDrawsTheLastStepAndEndsTheLine) {
  ProgressBar bar = make({.terminal = true});
  bar.start("stage1", 2);
  now_ += 0.01;
  bar.update(1, 1.0, 10);
  now_ += 0.01;
  bar.update(2, 1.0, 10);
  EXPECT_THAT(taken(), Not(HasSubstr("2/2")));
  bar.finish();
  const std::string text = taken();
  EXPECT_THAT(text, HasSubstr("2/2 [####################]"));
  EXPECT_THAT(text, HasSubstr("00:00 left"));
  EXPECT_THAT(text, EndsWith("\n"));
}

TEST_F(ProgressBarTest, ANarrowTerminalNeverWraps) {
  for (int width : {10, 30, 60, 79}) {
    ProgressBar bar = make({.terminal = true, .width = width});
    bar.start("a-stage-with-a-long-name", 100000);
    now_ += 1;
    bar.update(99, 2.0, 100);
    const std::string text = taken();
    EXPECT_LT(text.size(), std::size_t(width) + std::string("\r\x1b[K").size()) << width;
  }
}

TEST_F(ProgressBarTest, ClearTakesTheLineAwayAndTheNextUpdateDrawsItAgain) {
  ProgressBar bar = make({.terminal = true});
  bar.start("stage1", 10);
  bar.update(1, 1.0, 10);
  taken();
  bar.clear();
  EXPECT_EQ(taken(), "\r\x1b[K");
  bar.clear();
  EXPECT_EQ(taken(), "");
  bar.update(2, 1.0, 10);
  EXPECT_THAT(taken(), HasSubstr("2/10"));
}

TEST_F(ProgressBarTest, WithoutATerminalThereIsAPlainLineEveryFewSteps) {
  ProgressBar bar = make({.plain_steps = 4});
  bar.start("stage2", 10);
  for (int step = 1; step <= 10; ++step) {
    now_ += 1;
    bar.update(step, 2.0, 10);
  }
  bar.finish();
  EXPECT_EQ(taken(),
            "stage2  4/10  loss 2.000  10 tokens/s  00:06 left\n"
            "stage2  8/10  loss 2.000  10 tokens/s  00:02 left\n"
            "stage2  10/10  loss 2.000  10 tokens/s  00:00 left\n");
  bar.finish();
  EXPECT_EQ(taken(), "");  // said already
}

TEST_F(ProgressBarTest, SlowStepsGiveAPlainLineEveryTenSeconds) {
  ProgressBar bar = make({});
  bar.start("stage2", 100);
  for (int step = 1; step <= 5; ++step) {
    now_ += 6;
    bar.update(step, 2.0, 10);
  }
  const std::string text = taken();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);  // after 12 s and 24 s
  EXPECT_THAT(text, HasSubstr("2/100"));
  EXPECT_THAT(text, HasSubstr("4/100"));
}

TEST_F(ProgressBarTest, AResumedStageDoesNotCountTheStepsOfTheRunBefore) {
  ProgressBar bar = make({.plain_steps = 1});
  bar.start("stage2", 1000, 900);
  now_ += 2;
  bar.update(901, 2.0, 100);
  EXPECT_EQ(taken(), "stage2  901/1000  loss 2.000  50 tokens/s  03:18 left\n");  // 99 steps of 2 s
}

TEST_F(ProgressBarTest, TheLossIsSmoothedAndANaNIsShownWithoutSpoilingIt) {
  ProgressBar bar = make({.plain_steps = 1});
  bar.start("s", 10);
  bar.update(1, 4.0, 1);
  bar.update(2, 2.0, 1);
  EXPECT_THAT(taken(), HasSubstr("loss 2.974"));  // (0.95 * 4 + 2) / 1.95
  bar.update(3, std::nan(""), 1);
  EXPECT_THAT(taken(), HasSubstr("loss nan"));
  bar.update(4, 3.0, 1);
  EXPECT_THAT(taken(), HasSubstr("loss 2.983"));  // (0.95 * 5.8 + 3) / (0.95 * 1.95 + 1)
}

TEST(ProgressFormat, DurationsAndCountsStayShort) {
  EXPECT_EQ(format_duration(425), "07:05");
  EXPECT_EQ(format_duration(59.7), "01:00");
  EXPECT_EQ(format_duration(3 * 3600 + 425), "3:07:05");
  EXPECT_EQ(format_duration(2 * 86400 + 3 * 3600 + 425), "2d 03:07");
  EXPECT_EQ(format_duration(std::nan("")), "--:--");
  EXPECT_EQ(format_count(999.4), "999");
  EXPECT_EQ(format_count(999.6), "1.0k");
  EXPECT_EQ(format_count(1234), "1.2k");
  EXPECT_EQ(format_count(999960), "1.0M");
}

}  // namespace
}  // namespace pal
