// SentencePiece models: equal to the library's own ids, and with the files beside them to LlamaTokenizer's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "../../src/text/protobuf.h"
#include "../../src/text/sentencepiece_vocabulary.h"
#include "../../src/text/unicode.h"
#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/random.h"
#include "pal/text/tokenizer.h"
#include "support/mutation.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::int64_t>;
using Type = SentencePieceVocabulary::Type;

std::string golden(const std::string& name) { return PAL_SOURCE_DIR "/tests/golden/" + name; }

std::string with_spaces(std::string text) {
  replace_all(text, "\u2581", " ");
  return text;
}

class SentencePiece : public testing::Test {
 protected:
  void write(const char* name, const std::string& content) { write_bytes(folder_.path() / name, content); }
  void write_json(const char* name, const json& content) { write(name, content.dump()); }

  std::unique_ptr<Tokenizer> load(const std::string& model) {
    write("tokenizer.model", model);
    return load_tokenizer(folder_.path());
  }

  std::string error_of(const std::string& model) {
    try {
      load(model);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }

  const std::string whole_ = read_file(golden("spm_llama2like.model"));
  TemporaryFolder folder_;
};

TEST_F(SentencePiece, IdsAndDecodedTextEqualTheReference) {
  const auto tokenizer = load_tokenizer(golden("spm_llama2like.model"));
  const json cases = json::parse(read_file(golden("spm_cases.json")));
  ASSERT_GE(cases.size(), 6u);
  for (const json& one : cases) {
    const auto ids = one["ids"].get<Ids>();
    EXPECT_EQ(tokenizer->encode(one["text"].get<std::string>()), ids) << one["text"];
    EXPECT_EQ(tokenizer->decode(ids), one["decoded"].get<std::string>());
  }
}

// legacy and not, added tokens from each of the files that may name them: tests/text/make_llama_cases.py.
TEST_F(SentencePiece, IdsBesideConfigsEqualLlamaTokenizers) {
  const json folders = json::parse(read_file(golden("llama_tokenizer_cases.json")));
  ASSERT_EQ(folders.size(), 7u);
  for (const json& folder : folders) {
    for (const char* name : {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}) {
      std::filesystem::remove(folder_.path() / name);
      if (folder["files"].contains(name)) write_json(name, folder["files"][name]);
    }
    const auto tokenizer = load(whole_);
    ASSERT_GE(folder["cases"].size(), 100u);
    for (const json& one : folder["cases"]) {
      const auto text = one["text"].get<std::string>();
      const auto ids = one["ids"].get<Ids>();
      EXPECT_EQ(tokenizer->encode(text), ids) << folder["files"] << ": " << one["text"];
      EXPECT_EQ(tokenizer->encode(text, true), one["special"].get<Ids>()) << folder["files"] << ": " << one["text"];
      EXPECT_EQ(tokenizer->decode(ids), with_spaces(text)) << folder["files"];
    }
  }
}

TEST_F(SentencePiece, TheFilesBesideItGiveTokensByRole) {
  const auto bare = load(whole_);
  EXPECT_EQ(bare->bos(), 1);
  EXPECT_EQ(bare->eos(), 2);
  EXPECT_THAT(bare->stop_tokens(), ElementsAre(2));
  EXPECT_EQ(bare->vocab_size(), 600);
  EXPECT_EQ(bare->token_id("</s>"), 2);
  EXPECT_EQ(bare->token_id("<|im_end|>"), std::nullopt);

  write_json("tokenizer_config.json", json{{"eos_token", "<|im_end|>"}, {"pad_token", "<pad>"}, {"chat_template", "the template"}});
  const auto tokenizer = load(whole_);
  EXPECT_EQ(tokenizer->eos(), 600);
  EXPECT_EQ(tokenizer->vocab_size(), 602);
  EXPECT_THAT(tokenizer->stop_tokens(), ElementsAre(600));
  EXPECT_EQ(tokenizer->chat_template(), "the template");
  const Ids ids = {1, bare->encode("a dog").front(), 600, 7'000, -1};
  EXPECT_EQ(tokenizer->decode(ids), "<s>a<|im_end|>");
  EXPECT_EQ(tokenizer->decode(ids, true), "a");
}

TEST_F(SentencePiece, TokenizerJsonIsPreferredInAFolder) {
  write("tokenizer.json", read_file(golden("tokenizer_smollm2.json")));
  EXPECT_NE(load(whole_)->vocab_size(), 600);
  std::filesystem::remove(folder_.path() / "tokenizer.json");
  EXPECT_EQ(load(whole_)->vocab_size(), 600);
}

SentencePieceVocabulary vocabulary_of(const std::string& model) { return read_sentencepiece(model, "golden"); }

TEST_F(SentencePiece, UserDefinedPiecesAreFoundInTextAndControlPiecesAreNot) {
  auto vocabulary = vocabulary_of(whole_);
  vocabulary.pieces.push_back({"<tool>", 0, Type::kUserDefined});
  vocabulary.pieces.push_back({"[INST]", 0, Type::kControl});
  const auto tokenizer = load(write_sentencepiece(vocabulary));
  const auto plain = load(whole_);
  Ids expected = plain->encode("a ");
  expected.push_back(600);
  EXPECT_EQ(tokenizer->encode("a <tool>"), expected);
  EXPECT_EQ(tokenizer->encode("[INST]"), plain->encode("[INST]"));
}

TEST_F(SentencePiece, WhatIsNotSupportedIsRefusedByName) {
  const auto changed = [&](const auto& change) {
    auto vocabulary = vocabulary_of(whole_);
    change(vocabulary);
    return error_of(write_sentencepiece(vocabulary));
  };
  EXPECT_EQ(changed([](auto&) {}), "no error");
  EXPECT_THAT(changed([](auto& v) { v.pieces[7].text = v.pieces[8].text; }), HasSubstr("is there twice"));
  EXPECT_THAT(changed([](auto& v) { v.pieces[7].text = ""; }), HasSubstr("piece 7 is empty"));
  EXPECT_THAT(changed([](auto& v) { v.pieces[7].text = "\xFF"; }), HasSubstr("piece 7 is not UTF-8"));
  EXPECT_THAT(changed([](auto& v) { v.pieces[7].text = std::string("a\0b", 3); }), HasSubstr("piece 7 is not UTF-8 text"));
  EXPECT_THAT(changed([](auto& v) { v.pieces[7].score = std::numeric_limits<float>::quiet_NaN(); }), HasSubstr("has the score nan"));
  EXPECT_THAT(changed([](auto& v) { v.pieces[0].type = Type::kNormal; }), HasSubstr("has 0 unknown pieces"));
  EXPECT_THAT(changed([](auto& v) { v.pieces[7].type = Type::kUnknown; }), HasSubstr("has 2 unknown pieces"));
  EXPECT_THAT(changed([](auto& v) { v.pieces[300].type = static_cast<Type>(9); }), HasSubstr("has type 9"));
  EXPECT_THAT(changed([](auto& v) { v.pieces.erase(v.pieces.begin() + 9); }), HasSubstr("tokenizer.model: "));  // a byte is missing

  const auto trainer = [](std::uint64_t field, std::uint64_t value) {
    return ProtobufWriter().bytes(2, ProtobufWriter().varint(3, 2).varint(field, value).message()).message();
  };
  const auto normalizer = [](const ProtobufWriter& spec) { return ProtobufWriter().bytes(3, spec.message()).message(); };
  EXPECT_THAT(error_of(whole_ + trainer(3, 1)), HasSubstr("type UNIGRAM is not supported"));
  EXPECT_THAT(error_of(whole_ + trainer(24, 1)), HasSubstr("treat_whitespace_as_suffix"));
  EXPECT_THAT(error_of(whole_ + normalizer(ProtobufWriter().bytes(1, "nmt_nfkc").bytes(2, "rules"))),
              HasSubstr("normalisation 'nmt_nfkc' is not supported"));
  EXPECT_THAT(error_of(whole_ + normalizer(ProtobufWriter().varint(5, 0))), HasSubstr("escape_whitespaces"));
  EXPECT_THAT(error_of(""), HasSubstr("not a SentencePiece model"));
  EXPECT_THAT(error_of("IQ== 0\nIg== 1\n"), HasSubstr("tokenizer.model: "));  // tiktoken's format, which has the same name in Llama 3
}

TEST_F(SentencePiece, ConfigsThatWouldNotBeReadExactlyAreRefusedByName) {
  const auto error = [&](const json& config) {
    write_json("tokenizer_config.json", config);
    return error_of(whole_);
  };
  EXPECT_EQ(error(json::object()), "no error");
  EXPECT_THAT(error({{"tokenizer_class", "T5Tokenizer"}}), HasSubstr("'T5Tokenizer' is not supported"));
  EXPECT_THAT(error({{"legacy", false}, {"add_prefix_space", false}}), HasSubstr("add_prefix_space: false with legacy: false"));
  EXPECT_THAT(error({{"legacy", "no"}}), HasSubstr("legacy: expected true or false"));
  EXPECT_THAT(error({{"split_special_tokens", true}}), HasSubstr("split_special_tokens"));
  EXPECT_THAT(error({{"sp_model_kwargs", {{"enable_sampling", true}}}}), HasSubstr("sp_model_kwargs"));
  EXPECT_THAT(error({{"pad_token", {{"content", "<p>"}, {"lstrip", true}}}}), HasSubstr("pad_token.lstrip: not supported"));
  EXPECT_THAT(error({{"added_tokens_decoder", {{"x", {{"content", "<p>"}}}}}}), HasSubstr("expected a token id, got 'x'"));
  EXPECT_THAT(error({{"added_tokens_decoder", {{"5", {{"content", "<p>"}}}}}}), HasSubstr("the id 5 stands for"));
  EXPECT_THAT(error({{"added_tokens_decoder", {{"700", {{"content", "<s>"}}}}}}), HasSubstr("'<s>' has the ids 1 and 700"));
  auto vocabulary = vocabulary_of(whole_);
  vocabulary.pieces.push_back({">\u2581", 0, Type::kNormal});
  write_json("tokenizer_config.json", json{{"legacy", false}});
  EXPECT_THAT(error_of(write_sentencepiece(vocabulary)), HasSubstr("not supported with the piece '>"));
  write("tokenizer_config.json", "{");
  EXPECT_THAT(error_of(whole_), HasSubstr("tokenizer_config.json"));
}

// Loads, or says what is wrong; and what loads, encodes.
TEST_F(SentencePiece, DamagedFilesLoadOrAreRefused) {
  RandomStream random(stream_seed(3, "damage"));
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    write("tokenizer.model", mutated(whole_, random));
    try {
      const auto tokenizer = load_tokenizer(folder_.path() / "tokenizer.model");
      tokenizer->decode(tokenizer->encode("Caf\u00E9 <s>  12345\n\n you're \u4F60\u597D", true));
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 2000);
}

TEST_F(SentencePiece, EveryShorterFileIsRefused) {
  int loaded = 0;
  for (std::size_t size = 0; size < whole_.size(); size += 1 + size / 64) {
    loaded += error_of(whole_.substr(0, size)) == "no error";
  }
  EXPECT_EQ(loaded, 0);
}

TEST_F(SentencePiece, TimeIsNotQuadraticInTheLengthOfAText) {
  const auto tokenizer = load(whole_);
  for (const std::string& text : {std::string(1'000'000, 'a'), std::string(1'000'000, ' '), std::string(1'000'000, '<')}) {
    const auto start = std::chrono::steady_clock::now();
    tokenizer->encode(text);
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 2.0) << text.substr(0, 3);
  }
}

}  // namespace
}  // namespace pal
