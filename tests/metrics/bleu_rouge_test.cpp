#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/metrics/bleu.h"
#include "pal/metrics/rouge_l.h"
#include "pal/metrics/score.h"

namespace pal {
namespace {

nlohmann::json golden() {
  return nlohmann::json::parse(read_file(PAL_SOURCE_DIR "/tests/golden/golden_cider.json"));
}

std::vector<Prediction> golden_predictions() {
  std::vector<Prediction> predictions;
  for (std::size_t i = 0; i < 4; ++i)
    predictions.push_back({std::to_string(i), golden()["cands"][i], golden()["refs"][i]});
  return predictions;
}

TEST(Bleu, EqualsPycocoevalcap) {
  for (int n = 1; n <= 4; ++n) {
    const auto score = score_predictions(golden_predictions(), "bleu" + std::to_string(n));
    EXPECT_NEAR(score.score, golden()["bleu"][std::size_t(n - 1)].get<double>(), 1e-12) << n;
    EXPECT_LE(score.low, score.score);
    EXPECT_GE(score.high, score.score);
  }
}

TEST(Bleu, ShortAnswersAreMeasuredByTheNearestReferenceTheShorterOfTwo) {
  const CaptionWords clip = {{"a", "b", "c"},
                             {{"a", "b", "c", "d", "e"}, {"a"}, {"a", "b", "c", "d", "e", "f", "g"}}};
  EXPECT_EQ(bleu_counts(std::vector{clip})[0].reference_words, 1.0);
  const CaptionWords shorter = {{"a"}, {{"a", "b", "c"}}};
  EXPECT_NEAR(bleu(bleu_counts(std::vector{shorter})[0], 1), std::exp(1 - 3.0), 1e-6);
}

TEST(Bleu, AWordIsMatchedAtMostAsOftenAsInOneReference) {
  const CaptionWords clip = {{"the", "the", "the"}, {{"the", "cat", "the"}, {"the"}}};
  EXPECT_EQ(bleu_counts(std::vector{clip})[0].matched[0], 2.0);
  EXPECT_THROW(bleu_counts(std::vector<CaptionWords>{{{"a"}, {}}}), UserError);
}

TEST(Bleu, WordsThatJoinToTheSameTextAreNotTheSame) {
  const CaptionWords clip = {{"ab", "c"}, {{"a", "bc"}}};
  EXPECT_EQ(bleu_counts(std::vector{clip})[0].matched[1], 0.0);
}

TEST(RougeL, EqualsPycocoevalcap) {
  EXPECT_NEAR(score_predictions(golden_predictions(), "rouge_l").score, golden()["rouge_l"].get<double>(),
              1e-12);
}

TEST(RougeL, BestPrecisionAndBestRecallMayBeOfTwoReferences) {
  // Precision 1 by the first, 2 of 3 in order by the second; recall 3/4 and 1.
  const CaptionWords clip = {{"a", "b", "c"}, {{"a", "x", "b", "c"}, {"a", "c"}}};
  EXPECT_NEAR(rouge_l(std::vector{clip})[0], 1.0, 1e-15);
  const CaptionWords order = {{"b", "a"}, {{"a", "b"}}};
  EXPECT_NEAR(rouge_l(std::vector{order})[0], 0.5, 1e-15);
  const CaptionWords repeated = {{"a"}, {{"a", "a", "a"}}};  // one word in common: p 1, r 1/3
  EXPECT_NEAR(rouge_l(std::vector{repeated})[0], 2.44 / 3 / (1.0 / 3 + 1.44), 1e-15);
  EXPECT_EQ(rouge_l(std::vector<CaptionWords>{{{"a"}, {{"b"}}}})[0], 0.0);
  EXPECT_THROW(rouge_l(std::vector<CaptionWords>{{{"a"}, {}}}), UserError);
}

}  // namespace
}  // namespace pal
