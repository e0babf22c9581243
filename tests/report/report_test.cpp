// What a report says, without a model: tests/tools/report_test.py has the whole.
#include "pal/report/report.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/report/choose_samples.h"
#include "pal/report/class_table.h"
#include "pal/report/listening.h"
#include "pal/report/paired_results.h"
#include "pal/report/token_times.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ClassTable, CountsPrecisionRecallAndConfusionByHand) {
  const std::vector<Prediction> predictions{
      {"1", "cat", {"cat"}}, {"2", "Dog ", {"cat"}}, {"3", "dog", {"dog"}}, {"4", "cow", {"dog", "cow"}}, {"5", "hum", {"dog"}},
      {"6", "cat", {"dog"}}};
  const auto table = class_table(predictions, {"cat", "cow", "dog", "pig"}).value();
  std::vector<std::string> names;
  for (const auto& row : table.rows) names.push_back(row.name);
  EXPECT_THAT(names, ElementsAre("cat", "cow", "dog", "pig"));
  EXPECT_EQ(table.rows[0].n, 2);
  EXPECT_EQ(table.rows[0].precision, 0.5);
  EXPECT_EQ(table.rows[0].recall, 0.5);
  EXPECT_DOUBLE_EQ(table.rows[0].f1.value(), 0.5);
  EXPECT_EQ(table.rows[1].n, 1);  // a clip belongs to the reference that its answer matches
  EXPECT_EQ(table.rows[2].precision, 0.5);
  EXPECT_DOUBLE_EQ(table.rows[2].recall.value(), 1.0 / 3);
  EXPECT_FALSE(table.rows[3].precision || table.rows[3].recall || table.rows[3].f1);
  EXPECT_EQ(table.outside, 1);
  using Cell = std::pair<int64_t, int64_t>;
  EXPECT_EQ(table.confusion, (std::map<Cell, int64_t>{{{0, 0}, 1}, {{0, 2}, 1}, {{1, 1}, 1}, {{2, 0}, 1}, {{2, 2}, 1}, {{2, 4}, 1}}));
}

TEST(ClassTable, CaptionsAreNoClasses) {
  std::vector<Prediction> predictions;
  for (int i = 0; i < 4; ++i) predictions.push_back({std::to_string(i), "x", {"caption " + std::to_string(i)}});
  EXPECT_FALSE(class_table(predictions, {}, 3));
  EXPECT_TRUE(class_table(predictions, {}, 4));
  EXPECT_TRUE(class_table(predictions, {"x", "y"}, 1));
}

TEST(ChooseSamples, RightWrongAndDisputedOnesAllAppear) {
  std::vector<double> a(100, 0.0), b(100, 0.0);
  a[40] = 1;                                         // only the first is right, once
  for (int i = 60; i < 100; ++i) a[i] = b[i] = 1;    // both
  const auto chosen = choose_samples({a, b}, 100, 5);
  EXPECT_THAT(chosen, ElementsAre(14, 40, 45, 70, 90));  // of 59 wrong ones the 15th and 45th, the one disputed, of 40 right ones two
  EXPECT_EQ(choose_samples({a, b}, 100, 1000).size(), 100u);
  EXPECT_TRUE(choose_samples({a, b}, 100, 0).empty());
}

TEST(ChooseSamples, OtherScoresAreTakenFromWorstToBest) {
  EXPECT_THAT(choose_samples({{9.5, 0.1, 5.0, 0.2, 7.0, 0.3}, {}}, 6, 3), ElementsAre(0, 2, 3));  // from worst to best 1 3 | 5 2 | 4 0: the second of each pair
  EXPECT_THAT(choose_samples({{}}, 8, 2), ElementsAre(2, 6));
}

ReportedResult result(const std::vector<std::string>& ids, const std::vector<double>& scores) {
  ReportedResult r;
  r.score.metric = "accuracy";
  r.manifest_sha256 = "m";
  for (const auto& id : ids) r.predictions.push_back({id, "", {""}});
  r.score.per_sample = scores;
  return r;
}

TEST(PairedResults, AreMatchedById) {
  const auto paired = compare_results(result({"a", "b", "c"}, {1, 1, 0}), result({"c", "x", "a"}, {1, 0, 0}));
  EXPECT_EQ(paired.missing, "");
  EXPECT_EQ(paired.test.n, 2);
  EXPECT_EQ(paired.only_a, 1);
  EXPECT_EQ(paired.only_b, 1);
  EXPECT_EQ(paired.test.difference, 0);
}

TEST(PairedResults, SayWhyTheyAreNotCompared) {
  auto other = result({"a"}, {1});
  other.manifest_sha256 = "n";
  EXPECT_EQ(compare_results(result({"a"}, {1}), other).missing, "other manifests");
  EXPECT_EQ(compare_results(result({"a"}, {1}), result({"b"}, {1})).missing, "no sample in common");
  EXPECT_THAT(compare_results(result({"a"}, {}), result({"a"}, {})).missing, HasSubstr("no mean"));
}

TEST(WeightsOverTime, EvenWeightsAreEvenWhereTokensOverlap) {
  const std::vector<TokenSpan> times{{0, 2}, {1, 3}, {2, 4}};
  EXPECT_THAT(weights_over_time({0.2, 0.2, 0.2}, times, 4, 4), testing::Each(testing::DoubleNear(0.2, 1e-12)));
  EXPECT_THAT(weights_over_time({0.3, 0.1, 0.5}, times, 5, 5),
              ElementsAre(testing::DoubleEq(0.3), testing::DoubleEq(0.2), testing::DoubleEq(0.3), testing::DoubleEq(0.5), 0));
}

TEST(WeightsOverTime, ATokenCountsInABinByThePartOfItThatLiesThere) {
  // One token of the first bin alone and one of all four: 1 and a quarter.
  EXPECT_THAT(weights_over_time({0.4, 0.2}, {{0, 1}, {0, 4}}, 4, 4),
              ElementsAre(testing::DoubleEq((0.4 + 0.05) / 1.25), testing::DoubleEq(0.2), testing::DoubleEq(0.2), testing::DoubleEq(0.2)));
  EXPECT_THAT(weights_over_time({0.4}, {{2.5, 3.5}}, 4, 4), ElementsAre(0, 0, testing::DoubleEq(0.4), testing::DoubleEq(0.4)));
}

// Two tokens a second after a CLS token every fifth; `rows` of 5 tokens one above the other say the same times again, as CLAP's do.
struct Clock : Encoder {
  bool rows = false;
  std::string type() const override { return "clock"; }
  std::int64_t width() const override { return 1; }
  int sample_rate() const override { return 10; }
  std::int64_t token_count(std::int64_t) const override { return 10; }
  TokenSpan token_span(std::int64_t i) const override { return {0.5 * double(rows ? i % 5 : i), 0.5 * double((rows ? i % 5 : i) + 1)}; }
  std::int64_t cls_period() const override { return 5; }
  torch::Tensor features(const torch::Tensor& samples) const override { return samples; }
  torch::Tensor tokens_from(const torch::Tensor& features) override { return features; }
};

std::vector<double> begins(StreamOptions stream) {
  std::vector<double> all;
  const auto times = token_times(stream, Clock(), 10);
  for (const auto& span : times.value()) all.push_back(span.begin);
  return all;
}

TEST(TokenTimes, FollowTheStreamsTokensAndConnector) {
  StreamOptions stream;
  EXPECT_EQ(begins(stream).size(), 10u);
  stream.tokens = TokenKind::kCls;
  EXPECT_THAT(begins(stream), ElementsAre(0, 2.5));
  stream.tokens = TokenKind::kPatches;
  stream.connector.type = "mean_pool";
  stream.connector.factor = 3;
  EXPECT_THAT(begins(stream), ElementsAre(0.5, 2, 4));  // patches 1 2 3 | 4 6 7 | 8 9
  stream.connector.type = "conv";
  stream.connector.factor = 4;
  EXPECT_THAT(begins(stream), ElementsAre(0.5, 2));  // windows of three around patches 1 and 6
  EXPECT_EQ(token_times(stream, Clock(), 10)->at(1).end, 3.5 + 0.5);
  stream.connector.kernel = 4;
  EXPECT_THAT(begins(stream), ElementsAre(0.5, 2));  // one before and two behind
  EXPECT_EQ(token_times(stream, Clock(), 10)->at(1).end, 4 + 0.5);
  stream.connector.type = "linear";
  EXPECT_EQ(begins(stream).size(), 8u);
  stream.connector.type = "qformer";
  EXPECT_FALSE(token_times(stream, Clock(), 10));
  stream.connector.type = "mlp";
  stream.tokens = TokenKind::kMean;
  EXPECT_FALSE(token_times(stream, Clock(), 10));
}

TEST(TokenTimes, OfAGroupLastFromItsEarliestTokenToItsLatest) {
  StreamOptions stream;
  stream.connector.type = "mean_pool";
  stream.connector.factor = 4;
  Clock clock;
  clock.rows = true;
  const auto times = token_times(stream, clock, 10).value();  // 0 1 2 3 | 4 0 1 2 | 3 4
  EXPECT_EQ(times.at(1).begin, 0);
  EXPECT_EQ(times.at(1).end, 2.5);
}

TEST(ReportedResult, WhatIsNoneIsRefusedByName) {
  TemporaryFolder folder;
  const auto file = folder.path() / "results.json";
  const auto message = [&](const std::string& text) -> std::string {
    std::ofstream(file) << text;
    try {
      read_reported_result(file);
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  };
  const auto result = [](const std::string& predictions) {
    return R"({"settings": {"checkpoint": {"path": "c", "hash": "h", "step": 5}, "manifest": {"path": "m", "split": "test", "sha256": "s"},
                            "decoding": {"protocol": "likelihood", "answers": ["a", "b"]}, "withhold_audio": true, "config": "x: 1"},
               "score": {"metric": "ciderd", "score": 0.5, "low": 0.25, "high": 0.75, "n": 2}, "skipped": ["u", "v", "w"], "predictions": [)" + predictions + "]}";
  };
  const std::string scored = R"({"id": "1", "prediction": "a", "references": ["a"], "score": 0.5})", plain = R"({"id": "2", "prediction": "b", "references": ["a"]})";
  EXPECT_THAT(message(result("")), HasSubstr("results.json: holds no predictions"));
  EXPECT_THAT(message(result(scored + "," + plain)), HasSubstr("results.json: 1 of 2 predictions have a score"));
  const std::string labelled = R"({"id": "3", "prediction": "an a", "label": "a", "references": ["a"]})";
  EXPECT_THAT(message(result(labelled + "," + plain)), HasSubstr("results.json: 1 of 2 predictions have a label"));
  EXPECT_EQ(message(result(labelled)), "accepted");
  EXPECT_THAT(read_reported_result(file).labels, ElementsAre("a"));
  EXPECT_EQ(message(result(plain)), "accepted");
  EXPECT_EQ(message(result(scored)), "accepted");
  const auto read = read_reported_result(file);
  EXPECT_EQ(std::tie(read.checkpoint, read.checkpoint_hash, read.manifest_sha256, read.manifest.split), std::make_tuple("c", "h", "s", "test"));
  EXPECT_EQ(read.step, 5);
  EXPECT_TRUE(read.withhold_audio);
  EXPECT_THAT(read.answers, ElementsAre("a", "b"));
  EXPECT_EQ(read.skipped, 3u);
  EXPECT_EQ(read.score.low + read.score.high, 1);
  EXPECT_THAT(read.score.per_sample, ElementsAre(0.5));
  EXPECT_FALSE(read.is_right_or_wrong());
  EXPECT_EQ(read.find("1")->prediction, "a");
  EXPECT_EQ(read.find("2"), nullptr);

  EXPECT_THAT(message("{}"), HasSubstr("is no results.json of pal-eval"));
  EXPECT_THAT(message("[1"), HasSubstr(file.string()));
  EXPECT_THAT(message(std::string(100000, '[')), HasSubstr(file.string()));
}

TEST(ReportedResult, WithLabelsIsOfTheseClassesAndKeepsItsTexts) {
  ReportedResult result;
  result.predictions = {{"1", "It is a dog.", {"Dog"}}, {"2", "A sound of rain", {"Rain"}}};
  EXPECT_EQ(result.classified().at(1).prediction, "A sound of rain");
  result.labels = {"Dog", "Wind"};
  EXPECT_EQ(result.classified().at(0).prediction, "Dog");
  EXPECT_EQ(result.classified().at(1).prediction, "Wind");
  EXPECT_EQ(result.predictions[1].prediction, "A sound of rain");
}

TEST(ReportPage, HoldsTextsAsDataThatCannotEndTheirElement) {
  const auto page = report_page({{"text", "</script><img src=x onerror=alert(1)>{{style}}\xff"}});
  EXPECT_THAT(page, HasSubstr("\\u003c/script>\\u003cimg src=x onerror=alert(1)>{{style}}\\ufffd"));
  EXPECT_EQ(page.find("</script><img"), std::string::npos);
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

}  // namespace
}  // namespace pal
