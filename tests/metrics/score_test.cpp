#include "pal/metrics/score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"

namespace pal {
namespace {

const std::vector<Prediction> kPredictions = {{"1", "Dog", {"dog"}},
                                              {"2", "a cat", {"a dog", "a bird"}},
                                              {"3", "rain", {"Rain", "water"}},
                                              {"4", "x", {"X"}}};

TEST(Score, AccuracyHasWilsonsInterval) {
  const auto score = score_predictions(kPredictions, "accuracy");
  EXPECT_EQ(score.metric, "accuracy");
  EXPECT_EQ(score.score, 0.75);
  EXPECT_EQ(score.n, 4);
  EXPECT_EQ(score.per_sample, (std::vector<double>{1, 0, 1, 1}));
  EXPECT_EQ(score.low, wilson(3, 4).low);
  EXPECT_EQ(score.high, wilson(3, 4).high);
}

TEST(Score, CaptionIntervalHoldsTheScoreAndFollowsTheSeed) {
  const std::vector<Prediction> captions = {{"1", "a dog barks", {"a dog barks loudly"}},
                                            {"2", "rain falls", {"heavy rain falls"}},
                                            {"3", "birds sing", {"a man talks"}},
                                            {"4", "a man talks", {"a man talks"}}};
  const auto score = score_predictions(captions, "ciderd");
  EXPECT_LT(score.low, score.score);
  EXPECT_GT(score.high, score.score);
  EXPECT_EQ(score_predictions(captions, "ciderd").low, score.low);
}

TEST(Score, JsonHasTheFiveKeysInOrder) {
  Score score;
  score.metric = "accuracy";
  score.score = 0.5;
  score.low = 0.25;
  score.high = 0.75;
  score.n = 4;
  EXPECT_EQ(to_json(score), R"({"metric":"accuracy","score":0.5,"low":0.25,"high":0.75,"n":4})");
}

TEST(Score, AnUnknownMetricListsTheNames) {
  try {
    score_predictions(kPredictions, "cider");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("unknown metric 'cider'"));
    EXPECT_THAT(error.what(), testing::HasSubstr("accuracy"));
    EXPECT_THAT(error.what(), testing::HasSubstr("ciderd"));
  }
}

TEST(Score, WithoutItsProgramAMetricIsNotAvailable) {
  for (const char* metric : {"meteor", "spice"}) {
    const auto score = score_predictions(kPredictions, metric);
    EXPECT_TRUE(std::isnan(score.score)) << metric;
    EXPECT_EQ(score.n, 4);
    const auto json = nlohmann::json::parse(to_json(score));
    EXPECT_TRUE(json["score"].is_null() && json["low"].is_null() && json["high"].is_null());
    EXPECT_THAT(json["not_available"].get<std::string>(), testing::HasSubstr("jar"));
  }
}

TEST(Score, NoPredictionsAreRefused) {
  try {
    score_predictions({}, "accuracy");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("accuracy: expected at least one prediction"));
  }
}

}  // namespace
}  // namespace pal
