// Scores by class: what is said is the best class alone.
#include "pal/eval/label_scores.h"

#include <gtest/gtest.h>

namespace pal {
namespace {

// Scores above any threshold, and below: log-likelihoods and cosines have no natural one.
const std::vector<ClassScores> kClips{{"1", {-5, -2, -9}, {0, 1, 0}}, {"2", {0.9, 0.8, 0.7}, {0, 1, 1}}, {"3", {3, 2, 7}, {1, 0, 1}}};

TEST(LabelScores, TheBestClassIsSaidAndNoOther) {
  EXPECT_EQ(best_classes(kClips), (std::vector<std::size_t>{1, 0, 2}));
  const auto micro = score_by_class(kClips, "micro_f1");
  EXPECT_DOUBLE_EQ(micro.score, 2 * 2.0 / (3 + 5));  // three said, two rightly, five labels
  EXPECT_DOUBLE_EQ(score_by_class(kClips, "macro_f1").score, (0 + 2.0 / 3 + 2.0 / 3) / 3);
}

TEST(LabelScores, AccuracyTakesAnyOfAClipsLabels) {
  const auto score = score_by_class(kClips, "accuracy");
  EXPECT_DOUBLE_EQ(score.score, 2.0 / 3);
  EXPECT_EQ(score.per_sample, (std::vector<double>{1, 0, 1}));
  nlohmann::json lines = nlohmann::json::array({nlohmann::json::object(), nlohmann::json::object(), nlohmann::json::object()});
  add_sample_scores(score, lines);
  EXPECT_EQ(lines[1], (nlohmann::json{{"score", 0.0}, {"correct", false}}));
  EXPECT_EQ(lines[2], (nlohmann::json{{"score", 1.0}, {"correct", true}}));
}

TEST(LabelScores, MapTakesTheScoresThemselves) {
  EXPECT_DOUBLE_EQ(score_by_class(kClips, "map").score, (1.0 + (1 / 2.0 + 2 / 3.0) / 2 + 1.0) / 3);
}

TEST(LabelScores, OfAConfigsAnswersAreComparedAsAccuracyCompares) {
  EvaluationOptions options;
  options.answers = {" Dog", "cat"};
  Sample sample;
  sample.references = {"dog ", "CAT?"};
  const auto clips = likelihoods_by_class(options, std::vector{sample}, std::vector<Answer>{{"x", " Dog", {-1, -2}}});
  ASSERT_EQ(clips.size(), 1u);
  EXPECT_EQ(clips[0].id, "x");
  EXPECT_EQ(clips[0].scores, (std::vector<double>{-1, -2}));
  EXPECT_EQ(clips[0].labels, (std::vector<uint8_t>{1, 0}));
}

}  // namespace
}  // namespace pal
