#include "pal/eval/text_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/tensor_source.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(TextLabels, CosinesDoNotDependOnLengths) {
  const auto answers = torch::tensor({{3.0, 0.0}, {-0.5, -0.5}}), labels = torch::tensor({{2.0, 0.0}, {0.0, 0.1}, {7.0, 7.0}});
  const double r = std::sqrt(0.5);
  EXPECT_TRUE(torch::allclose(cosine_similarities(answers, labels), torch::tensor({{1.0, 0.0, r}, {-r, -r, -1.0}}, torch::kFloat64), 0, 1e-12));
}

TEST(TextLabels, RowsWithoutADirectionAndOtherWidthsAreRefused) {
  const auto good = torch::ones({1, 2});
  EXPECT_THAT([&] { cosine_similarities(torch::zeros({1, 2}), good); }, ThrowsMessage<UserError>(HasSubstr("answers: row 0")));
  EXPECT_THAT([&] { cosine_similarities(good, torch::full({1, 2}, NAN)); }, ThrowsMessage<UserError>(HasSubstr("labels: row 0")));
  EXPECT_THAT([&] { cosine_similarities(good, torch::ones({1, 3})); }, ThrowsMessage<UserError>(HasSubstr("same model")));
}

class StoredEmbeddingsFile : public testing::Test {
 protected:
  StoredEmbeddings stored(const std::map<std::string, std::string>& metadata, const std::string& name = "") {
    save_safetensors(file, {{"embeddings", rows}}, metadata);
    return StoredEmbeddings(file, name);
  }
  void refused(const std::map<std::string, std::string>& metadata, const std::string& why, const std::string& name = "") {
    EXPECT_THAT([&] { stored(metadata, name); }, ThrowsMessage<UserError>(HasSubstr(why)));
  }
  TemporaryFolder folder;
  std::filesystem::path file = folder.path() / "e.safetensors";
  torch::Tensor rows = torch::tensor({{1.0F, 2.0F}, {3.0F, 4.0F}});
};

TEST_F(StoredEmbeddingsFile, RowsAreFoundByTheirTexts) {
  const auto found = stored({{"texts", R"(["a","b"])"}, {"embedder", "ada"}});
  EXPECT_EQ(found.identity().name, "ada");
  EXPECT_EQ(found.sha256(), sha256_of_file(file));
  const std::vector<std::string> wanted{"b", "a", "b"};
  EXPECT_TRUE(found.rows_of(wanted).equal(torch::tensor({{3.0F, 4.0F}, {1.0F, 2.0F}, {3.0F, 4.0F}})));
  const std::vector<std::string> other{"a", "c"};
  EXPECT_THAT([&] { found.rows_of(other); }, ThrowsMessage<UserError>(HasSubstr("no embedding of 'c'")));
}

TEST_F(StoredEmbeddingsFile, ATextMayStandTwiceIfItsRowsAreEqual) {
  rows = torch::tensor({{9.0F, 9.0F}, {1.0F, 2.0F}, {1.0F, 2.0F}});
  const std::vector<std::string> wanted{"a"};
  EXPECT_TRUE(stored({{"texts", R"(["b","a","a"])"}, {"embedder", "ada"}, {"embedder_sha256", "5f"}}).rows_of(wanted).equal(rows.slice(0, 1, 2)));
  EXPECT_EQ(stored({{"texts", R"(["b","a","a"])"}, {"embedder", "ada"}, {"embedder_sha256", "5f"}}).identity().weights_sha256, "5f");
  rows[2][1] = 3;
  refused({{"texts", R"(["b","a","a"])"}, {"embedder", "ada"}}, "rows 1 and 2 differ");
}

TEST_F(StoredEmbeddingsFile, TextsMayStandBesideIt) {
  write_file_atomically(folder.path() / "e.txt", "a\r\nb");
  const std::vector<std::string> wanted{"b"};
  EXPECT_TRUE(stored({}, "ada").rows_of(wanted).equal(rows.slice(0, 1)));
}

TEST_F(StoredEmbeddingsFile, WhatDoesNotFitIsRefused) {
  refused({{"embedder", "ada"}}, "of which texts");
  refused({{"texts", R"(["a","b"])"}}, "--embedder-name");
  refused({{"texts", R"(["a","b"])"}, {"embedder", "ada"}}, "'ada', but --embedder-name says 'bert'", "bert");
  refused({{"texts", R"(["a"])"}, {"embedder", "ada"}}, "2 rows, but 1 texts");
  refused({{"texts", R"(["a","a"])"}, {"embedder", "ada"}}, "of one text, 'a'");
  refused({{"texts", R"(["a",1])"}, {"embedder", "ada"}}, "list with a number");
  refused({{"texts", R"({"a": "b"})"}, {"embedder", "ada"}}, "got object");
  write_file_atomically(folder.path() / "e.txt", "");
  refused({{"embedder", "ada"}}, "e.txt: is empty");
  rows = torch::tensor({1, 2});
  refused({{"texts", R"(["a","b"])"}, {"embedder", "ada"}}, "expected rows of floating numbers");
}

}  // namespace
}  // namespace pal
