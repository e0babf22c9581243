#include "pal/metrics/cider.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/metrics/score.h"

namespace pal {
namespace {

nlohmann::json golden() {
  return nlohmann::json::parse(read_file(PAL_SOURCE_DIR "/tests/golden/golden_cider.json"));
}

std::vector<Prediction> golden_predictions() {
  const auto file = golden();
  std::vector<Prediction> predictions;
  for (std::size_t i = 0; i < file["cands"].size(); ++i) {
    predictions.push_back({std::to_string(i), file["cands"][i], file["refs"][i]});
  }
  return predictions;
}

// Sums of some dozens of products of logarithms: double precision leaves 1e-13.
constexpr double kTolerance = 1e-9;

TEST(Cider, EqualsPycocoevalcap) {
  const auto score = score_predictions(golden_predictions(), "ciderd");
  const auto expected = golden()["per"].get<std::vector<double>>();
  ASSERT_EQ(score.per_sample.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(score.per_sample[i], expected[i], kTolerance) << i;
  EXPECT_NEAR(score.score, golden()["cider_d_pycoco"].get<double>(), kTolerance);
}

TEST(Cider, EqualsPycocoevalcapWithoutTokenization) {
  ScoreOptions options;
  options.tokenized = true;
  EXPECT_NEAR(score_predictions(golden_predictions(), "ciderd", options).score,
              golden()["notok"].get<double>(), kTolerance);
}

TEST(Cider, TheReferenceItselfScoresTen) {
  const std::vector<CaptionWords> clips = {{{"a", "b", "c", "d"}, {{"a", "b", "c", "d"}}},
                                           {{"e", "f", "g", "h"}, {{"e", "f", "g", "h"}}}};
  for (const double score : cider_d(clips)) EXPECT_NEAR(score, 10.0, kTolerance);
}

TEST(Cider, ALongerAnswerIsPenalised) {
  // Six more bigrams, all words new: the cosine and exp(-36/72) by hand, for one reference.
  std::vector<CaptionWords> clips = {{{"a", "b"}, {{"a", "b"}}}, {{"c"}, {{"d", "e"}}}};
  clips[0].candidate.insert(clips[0].candidate.end(), {"p", "q", "r", "s", "t", "u"});
  // Every n-gram is in at most one clip's references: idf log 2 each. Unigrams: 2 shared of 8; bigrams: 1 of 7.
  const double expected = 10.0 / 4 * std::exp(-0.5) * (2 / std::sqrt(8.0 * 2) + 1 / std::sqrt(7.0));
  EXPECT_NEAR(cider_d(clips)[0], expected, kTolerance);
}

TEST(Cider, RepeatingAWordDoesNotPay) {
  const std::vector<CaptionWords> clips = {{{"a", "a", "a", "b"}, {{"a", "b"}}}, {{"c"}, {{"d", "e"}}}};
  // idf log 2 each. Unigrams (3, 1) and (1, 1) with the 3 clipped; bigrams ("a a" twice, "a b") and ("a b").
  const double expected = 10.0 / 4 * std::exp(-4.0 / 72) * (2 / std::sqrt(10.0 * 2) + 1 / std::sqrt(5.0));
  EXPECT_NEAR(cider_d(clips)[0], expected, kTolerance);
}

TEST(Cider, WhatHasNothingInCommonOrNoWordsScoresZero) {
  const std::vector<CaptionWords> clips = {{{}, {{"a", "b"}}}, {{"x"}, {{"c"}}}, {{"d"}, {{}}}};
  EXPECT_EQ(cider_d(clips), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(cider_d(std::vector<CaptionWords>{{{"a"}, {{"a"}}}}),
            (std::vector<double>{0}));  // one clip: log 1 = 0
}

TEST(Cider, AClipWithoutReferencesIsRefused) {
  EXPECT_THROW(cider_d(std::vector<CaptionWords>{{{"a"}, {}}}), UserError);
}

}  // namespace
}  // namespace pal
