// Answers outlive a kill, and nobody else's file is taken for one.
#include "pal/eval/answer_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class AnswersFolder : public testing::Test {
 protected:
  std::filesystem::path file(int rank = 0) const { return folder / answer_file_name(rank, 2); }
  void append(int rank, std::int64_t first, const std::vector<Answer>& answers) { AnswerFile(file(rank), "s").append(first, answers); }
  void add(const std::string& text, int rank = 0) { std::ofstream(file(rank), std::ios::app | std::ios::binary) << text; }
  void refused(const std::string& why) {
    EXPECT_THAT([&] { read_answers(folder.path(), "s"); }, ThrowsMessage<UserError>(HasSubstr(why)));
  }
  TemporaryFolder folder;
};

TEST_F(AnswersFolder, GivesBackWhatAllRanksAnswered) {
  append(0, 4, {{"e", "a \"quoted\"\nline é", {-0.1, -1e-300}}, {"f", "", {}}});
  append(1, 0, {{"a", "x", {0.1, -2.5e10}}});
  append(0, 7, {{"h", "z", {}}});
  const auto answers = read_answers(folder.path(), "s");
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers.at(4).id, "e");
  EXPECT_EQ(answers.at(4).text, "a \"quoted\"\nline é");
  EXPECT_EQ(answers.at(4).likelihoods, (std::vector<double>{-0.1, -1e-300}));
  EXPECT_EQ(answers.at(5).id, "f");
  EXPECT_EQ(answers.at(0).likelihoods, (std::vector<double>{0.1, -2.5e10}));
  EXPECT_EQ(answers.at(7).text, "z");
}

TEST_F(AnswersFolder, LosesATornLineAndNothingElse) {
  append(0, 0, {{"a", "x", {}}});
  const auto whole = read_file(file());
  add(R"({"id": "b", "ind)");
  EXPECT_EQ(read_answers(folder.path(), "s").size(), 1u);  // and leaves it alone: it may be being written
  EXPECT_NE(read_file(file()), whole);
  append(0, 1, {{"b", "y", {}}});
  EXPECT_TRUE(read_file(file()).starts_with(whole + "{"));
  EXPECT_EQ(read_answers(folder.path(), "s").at(1).text, "y");
}

TEST_F(AnswersFolder, AFileOfOthersIsRefusedAndLeftAsItIs) {
  for (const std::string content : {"notes\nof mine", "{\"x\": 1}\n", "[1]\nx\n", "notes without a line's end"}) {
    write_file_atomically(file(), content);
    EXPECT_THAT([&] { append(0, 0, {}); }, ThrowsMessage<UserError>(HasSubstr("of-2.jsonl:1: is no answers file of pal-eval"))) << content;
    EXPECT_EQ(read_file(file()), content);
  }
  AnswerFile(file(1), "other").append(0, {});
  EXPECT_THAT([&] { append(1, 0, {}); }, ThrowsMessage<UserError>(HasSubstr("holds answers of other settings")));
}

TEST_F(AnswersFolder, ATornFirstLineIsWrittenAnew) {
  append(0, 0, {});
  const auto header = read_file(file());
  // As a kill while it is made leaves it.
  for (const std::size_t bytes : {std::size_t(0), std::size_t(1), header.size() / 2, header.size() - 1}) {
    write_file_atomically(file(), header.substr(0, bytes));
    append(0, 0, {});
    EXPECT_EQ(read_file(file()), header) << bytes;
  }
}

TEST_F(AnswersFolder, IsWrittenByOneProcessARank) {
  const AnswerFile held(file(), "s");
  EXPECT_THAT([&] { append(0, 0, {}); }, ThrowsMessage<UserError>(HasSubstr("another process of the same rank")));
  EXPECT_NO_THROW(append(1, 0, {}));
}

TEST_F(AnswersFolder, TwoAnswersToASampleMustBeEqual) {
  append(0, 3, {{"d", "x", {0.5}}});
  append(1, 3, {{"d", "x", {0.5}}});
  EXPECT_EQ(read_answers(folder.path(), "s").size(), 1u);
  append(1, 4, {{"e", "x", {0.5}}});
  append(0, 4, {{"e", "x", {0.25}}});
  refused("answers-1-of-2.jsonl:3: sample 4 ('e') is answered differently elsewhere");
}

TEST_F(AnswersFolder, OtherFilesInItAreNotRead) {
  write_file_atomically(folder / "class_scores.jsonl", "x\n");
  write_file_atomically(folder / "answers-0-of-2.txt", "x\n");
  EXPECT_TRUE(read_answers(folder.path(), "s").empty());
}

TEST_F(AnswersFolder, ADamagedLineIsNamed) {
  append(0, 0, {{"a", "x", {}}});
  const auto good = read_file(file());
  for (const auto& [line, why] : std::vector<std::pair<std::string, std::string>>{
           {"[1]", ":3: expected an object"}, {R"({"id": "b", "index": 1})", "'prediction'"}, {R"({"id": "b", "index": 1.5, "prediction": "y"})", "'index'"},
           {R"({"index": 1, "prediction": "y"})", "'id'"}, {R"({"id": "b", "index": 1, "prediction": "y", "likelihoods": ["x"]})", "got a list with \"x\""},
           {"{", ":3"}}) {
    write_file_atomically(file(), good + line + "\n");
    refused(why);
  }
}

}  // namespace
}  // namespace pal
