#include "pal/metrics/average_precision.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/metrics/f1.h"

namespace pal {
namespace {

std::vector<ClassScores> golden_clips() {
  const auto golden = nlohmann::json::parse(read_file(PAL_SOURCE_DIR "/tests/golden/golden_map_f1.json"));
  std::vector<ClassScores> clips;
  for (std::size_t i = 0; i < golden["s"].size(); ++i)
    clips.push_back({std::to_string(i), golden["s"][i], golden["y"][i]});
  return clips;
}

nlohmann::json golden(const char* key) {
  return nlohmann::json::parse(read_file(PAL_SOURCE_DIR "/tests/golden/golden_map_f1.json"))[key];
}

double average_precision(const std::vector<double>& scores, const std::vector<uint8_t>& labels) {
  return PrecisionRecall(scores, labels).average_precision();
}

TEST(AveragePrecision, EqualsScikitLearn) {
  const auto expected = golden("ap").get<std::vector<double>>();
  const auto classes = precision_recall(golden_clips());
  const auto result = mean_average_precision(classes, AbsentClasses::kZero);
  ASSERT_EQ(result.per_class.size(), expected.size());
  double sum = 0;
  for (std::size_t c = 0; c < expected.size(); ++c) {
    sum += expected[c];
    if (expected[c] == 0)
      EXPECT_TRUE(std::isnan(result.per_class[c])) << c;  // the class that no clip has
    else
      EXPECT_NEAR(result.per_class[c], expected[c], 1e-12) << c;
  }
  EXPECT_EQ(result.absent, 1);
  EXPECT_NEAR(result.mean, sum / 6, 1e-12);
  EXPECT_NEAR(mean_average_precision(classes, AbsentClasses::kSkip).mean, sum / 5, 1e-12);
}

TEST(AveragePrecision, TheOrderOfEqualScoresIsOfNoConsequence) {
  // Four clips of one score, two of them positive: one step, precision 1/2 at recall 1.
  EXPECT_NEAR(average_precision({0.5, 0.5, 0.5, 0.5}, {1, 1, 0, 0}), 0.5, 1e-15);
  EXPECT_NEAR(average_precision({0.5, 0.5, 0.5, 0.5}, {0, 0, 1, 1}), 0.5, 1e-15);
}

TEST(AveragePrecision, ByHand) {
  EXPECT_NEAR(average_precision({0.9, 0.8, 0.7, 0.6}, {1, 0, 1, 0}), (1.0 + 2.0 / 3) / 2, 1e-15);
  EXPECT_NEAR(average_precision({0.1, 0.2}, {0, 1}), 1.0, 1e-15);
  EXPECT_TRUE(std::isnan(average_precision({0.1, 0.2}, {0, 0})));
}

TEST(AveragePrecision, AWeightIsAsManyCopiesOfTheClip) {
  const std::vector<double> scores = {0.3, 0.8, 0.9, 0.1, 0.8};
  const std::vector<uint8_t> labels = {1, 1, 0, 1, 0};
  const std::vector<int32_t> weights = {2, 0, 1, 3, 1};
  std::vector<double> copied_scores;
  std::vector<uint8_t> copied_labels;
  for (std::size_t i = 0; i < 5; ++i) {
    copied_scores.insert(copied_scores.end(), std::size_t(weights[i]), scores[i]);
    copied_labels.insert(copied_labels.end(), std::size_t(weights[i]), labels[i]);
  }
  EXPECT_NEAR(PrecisionRecall(scores, labels).average_precision(weights),
              average_precision(copied_scores, copied_labels), 1e-15);
}

TEST(AveragePrecision, NotANumberIsRefused) {
  EXPECT_THROW(average_precision({NAN, 1.0}, {0, 1}), UserError);
  EXPECT_THROW(precision_recall({}), UserError);
}

TEST(F1, OfScoresEqualsScikitLearn) {
  const auto all = decisions(golden_clips(), 0.8);
  EXPECT_NEAR(micro_f1(all), golden("micro_f1_at_0.8").get<double>(), 1e-12);
  EXPECT_NEAR(macro_f1(all), golden("macro_f1_at_0.8").get<double>(), 1e-12);
}

TEST(F1, AWeightIsAsManyCopiesOfTheClip) {
  const auto clips = golden_clips();
  std::vector<int32_t> weights(clips.size());
  std::vector<ClassScores> copied;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    weights[i] = int32_t(i * 7 % 4);
    copied.insert(copied.end(), std::size_t(weights[i]), clips[i]);
  }
  const auto all = decisions(clips, 0.5);
  EXPECT_NEAR(micro_f1(all, weights), micro_f1(decisions(copied, 0.5)), 1e-12);
  EXPECT_NEAR(macro_f1(all, weights), macro_f1(decisions(copied, 0.5)), 1e-12);
}

TEST(F1, OfOneAnswerAClipIsAccuracyWhenMicro) {
  const std::vector<Prediction> predictions = {
      {"1", "Dog", {"dog"}}, {"2", "dog", {"cat"}}, {"3", "a bird", {"cat"}}, {"4", "cat", {"dog", "cat"}}};
  const auto all = decisions(predictions);
  EXPECT_EQ(micro_f1(all), 0.5);
  // dog: said twice, right once, true once; cat: said once, right once, true three times. "a bird" is no class.
  EXPECT_NEAR(macro_f1(all), (2.0 / 3 + 2.0 / 4) / 2, 1e-15);
}

}  // namespace
}  // namespace pal
