#include "pal/metrics/class_scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "pal/core/check.h"
#include "pal/metrics/score.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::HasSubstr;

class ClassScoresFile : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& content) {
    std::ofstream(path_) << content;
    return path_;
  }
  template <typename Action>
  std::string message(Action action) {
    try {
      action();
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "s.jsonl";
  const std::string good_ = R"({"id": 1, "scores": [0.5, 2], "labels": [1, 0]})"
                            "\n"
                            R"({"id": 2, "scores": [0.1, -1], "labels": [0, 0], "x": 1})"
                            "\n";
};

TEST_F(ClassScoresFile, IsRead) {
  const auto clips = read_class_scores(write(good_));
  ASSERT_EQ(clips.size(), 2u);
  EXPECT_EQ(clips[0].id, "1");
  EXPECT_EQ(clips[0].scores, (std::vector<double>{0.5, 2}));
  EXPECT_EQ(clips[0].labels, (std::vector<uint8_t>{1, 0}));
}

TEST_F(ClassScoresFile, EveryProblemIsNamedWithItsLine) {
  const std::string text = message([&] {
    read_class_scores(write(good_ + R"({"id": 3, "scores": [1], "labels": [1]})"
                                    "\n"
                                    R"({"id": 4, "scores": [1, 2], "labels": [1]})"
                                    "\n"
                                    R"({"id": 5, "scores": [1, 2], "labels": [1, 2]})"
                                    "\n"
                                    R"({"id": 6, "scores": [1, null], "labels": [1, 0]})"
                                    "\n"
                                    R"({"id": 7, "scores": [], "labels": []})"
                                    "\n"
                                    R"({"id": 8, "labels": [1, 0]})"
                                    "\n"
                                    R"({"id": 2, "scores": [1, 2], "labels": [1, 0]})"));
  });
  for (const char* expected : {":3: expected 2 classes as in the first line, got 1",
                               ":4: expected as many labels as scores, got 1 and 2",
                               ":5: 'labels': expected a list of 0 and 1, got a list with 2",
                               ":6: 'scores': expected a list of numbers, got a list with null",
                               ":7: 'scores': expected a list of numbers, got an empty list",
                               ":8: 'scores' is missing", ":9: id '2' was there before"}) {
    EXPECT_THAT(text, HasSubstr(expected));
  }
}

TEST_F(ClassScoresFile, MapCountsTheClassesThatNoClipHas) {
  write(good_);
  const auto skipped = score_file(path_, "map");
  EXPECT_EQ(skipped.score, 1.0);
  EXPECT_EQ(to_json(skipped).find(R"({"metric":"map","score":1.0,)"), 0u);
  EXPECT_THAT(to_json(skipped), HasSubstr(R"("n":2,"absent":1})"));
  ScoreOptions options;
  options.absent = AbsentClasses::kZero;
  EXPECT_EQ(score_file(path_, "map", options).score, 0.5);
}

TEST_F(ClassScoresFile, AThresholdMakesF1OfIt) {
  ScoreOptions options;
  options.threshold = 0.4;  // one said rightly, one wrongly
  EXPECT_NEAR(score_file(write(good_), "micro_f1", options).score, 2.0 / 3, 1e-15);
  EXPECT_NEAR(score_file(path_, "macro_f1", options).score, 0.5, 1e-15);
  options.threshold = 0.5;  // a score of just the threshold is not said
  EXPECT_EQ(score_file(path_, "micro_f1", options).score, 0.0);
}

TEST_F(ClassScoresFile, WhatDoesNotFitTogetherIsSaid) {
  write(good_);
  ScoreOptions options;
  options.threshold = 0.5;
  EXPECT_THAT(message([&] { score_file(path_, "ciderd", options); }),
              HasSubstr("'ciderd' does not take scores by class"));
  EXPECT_THAT(message([&] { score_file(path_, "micro_f1"); }), HasSubstr(":1: 'prediction' is missing"));
  EXPECT_THAT(message([&] { score_classes(read_class_scores(path_), "micro_f1"); }),
              HasSubstr("need a threshold"));
  write(R"({"id": 1, "scores": [0.5, 2], "labels": [0, 0]})");
  EXPECT_THAT(message([&] { score_file(path_, "map"); }), HasSubstr("no class has a clip"));
}

TEST_F(ClassScoresFile, ResamplingIsBoundedWhereItWouldTakeHours) {
  // 5,000 clips of 400 classes: 2e6 a resample, so 1,000 of them, which shows in the interval.
  std::vector<ClassScores> clips(5'000);
  for (std::size_t i = 0; i < clips.size(); ++i) {
    clips[i] = {std::to_string(i), std::vector<double>(400, 0.0), std::vector<uint8_t>(400, 0)};
    clips[i].scores[0] = double(i % 7);
    clips[i].labels[0] = i % 3 == 0;
  }
  ScoreOptions options;
  options.threshold = 3;
  options.bootstrap.resamples = 1'000;
  const auto few = score_classes(clips, "micro_f1", options);
  options.bootstrap.resamples = 100'000;
  const auto bounded = score_classes(clips, "micro_f1", options);
  EXPECT_EQ(bounded.low, few.low);
  EXPECT_EQ(bounded.high, few.high);
}

}  // namespace
}  // namespace pal
