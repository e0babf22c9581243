// SentencePiece vocabularies inside GGUF files: made of the golden model, to be equal to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "../../src/text/sentencepiece_vocabulary.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/text/tokenizer.h"
#include "support/gguf_builder.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::int64_t>;

constexpr const char* kModel = PAL_SOURCE_DIR "/tests/golden/spm_llama2like.model";

class GgufSentencePiece : public testing::Test {
 protected:
  GgufBuilder builder() const {
    GgufBytes tokens, scores, types;
    tokens.u32(8).u64(vocabulary_.pieces.size());
    scores.u32(6).u64(vocabulary_.pieces.size() - missing_scores_);
    types.u32(5).u64(vocabulary_.pieces.size());
    for (const auto& piece : vocabulary_.pieces) {
      tokens.text(piece.text);
      types.number(static_cast<std::int32_t>(piece.type));
    }
    for (std::size_t id = missing_scores_; id < vocabulary_.pieces.size(); ++id) scores.number(vocabulary_.pieces[id].score);
    GgufBuilder builder;
    builder.add_text("tokenizer.ggml.model", "llama")
        .add("tokenizer.ggml.tokens", 9, tokens.bytes())
        .add("tokenizer.ggml.scores", 9, scores.bytes())
        .add("tokenizer.ggml.token_type", 9, types.bytes())
        .add_number<std::uint32_t>("tokenizer.ggml.bos_token_id", 4, 1)
        .add_number<std::uint32_t>("tokenizer.ggml.eos_token_id", 4, 2);
    return builder;
  }

  std::unique_ptr<Tokenizer> load(const GgufBuilder& builder) {
    write_file_atomically(folder_.path() / "model.gguf", builder.bytes());
    return load_tokenizer(folder_.path() / "model.gguf");
  }

  std::string error_of(const GgufBuilder& builder) {
    try {
      load(builder);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }

  SentencePieceVocabulary vocabulary_ = read_sentencepiece(read_file(kModel), "golden");
  std::size_t missing_scores_ = 0;
  TemporaryFolder folder_;
};

TEST_F(GgufSentencePiece, EqualsTheGoldenModel) {
  const auto tokenizer = load(builder());
  const json cases = json::parse(read_file(PAL_SOURCE_DIR "/tests/golden/spm_cases.json"));
  for (const json& one : cases) {
    const auto ids = one["ids"].get<Ids>();
    EXPECT_EQ(tokenizer->encode(one["text"].get<std::string>()), ids) << one["text"];
    EXPECT_EQ(tokenizer->decode(ids), one["decoded"].get<std::string>());
  }
}

TEST_F(GgufSentencePiece, ControlAndUserDefinedTokensAreFoundInText) {
  vocabulary_.pieces.push_back({"<tool>", 0, SentencePieceVocabulary::Type::kUserDefined});
  const auto tokenizer = load(builder());
  const auto a = tokenizer->encode("a").front();
  EXPECT_THAT(tokenizer->encode("<s>a</s><tool>a<unk>"), ElementsAre(1, a, 2, 600, a, 0));
  EXPECT_EQ(tokenizer->decode(Ids{1, a, 600, 2}, true), "a<tool>");
}

TEST_F(GgufSentencePiece, BosAndTheSpaceInFrontAreThereUnlessTheFileSaysOtherwise) {
  const auto usual = load(builder());
  const Ids ids = usual->encode("a dog");
  EXPECT_EQ(usual->bos(), 1);
  EXPECT_THAT(usual->stop_tokens(), ElementsAre(2));
  EXPECT_EQ(usual->encode(" ").size(), 2u);
  Ids expected = ids;
  expected.insert(expected.begin(), 1);
  EXPECT_EQ(usual->encode("a dog", true), expected);
  const auto other = load(builder()
                              .add_number<std::uint8_t>("tokenizer.ggml.add_bos_token", 7, 0)
                              .add_number<std::uint8_t>("tokenizer.ggml.add_eos_token", 7, 1)
                              .add_number<std::uint8_t>("tokenizer.ggml.add_space_prefix", 7, 0));
  EXPECT_EQ(other->encode(" ").size(), 1u);
  expected = other->encode(" a dog");
  EXPECT_EQ(expected, ids);
  expected.push_back(2);
  EXPECT_EQ(other->encode(" a dog", true), expected);
  EXPECT_EQ(other->decode(ids), " a dog");
  EXPECT_EQ(usual->decode(ids), "a dog");
}

TEST_F(GgufSentencePiece, WhatIsNotSupportedIsRefusedByName) {
  EXPECT_EQ(error_of(builder()), "no error");
  EXPECT_THAT(error_of(builder().add_number<std::uint8_t>("tokenizer.ggml.remove_extra_whitespaces", 7, 1)),
              HasSubstr("remove_extra_whitespaces is set"));
  EXPECT_THAT(error_of(builder().add_text("tokenizer.ggml.precompiled_charsmap", "x")), HasSubstr("precompiled_charsmap"));
  vocabulary_.pieces[300].type = static_cast<SentencePieceVocabulary::Type>(7);
  EXPECT_THAT(error_of(builder()), HasSubstr("has type 7"));
  vocabulary_.pieces[300].type = SentencePieceVocabulary::Type::kUnknown;
  EXPECT_THAT(error_of(builder()), HasSubstr("has 2 unknown pieces"));
  vocabulary_.pieces[300].type = SentencePieceVocabulary::Type::kByte;
  EXPECT_THAT(error_of(builder()), HasSubstr("model.gguf: "));  // the library: no such byte
  missing_scores_ = 1;
  EXPECT_THAT(error_of(builder()), HasSubstr("scores has 599 entries, expected 600"));
}

}  // namespace
}  // namespace pal
