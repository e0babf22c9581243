// BERT's tokenizer. tests/parity/wordpiece_parity.py compares with the original on 20,000 texts; here stands what needs no Python.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/text/tokenizer.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Ids = std::vector<std::int64_t>;

const std::string kFolder = PAL_SOURCE_DIR "/tests/golden/bert_tiny/";

TEST(Wordpiece, IdsAndDecodedTextEqualTheReference) {
  const auto tokenizer = load_tokenizer(kFolder + "tokenizer.json");
  const json cases = json::parse(read_file(kFolder + "cases.json"));
  ASSERT_GE(cases.size(), 15u);
  for (const json& one : cases) {
    const auto text = one["text"].get<std::string>();
    const auto ids = one["ids"].get<Ids>();
    EXPECT_EQ(tokenizer->encode(text, true), ids) << text;
    EXPECT_EQ(tokenizer->decode(ids), one["decoded"].get<std::string>());
  }
}

class WordpieceFile : public testing::Test {
 protected:
  // The golden tokenizer with `value` at `pointer`.
  std::unique_ptr<Tokenizer> load(const char* pointer, const json& value) {
    json description = json::parse(read_file(kFolder + "tokenizer.json"));
    description[json::json_pointer(pointer)] = value;
    write_file_atomically(folder_ / "tokenizer.json", description.dump());
    return load_tokenizer(folder_ / "tokenizer.json");
  }
  std::string error_of(const char* pointer, const json& value) {
    try {
      load(pointer, value);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }
  TemporaryFolder folder_;
};

TEST_F(WordpieceFile, AWordThatIsTooLongIsUnknownAsAWhole) {
  const auto tokenizer = load("/model/max_input_chars_per_word", 3);
  const auto unknown = *tokenizer->token_id("[UNK]");
  EXPECT_EQ(tokenizer->encode("\u00e9\u00e9\u00e9").size(), 3u);  // three characters, six bytes
  EXPECT_EQ(tokenizer->encode("\u00e9\u00e9\u00e9\u00e9"), Ids{unknown});
}

TEST_F(WordpieceFile, AccentsGoOnlyWhereTheFileSaysSo) {
  const auto unknown = *load("/normalizer/lowercase", true)->token_id("[UNK]");
  EXPECT_EQ(load("/normalizer/lowercase", false)->encode("dog\u00e9 Dog"), (Ids{unknown, unknown}));  // by default: if lower-cased
  EXPECT_EQ(load("/normalizer/strip_accents", false)->encode("dog\u00e9"), Ids{unknown});
}

TEST_F(WordpieceFile, WhatIsWrongIsRefusedByName) {
  EXPECT_THAT(error_of("/model/unk_token", "[WHAT]"), HasSubstr("model: the unknown token '[WHAT]' is not in the vocabulary"));
  EXPECT_THAT(error_of("/model/vocab/dog", -1), HasSubstr("token 'dog' has id -1"));
  EXPECT_THAT(error_of("/model/vocab/dog", 1), HasSubstr("both have id 1"));
  EXPECT_THAT(error_of("/model/type", "Unigram"), HasSubstr("BPE, WordPiece"));
  EXPECT_THAT(error_of("/normalizer/clean_text", 3), HasSubstr("clean_text"));
  EXPECT_THAT(error_of("/decoder", {{"type", "ByteLevel"}}), HasSubstr("ByteLevel"));
}

}  // namespace
}  // namespace pal
