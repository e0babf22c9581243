#include "pal/metrics/result_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "pal/core/check.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::HasSubstr;

class ResultFileTest : public testing::Test {
 protected:
  ResultFile read(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return read_result_file(path_);
  }
  std::string message(const std::string& content) {
    try {
      read(content);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "r.json";
};

TEST_F(ResultFileTest, AResultOfPalEval) {
  const auto file = read(R"({"settings": {}, "score": {"metric": "accuracy", "score": 0.5},
    "predictions": [{"id": "a", "prediction": "x", "references": ["x"], "score": 1.0}, {"id": 2, "prediction": "y", "references": ["z"], "score": 0}]})");
  EXPECT_EQ(file.metric, "accuracy");
  ASSERT_EQ(file.predictions.size(), 2u);
  EXPECT_EQ(file.predictions[1].id, "2");
  EXPECT_EQ(file.clip_scores, (std::vector<double>{1, 0}));
}

TEST_F(ResultFileTest, FreeTextThatWasTakenForAClassIsComparedByTheClass) {
  const auto file = read(R"({"score": {"metric": "micro_f1"},
    "predictions": [{"id": "a", "prediction": "It is a dog.", "text": "it is a dog", "label": "Bark", "references": ["Bark"]}]})");
  EXPECT_EQ(file.predictions.at(0).prediction, "Bark");
}

TEST_F(ResultFileTest, AResultOnOneLineIsNotTakenForJsonLines) {
  const auto file = read(R"({"score": {"metric": "map"}, "predictions": [{"id": "a", "scores": [0.5, 1], "labels": [0, 1]}]})");
  EXPECT_EQ(file.metric, "map");
  EXPECT_EQ(file.classes.at(0).scores, (std::vector<double>{0.5, 1}));
  EXPECT_TRUE(file.predictions.empty());
}

TEST_F(ResultFileTest, JsonLines) {
  const auto file = read("\n{\"id\": \"a\", \"prediction\": \"x\", \"references\": [\"x\"], \"score\": 1}\n{\"id\": \"b\", \"prediction\": \"y\", \"references\": [\"x\"]}\n");
  EXPECT_EQ(file.metric, "");
  EXPECT_EQ(file.predictions.size(), 2u);
  EXPECT_TRUE(file.clip_scores.empty());  // nobody says by which metric
}

TEST_F(ResultFileTest, ScoresThatSomeClipsLackAreNotTaken) {
  const auto file = read(R"({"score": {"metric": "accuracy"}, "predictions": [{"id": "a", "prediction": "x", "references": ["x"], "score": 1},
    {"id": "b", "prediction": "x", "references": ["x"]}]})");
  EXPECT_TRUE(file.clip_scores.empty());
}

TEST_F(ResultFileTest, WhatIsWrongIsNamed) {
  const std::string p = path_.string();
  EXPECT_THAT(message("# a text"), HasSubstr(p + ": is not valid JSON"));
  EXPECT_THAT(message("{}"), HasSubstr(p + ": expected a results.json of pal-eval"));
  EXPECT_THAT(message(R"({"predictions": []})"), HasSubstr("expected a results.json"));
  EXPECT_THAT(message(R"({"predictions": [1]})"), HasSubstr("predictions[0]: expected a JSON object, got number"));
  EXPECT_THAT(message(R"({"predictions": [{"id": "a", "prediction": "x"}]})"), HasSubstr("predictions[0]: 'references' is missing"));
  EXPECT_THAT(message(R"({"predictions": [{"id": "a", "scores": [1], "labels": [1]}, {"id": "b", "scores": [1, 2], "labels": [1, 0]}]})"),
              HasSubstr("predictions[1]: expected 1 classes"));
  const std::string line = R"({"id": "a", "prediction": "x", "references": ["x"]})";
  EXPECT_THAT(message(line + "\n" + line), HasSubstr(p + ":2: id 'a' was there before"));
  EXPECT_THAT(message(line + "\n" + R"({"id": "b", "scores": [1], "labels": [1]})"), HasSubstr(p + ":2: expected either answers or scores by class"));
}

TEST_F(ResultFileTest, DeepNestingIsRefused) {
  const std::string deep = std::string(1'000'000, '[');
  EXPECT_THAT(message(deep), HasSubstr("nested more than 64 levels"));
  EXPECT_THAT(message(R"({"id": "a", "prediction": )" + deep.substr(0, 900'000)), HasSubstr("nested more than 64 levels"));
  EXPECT_THAT(message(R"({"predictions": )" + deep), HasSubstr("nested more than 64 levels"));
}

}  // namespace
}  // namespace pal
