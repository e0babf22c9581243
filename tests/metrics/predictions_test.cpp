#include "pal/metrics/predictions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::HasSubstr;
using testing::Not;

class Predictions : public testing::Test {
 protected:
  std::vector<Prediction> read(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return read_predictions(path_);
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
  std::filesystem::path path_ = folder_ / "p.jsonl";
};

constexpr char kGood[] = R"({"id": "a", "prediction": "x", "references": ["y", "z"]})";

TEST_F(Predictions, AreReadAsWritten) {
  const std::vector<Prediction> written = {{"1", "caf\u00e9 \"q\"\n", {"a", ""}}, {"two", "", {"b"}}};
  write_predictions(path_, written);
  const auto read = read_predictions(path_);
  ASSERT_EQ(read.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read[i].id, written[i].id);
    EXPECT_EQ(read[i].prediction, written[i].prediction);
    EXPECT_EQ(read[i].references, written[i].references);
  }
}

TEST_F(Predictions, OtherKeysEmptyLinesAndNumericIdsAreFine) {
  const auto read_back = read(R"({"id": 7, "prediction": "x", "references": ["y"], "score": [1]})"
                              "\r\n\n  \n" +
                              std::string(kGood));
  ASSERT_EQ(read_back.size(), 2u);
  EXPECT_EQ(read_back[0].id, "7");
  EXPECT_EQ(read_back[1].references, (std::vector<std::string>{"y", "z"}));
}

TEST_F(Predictions, EveryProblemIsNamedWithItsLine) {
  const std::string text =
      message(std::string(kGood) + "\n" + R"({"prediction": "x", "references": ["y"]})" + "\n" +
              R"({"id": "b", "references": ["y"]})" + "\n" + R"({"id": "c", "prediction": "x"})" + "\n" +
              R"({"id": "d", "prediction": 1, "references": ["y"]})" + "\n" +
              R"({"id": "e", "prediction": "x", "references": "y"})" + "\n" +
              R"({"id": "f", "prediction": "x", "references": [1]})" + "\n" +
              R"({"id": "g", "prediction": "x", "references": []})" + "\n" +
              R"({"id": 1.5, "prediction": "x", "references": ["y"]})" + "\n" + "[1]\n{\n" + kGood);
  const std::string p = path_.string();
  for (const char* expected :
       {":2: 'id' is missing", ":3: 'prediction' is missing", ":4: 'references' is missing",
        ":5: 'prediction': expected a string, got number",
        ":6: 'references': expected a list of strings, got string",
        ":7: 'references': expected a list of strings, got a list with a number",
        ":8: 'references': expected at least one, got an empty list",
        ":9: 'id': expected a string or a whole number, got number", ":10: expected a JSON object, got array",
        ":11: not valid JSON", ":12: id 'a' was there before"}) {
    EXPECT_THAT(text, HasSubstr(p + expected));
  }
  EXPECT_THAT(text, Not(HasSubstr(p + ":1:")));
}

TEST_F(Predictions, OnlyTheFirstTwentyProblemsAreShown) {
  std::string content;
  for (int i = 0; i < 25; ++i) content += "no\n";
  const std::string text = message(content);
  EXPECT_THAT(text, HasSubstr(":20: "));
  EXPECT_THAT(text, Not(HasSubstr(":21: ")));
  EXPECT_THAT(text, HasSubstr("... and 5 more"));
}

TEST_F(Predictions, WhatIsNoPredictionFileIsRefused) {
  EXPECT_THAT(message(""), HasSubstr("got an empty file"));
  EXPECT_THAT(message(" \n\n"), HasSubstr("got an empty file"));
  EXPECT_THAT(message(std::string("{\0}", 3)), HasSubstr(":1: a zero byte"));
  EXPECT_THAT(message("{\"id\": \"\xff\"}"), HasSubstr(":1: not valid JSON"));
  EXPECT_THAT(message(std::string(1'000'000, '[')), HasSubstr(":1: not valid JSON"));
  EXPECT_THROW(read_predictions(folder_.path()), UserError);
  EXPECT_THROW(read_predictions(folder_ / "missing"), UserError);
}

TEST_F(Predictions, ALineThatIsTooLongDoesNotHideTheNext) {
  const std::string text = message(std::string((1 << 20) + 1, 'x') + "\nno\n");
  EXPECT_THAT(text, HasSubstr(":1: a line of more than 1048576 bytes"));
  EXPECT_THAT(text, HasSubstr(":2: not valid JSON"));
  std::string longest = R"({"id": "a", "references": ["y"], "prediction": ")";
  longest += std::string((1 << 20) - longest.size() - 2, 'x') + "\"}";
  EXPECT_EQ(read(longest).size(), 1u);
  EXPECT_EQ(read(longest + "\n").size(), 1u);
}

TEST_F(Predictions, BrokenTextOfAModelCanBeWritten) {
  write_predictions(path_, {{"a", "x\xff", {"y"}}});
  EXPECT_EQ(read_predictions(path_)[0].prediction, "x\uFFFD");
}

}  // namespace
}  // namespace pal
