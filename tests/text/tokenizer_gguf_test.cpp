// Tokenizers inside GGUF files: made of the golden tokenizers' vocabularies, to be equal to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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

struct Contents {
  std::string model = "gpt2";
  std::string pre = "smollm";
  std::vector<std::string> tokens;
  std::vector<std::string> merges;
  std::vector<std::int32_t> types;
};

Contents contents_of(const std::string& name) {
  const json golden = json::parse(read_file(PAL_SOURCE_DIR "/tests/golden/tokenizer_" + name + ".json"));
  Contents contents;
  contents.tokens.resize(golden["model"]["vocab"].size());
  for (const auto& [token, id] : golden["model"]["vocab"].items()) contents.tokens.at(id) = token;
  for (const json& merge : golden["model"]["merges"]) {
    contents.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  }
  contents.types.assign(contents.tokens.size(), 1);
  for (const json& added : golden["added_tokens"]) contents.types.at(added["id"]) = 3;
  return contents;
}

std::string texts(const std::vector<std::string>& values) {
  GgufBytes bytes;
  bytes.u32(8).u64(values.size());
  for (const auto& value : values) bytes.text(value);
  return bytes.bytes();
}

class GgufTokenizer : public testing::Test {
 protected:
  GgufBuilder builder_of(const Contents& contents) {
    GgufBytes types;
    types.u32(5).u64(contents.types.size());
    for (std::int32_t type : contents.types) types.number(type);
    GgufBuilder builder;
    builder.add_text("tokenizer.ggml.model", contents.model)
        .add_text("tokenizer.ggml.pre", contents.pre)
        .add("tokenizer.ggml.tokens", 9, texts(contents.tokens))
        .add("tokenizer.ggml.merges", 9, texts(contents.merges))
        .add("tokenizer.ggml.token_type", 9, types.bytes());
    return builder;
  }

  std::unique_ptr<Tokenizer> load(const GgufBuilder& builder) {
    write_file_atomically(folder_.path() / "model.gguf", builder.bytes());
    return load_tokenizer(folder_.path() / "model.gguf");
  }

  std::string error_of(const Contents& contents) {
    try {
      load(builder_of(contents));
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder folder_;
};

TEST_F(GgufTokenizer, EqualsTheGoldenTokenizers) {
  for (const auto& [name, pre] :
       {std::pair("gpt2", "gpt-2"), {"llama3", "llama-bpe"}, {"qwen2", "qwen2"}, {"smollm2", "smollm"}}) {
    Contents contents = contents_of(name);
    contents.pre = pre;
    const auto tokenizer = load(builder_of(contents));
    const json cases =
        json::parse(read_file(fmt::format("{}/tests/golden/tokenizer_{}_cases.json", PAL_SOURCE_DIR, name)));
    for (const json& one : cases) {
      const auto ids = one["ids"].get<std::vector<std::int64_t>>();
      EXPECT_EQ(tokenizer->encode(one["text"].get<std::string>()), ids) << name << ": " << one["text"];
      EXPECT_EQ(tokenizer->decode(ids), one["decoded"].get<std::string>());
    }
  }
}

TEST_F(GgufTokenizer, QwenNormalisesAndLlamaTakesWholeWords) {
  Contents contents = contents_of("smollm2");
  contents.pre = "qwen2";
  const auto qwen = load(builder_of(contents));
  EXPECT_EQ(qwen->encode("e\u0301"), qwen->encode("\u00E9"));
  contents.pre = "smollm";
  const auto smollm = load(builder_of(contents));
  EXPECT_NE(smollm->encode("e\u0301"), smollm->encode("\u00E9"));
  contents.pre = "llama-bpe";
  contents.tokens.push_back("zqxj");  // no merge leads to it
  contents.types.push_back(1);
  const auto whole = static_cast<std::int64_t>(contents.tokens.size()) - 1;
  EXPECT_THAT(load(builder_of(contents))->encode("zqxj"), ElementsAre(whole));
}

TEST_F(GgufTokenizer, SpecialTokensAndBosComeFromTheKeys) {
  const Contents contents = contents_of("smollm2");
  auto builder = builder_of(contents);
  builder.add_number<std::uint32_t>("tokenizer.ggml.bos_token_id", 4, 0)
      .add_number<std::uint32_t>("tokenizer.ggml.eos_token_id", 4, 2)
      .add_text("tokenizer.chat_template", "the template");
  const auto plain = load(builder);
  EXPECT_EQ(plain->bos(), 0);
  EXPECT_EQ(plain->eos(), 2);
  EXPECT_THAT(plain->stop_tokens(), ElementsAre(2, 0));
  EXPECT_EQ(plain->chat_template(), "the template");
  EXPECT_EQ(plain->encode("a", true), plain->encode("a"));  // BOS is not asked for
  builder.add_number<std::uint8_t>("tokenizer.ggml.add_bos_token", 7, 1);
  auto expected = plain->encode("a");
  expected.insert(expected.begin(), 0);
  EXPECT_EQ(load(builder)->encode("a", true), expected);
  EXPECT_EQ(load(builder)->encode("a"), plain->encode("a"));
}

TEST_F(GgufTokenizer, UserDefinedTokensAreNotSpecialAndUnusedOnesAreNothing) {
  Contents contents = contents_of("smollm2");
  contents.tokens.insert(contents.tokens.end(), {"<tool>", "[PAD1]"});
  contents.types.insert(contents.types.end(), {4, 5});
  const auto tokenizer = load(builder_of(contents));
  const auto tool = static_cast<std::int64_t>(contents.tokens.size()) - 2;
  EXPECT_THAT(tokenizer->encode("<tool><|im_end|>"), ElementsAre(tool, 2));
  EXPECT_EQ(tokenizer->decode(std::vector<std::int64_t>{tool, 2, tool + 1}, true), "<tool>");
  EXPECT_GT(tokenizer->encode("[PAD1]").size(), 1u);
}

TEST_F(GgufTokenizer, WhatIsNotSupportedIsRefusedByName) {
  const auto changed = [&](const auto& change) {
    Contents contents = contents_of("smollm2");
    change(contents);
    return error_of(contents);
  };
  EXPECT_THAT(changed([](Contents& c) { c.model = "t5"; }), HasSubstr("tokenizer.ggml.model is 't5'"));
  EXPECT_THAT(changed([](Contents& c) { c.pre = "deepseek-llm"; }),
              HasSubstr("tokenizer.ggml.pre is 'deepseek-llm'; supported: gpt-2"));
  EXPECT_THAT(changed([](Contents& c) { c.types.pop_back(); }), HasSubstr("token_type has"));
  EXPECT_THAT(changed([](Contents& c) { c.types[5] = 6; }), HasSubstr("has type 6"));
  EXPECT_THAT(changed([](Contents& c) { c.merges[0] = "xx yy"; }), HasSubstr("not in the vocabulary"));
  EXPECT_THAT(changed([](Contents& c) { c.merges[0] = "xx"; }), HasSubstr("merges[0]: expected two tokens"));
  EXPECT_THAT(changed([](Contents& c) { c.tokens[9] = "\xFF"; }), HasSubstr("tokens[9] is not UTF-8"));
  EXPECT_THAT(changed([](Contents& c) { c.tokens[9] = c.tokens[8]; }), HasSubstr("is there twice"));
}

}  // namespace
}  // namespace pal
