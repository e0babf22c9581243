#include "pal/embedder/text_embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/temporary_folder.h"
#include "support/tensor_compare.h"

namespace pal {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::filesystem::path kFolder = PAL_SOURCE_DIR "/tests/golden/bert_tiny";

json golden_cases() { return json::parse(read_file(kFolder / "cases.json")); }

std::vector<std::string> golden_texts() {
  std::vector<std::string> texts;
  for (const auto& one : golden_cases()) texts.push_back(one["text"]);
  return texts;
}

TEST(TextEmbedder, EqualsTransformers) {
  TextEmbedder embedder(kFolder);
  const auto rows = embedder.embed(golden_texts());
  const auto cases = golden_cases();
  ASSERT_EQ(rows.sizes(), (std::vector<int64_t>{int64_t(cases.size()), 24}));
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto expected = torch::tensor(cases[i]["embedding"].get<std::vector<double>>(), torch::kFloat64);
    EXPECT_LT(relative_distance(rows[int64_t(i)], expected), 2e-6) << cases[i]["text"];  // the file has 7 digits
  }
}

TEST(TextEmbedder, ATextsEmbeddingDoesNotDependOnTheOthers) {
  TextEmbedder embedder(kFolder);
  auto texts = golden_texts();
  const auto together = embedder.embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto alone = embedder.embed(std::span(&texts[i], 1));
    EXPECT_LT((alone[0] - together[int64_t(i)]).abs().max().item<double>(), 1e-6) << texts[i];
  }
  // More than goes through the network at once.
  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i) many.insert(many.end(), texts.begin(), texts.end());
  const auto all = embedder.embed(many).reshape({40, together.size(0), 24});
  EXPECT_LT((all - together).abs().max().item<double>(), 1e-6);
}

TEST(TextEmbedder, NoTextsGiveNoRows) {
  TextEmbedder embedder(kFolder);
  EXPECT_EQ(embedder.embed({}).sizes(), (std::vector<int64_t>{0, 24}));
}

TEST(TextEmbedder, ItsNameIsTheFoldersAndTheHashThatOfTheWeights) {
  EXPECT_EQ(TextEmbedder(kFolder).identity().name, "bert_tiny");
  EXPECT_EQ(TextEmbedder(kFolder / "").identity().name, "bert_tiny");
  EXPECT_EQ(TextEmbedder(kFolder).identity().weights_sha256, sha256_of_file(kFolder / "model.safetensors"));
}

class EmbedderFolder : public testing::Test {
 protected:
  EmbedderFolder() { std::filesystem::copy(kFolder, folder_.path(), std::filesystem::copy_options::recursive); }
  // The message where `file` has `value` at `pointer`.
  std::string error_with(const std::string& file, const char* pointer, const json& value) {
    const auto before = read_file(folder_ / file);
    auto description = json::parse(before);
    description[json::json_pointer(pointer)] = value;
    write_file_atomically(folder_ / file, description.dump());
    const auto message = error();
    write_file_atomically(folder_ / file, before);
    return message;
  }
  std::string error() {
    try {
      TextEmbedder embedder(folder_.path());
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }
  TemporaryFolder folder_;
};

TEST_F(EmbedderFolder, WithoutSentenceTransformersFilesALongTextFillsThePositions) {
  for (const char* file : {"modules.json", "sentence_bert_config.json"}) std::filesystem::remove(folder_ / file);
  TextEmbedder embedder(folder_.path());
  EXPECT_EQ(embedder.max_tokens(), 32);
  const std::vector<std::string> texts = {std::string(90, 'a'), std::string(91, 'a')};  // both cut to 32 tokens
  const auto rows = embedder.embed(texts);
  EXPECT_LT((rows[0] - rows[1]).abs().max().item<double>(), 1e-6);
  EXPECT_NEAR(rows[0].norm().item<double>(), 1, 1e-6);
}

TEST_F(EmbedderFolder, WithoutNormalizeTheMeanStaysAsItIs) {
  const auto normalized = TextEmbedder(folder_.path()).embed(golden_texts());
  auto modules = json::parse(read_file(folder_ / "modules.json"));
  modules.erase(2);
  write_file_atomically(folder_ / "modules.json", modules.dump());
  const auto rows = TextEmbedder(folder_.path()).embed(golden_texts());
  EXPECT_GT((rows.norm(2, 1) - 1).abs().max().item<double>(), 0.01);
  EXPECT_LT(relative_distance(rows / rows.norm(2, 1, true), normalized), 1e-6);
}

TEST_F(EmbedderFolder, WhatIsNotComputedIsRefusedByName) {
  EXPECT_EQ(error(), "no error");
  EXPECT_THAT(error_with("config.json", "/model_type", "roberta"), HasSubstr("'model_type' is 'roberta'"));
  EXPECT_THAT(error_with("config.json", "/hidden_act", "relu"), HasSubstr("'hidden_act'"));
  EXPECT_THAT(error_with("config.json", "/position_embedding_type", "relative_key"), HasSubstr("'position_embedding_type'"));
  EXPECT_THAT(error_with("config.json", "/num_attention_heads", 5), HasSubstr("24 does not divide among 5"));
  EXPECT_THAT(error_with("config.json", "/hidden_size", 48), HasSubstr("wrong shape"));
  EXPECT_THAT(error_with("config.json", "/num_hidden_layers", 0), HasSubstr("expected 1 to"));
  EXPECT_THAT(error_with("config.json", "/vocab_size", 8), HasSubstr("but config.json says 8"));
  EXPECT_THAT(error_with("sentence_bert_config.json", "/max_seq_length", 33), HasSubstr("expected 2 to 32, got 33"));
  EXPECT_THAT(error_with("sentence_bert_config.json", "/do_lower_case", true), HasSubstr("'do_lower_case'"));
  EXPECT_THAT(error_with("modules.json", "/1/type", "sentence_transformers.models.Dense"), HasSubstr("Dense' is not supported"));
  EXPECT_THAT(error_with("modules.json", "/1/type", "sentence_transformers.models.Normalize"), HasSubstr("no Pooling"));
  EXPECT_THAT(error_with("1_Pooling/config.json", "/pooling_mode_mean_tokens", false), HasSubstr("pooling_mode_mean_tokens"));
  EXPECT_THAT(error_with("1_Pooling/config.json", "/pooling_mode_cls_token", true), HasSubstr("'pooling_mode_cls_token'"));
  EXPECT_THAT(error_with("tokenizer.json", "/post_processor", nullptr), HasSubstr("one token before a text"));
}

TEST(TextEmbedder, AFolderThatIsNotThereIsRefused) {
  EXPECT_THROW(TextEmbedder("nowhere"), UserError);
  EXPECT_THROW(TextEmbedder(PAL_SOURCE_DIR "/tests/golden"), UserError);
}

}  // namespace
}  // namespace pal
