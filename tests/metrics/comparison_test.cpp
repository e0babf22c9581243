#include "pal/metrics/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/metrics/paired_test.h"
#include "pal/metrics/score.h"

namespace pal {
namespace {

using testing::HasSubstr;

std::string message(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

// Twelve clips of three classes; a is right on 9 of them, b on 6.
ResultFile answers(const std::string& right) {
  static const char* const kClasses[] = {"dog", "rain", "car"};
  ResultFile file;
  for (std::size_t i = 0; i < right.size(); ++i)
    file.predictions.push_back({std::to_string(i), kClasses[(right[i] == '1' ? i : i + 1) % 3], {kClasses[i % 3]}});
  return file;
}

const ResultFile kA = answers("111011101110"), kB = answers("101010101010");

TEST(SwapAnswers, EqualsTheFullEnumeration) {
  const std::vector<double> a = {3.1, 2.0, 4.4, 0.5, 2.2, 1.9, 3.3, 2.8}, b = {2.0, 1.1, 4.9, 0.1, 1.0, 2.4, 1.1, 2.1};
  // A score of the set that is no mean: the square of a sum.
  const auto score = [&](std::span<const int32_t> weights) {
    double sum = 0;
    for (std::size_t i = 0; i < 8; ++i) sum += weights[i] * a[i] + weights[8 + i] * b[i];
    return sum * sum;
  };
  const auto of_swap = [&](int swapped) {
    std::vector<int32_t> first(16, 0), second(16, 0);
    for (std::size_t i = 0; i < 8; ++i) {
      const bool turned = (swapped >> i & 1) != 0;
      first[turned ? 8 + i : i] = 1;
      second[turned ? i : 8 + i] = 1;
    }
    return score(first) - score(second);
  };
  int as_far = 0;
  for (int swapped = 0; swapped < 256; ++swapped) as_far += std::abs(of_swap(swapped)) >= std::abs(of_swap(0)) - 1e-9;
  const double exact = as_far / 256.0;
  const auto result = swap_answers(8, score);
  EXPECT_EQ(result.test, "swap");
  EXPECT_NEAR(result.difference, of_swap(0), 1e-9);
  EXPECT_NEAR(result.p_value, exact, 4 * std::sqrt(exact * (1 - exact) / 10'000));  // four standard errors of a share of 10,000
}

TEST(Compare, AScoreOfTheSetIsTestedLikeTheMeanThatItEquals) {
  // With one label a clip, micro-F1 is accuracy: the same difference, and the same draws for the interval.
  const auto accuracy = compare(kA, kB, "accuracy", {}), f1 = compare(kA, kB, "micro_f1", {});
  EXPECT_EQ(accuracy.test, "mcnemar");
  EXPECT_EQ(f1.test, "swap");
  EXPECT_NEAR(accuracy.a, 0.75, 1e-12);
  EXPECT_NEAR(accuracy.b, 0.5, 1e-12);
  for (const auto& [one, other] : {std::pair{accuracy.a, f1.a}, {accuracy.b, f1.b}, {accuracy.difference, f1.difference}, {accuracy.low, f1.low}, {accuracy.high, f1.high}})
    EXPECT_NEAR(one, other, 1e-12);
  // 3 clips where only a is right, none where only b is: exactly 2 / 2^3, which the draws must find.
  EXPECT_NEAR(accuracy.p_value, 0.25, 1e-12);
  EXPECT_NEAR(f1.p_value, 0.25, 4 * std::sqrt(0.25 * 0.75 / 10'000));
  EXPECT_EQ(f1.n, 12);
}

TEST(Compare, TheOrderOfClipsIsOfNoConsequence) {
  ResultFile turned = kB;
  std::ranges::reverse(turned.predictions);
  for (const char* metric : {"accuracy", "rouge_l", "micro_f1", "bleu1"})
    EXPECT_EQ(to_json(compare(kA, turned, metric, {})), to_json(compare(kA, kB, metric, {}))) << metric;
}

TEST(Compare, ScoresAreThoseOfEachFileAlone) {
  for (const char* metric : {"accuracy", "ciderd", "rouge_l", "micro_f1", "macro_f1", "bleu2"}) {
    const auto both = compare(kA, kB, metric, {});
    EXPECT_NEAR(both.a, score_predictions(kA.predictions, metric).score, 1e-12) << metric;
    EXPECT_NEAR(both.b, score_predictions(kB.predictions, metric).score, 1e-12) << metric;
    EXPECT_NEAR(both.difference, both.a - both.b, 1e-12) << metric;
    EXPECT_LE(both.low, both.difference) << metric;
    EXPECT_GE(both.high, both.difference) << metric;
  }
}

TEST(Compare, ScoresByClassToo) {
  ResultFile a, b;
  for (int i = 0; i < 30; ++i) {
    const uint8_t label = i % 3 == 0;
    a.classes.push_back({std::to_string(i), {label + 0.01 * i, 0.5}, {label, uint8_t(i == 0)}});
    b.classes.push_back({std::to_string(i), {0.37 * i - std::floor(0.37 * i), 0.5}, {label, uint8_t(i == 0)}});
  }
  const auto map = compare(a, b, "map", {});
  EXPECT_NEAR(map.a, score_classes(a.classes, "map").score, 1e-12);
  EXPECT_NEAR(map.b, score_classes(b.classes, "map").score, 1e-12);
  EXPECT_LT(map.p_value, 0.01);
  EXPECT_GT(map.low, 0);
  ScoreOptions half;
  half.threshold = 0.4;
  EXPECT_NEAR(compare(a, b, "micro_f1", half).b, score_classes(b.classes, "micro_f1", half).score, 1e-12);
  b.classes[4].labels[1] = 1;
  EXPECT_THAT(message([&] { compare(a, b, "map", {}); }), HasSubstr("id '4': a and b disagree on what is right"));
  EXPECT_THAT(message([&] { compare(a, kB, "map", {}); }), HasSubstr("one of a and b holds scores by class"));
}

TEST(Compare, ScoresOfAResultAreTakenWhereItWasScoredByTheMetric) {
  ResultFile a = kA;
  a.metric = "accuracy";
  a.clip_scores.assign(12, 0.0);  // as a protocol of its own found
  EXPECT_EQ(compare(a, kB, "accuracy", {}).a, 0.0);
  EXPECT_NEAR(compare(a, kB, "rouge_l", {}).a, 0.75, 1e-12);
  ResultFile turned = a;
  turned.clip_scores[0] = 1.0;
  std::ranges::reverse(turned.predictions);
  std::ranges::reverse(turned.clip_scores);
  EXPECT_EQ(to_json(compare(kB, turned, "accuracy", {})), [&] { a.clip_scores[0] = 1.0; return to_json(compare(kB, a, "accuracy", {})); }());
}

TEST(Compare, OtherClipsAreRefused) {
  ResultFile b = kB;
  b.predictions[3].id = "other";
  EXPECT_THAT(message([&] { compare(kA, b, "accuracy", {}, "x.json", "y.json"); }), HasSubstr("1 only in x.json (3), 1 only in y.json (other)"));
  b = kB;
  b.predictions[3].references = {"wind"};
  EXPECT_THAT(message([&] { compare(kA, b, "accuracy", {}); }), HasSubstr("id '3': a and b disagree"));
  b = kB;
  b.predictions.pop_back();
  EXPECT_THAT(message([&] { compare(kA, b, "accuracy", {}); }), HasSubstr("1 only in a (11), 0 only in b"));
}

TEST(Compare, TheMetricIsTheResults) {
  ResultFile a = kA, b = kB;
  EXPECT_THAT(message([&] { common_metric(a, b); }), HasSubstr("neither a nor b names a metric"));
  a.metric = "accuracy";
  EXPECT_EQ(common_metric(a, b), "accuracy");
  b.metric = "ciderd";
  EXPECT_THAT(message([&] { common_metric(a, b); }), HasSubstr("a was scored by accuracy, b by ciderd"));
  EXPECT_THAT(message([&] { compare(a, b, "meteor", {}); }), HasSubstr("meteor: needs its authors' jar"));
}

}  // namespace
}  // namespace pal
