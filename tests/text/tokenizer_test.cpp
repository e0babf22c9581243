#include "pal/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "pal/core/check.h"
#include "pal/core/files.h"
#include "pal/core/random.h"
#include "support/mutation.h"
#include "pal/core/temporary_folder.h"

namespace pal {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;
using Ids = std::vector<std::int64_t>;

std::string golden(const std::string& name) { return PAL_SOURCE_DIR "/tests/golden/" + name; }

class GoldenTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(GoldenTokenizer, IdsAndDecodedTextEqualTheReference) {
  const auto tokenizer = load_tokenizer(golden(fmt::format("tokenizer_{}.json", GetParam())));
  const json cases = json::parse(read_file(golden(fmt::format("tokenizer_{}_cases.json", GetParam()))));
  ASSERT_GE(cases.size(), 6u);
  for (const json& one : cases) {
    const auto text = one["text"].get<std::string>();
    const auto ids = one["ids"].get<Ids>();
    EXPECT_EQ(tokenizer->encode(text), ids) << text;
    EXPECT_EQ(tokenizer->decode(ids), one["decoded"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizer, testing::Values("gpt2", "llama3", "qwen2", "smollm2", "llama2", "mistral"));

json golden_json(const std::string& name = "smollm2") {
  return json::parse(read_file(golden("tokenizer_" + name + ".json")));
}

class TokenizerTest : public testing::Test {
 protected:
  std::unique_ptr<Tokenizer> load(const json& description) {
    write_file_atomically(folder_.path() / "tokenizer.json", description.dump());
    return load_tokenizer(folder_.path());
  }

  std::string error_of(const json& description) {
    try {
      load(description);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder folder_;
};

TEST_F(TokenizerTest, DecodingAPartOfACharacterGivesTheReplacementCharacter) {
  const auto tokenizer = load(golden_json());
  const Ids ids = tokenizer->encode("\u4F60\U0001F600");  // 3 and 4 bytes, and no merges for either
  ASSERT_EQ(ids.size(), 7u);
  EXPECT_EQ(tokenizer->decode(ids), "\u4F60\U0001F600");
  EXPECT_EQ(tokenizer->decode(Ids(ids.begin(), ids.begin() + 1)), "\uFFFD");
  // One for each maximal part, as the reference: two lone bytes, then three quarters of a character.
  EXPECT_EQ(tokenizer->decode(Ids(ids.begin() + 1, ids.end() - 1)), "\uFFFD\uFFFD\uFFFD");
}

TEST_F(TokenizerTest, IllFormedTextIsRefused) {
  const auto tokenizer = load(golden_json());
  EXPECT_THAT([&] { tokenizer->encode("ab\xC3("); },
              ThrowsMessage<UserError>(HasSubstr("ill-formed sequence at byte 2 of 4")));
}

TEST_F(TokenizerTest, SpecialTokensAreSkippedOnRequestAndUnknownIdsAreNothing) {
  const auto tokenizer = load(golden_json());
  const Ids ids = {1, tokenizer->encode("a").at(0), 2, 1'000'000, -1};
  EXPECT_EQ(tokenizer->decode(ids), "<|im_start|>a<|im_end|>");
  EXPECT_EQ(tokenizer->decode(ids, true), "a");
  EXPECT_EQ(tokenizer->token_id("<|im_end|>"), 2);
  EXPECT_EQ(tokenizer->token_id("<|nothing|>"), std::nullopt);
  EXPECT_EQ(tokenizer->vocab_size(), static_cast<std::int64_t>(golden_json()["model"]["vocab"].size()));
}

TEST_F(TokenizerTest, TemplateProcessingAddsTokensOnRequestOnly) {
  json description = golden_json("llama3");
  const json special = {
      {"<|im_start|>", {{"id", "<|im_start|>"}, {"ids", {1}}, {"tokens", {"<|im_start|>"}}}},
      {"<|im_end|>", {{"id", "<|im_end|>"}, {"ids", {2}}, {"tokens", {"<|im_end|>"}}}}};
  const auto token = [](const char* name) { return json{{"SpecialToken", {{"id", name}, {"type_id", 0}}}}; };
  description["post_processor"] = {
      {"type", "Sequence"},
      {"processors",
       {{{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}, {"use_regex", true}},
        {{"type", "TemplateProcessing"},
         {"single",
          {token("<|im_start|>"), {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}, token("<|im_end|>")}},
         {"pair", json::array()},
         {"special_tokens", special}}}}};
  const auto tokenizer = load(description);
  Ids ids = tokenizer->encode("a dog");
  EXPECT_NE(ids.front(), 1);
  ids.insert(ids.begin(), 1);
  ids.push_back(2);
  EXPECT_EQ(tokenizer->encode("a dog", true), ids);
}

TEST_F(TokenizerTest, FilesBesideItGiveSpecialTokensAndTemplate) {
  const auto write = [&](const char* name, const json& content) {
    write_file_atomically(folder_.path() / name, content.dump());
  };
  write("tokenizer_config.json",
        {{"bos_token", {{"content", "<|im_start|>"}}},
         {"eos_token", "<|im_end|>"},
         {"chat_template",
          {{{"name", "tool_use"}, {"template", "no"}}, {{"name", "default"}, {"template", "yes"}}}}});
  write("generation_config.json", {{"eos_token_id", {2, 7}}});
  const auto tokenizer = load(golden_json());
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->eos(), 2);
  EXPECT_THAT(tokenizer->stop_tokens(),
              ElementsAre(2, 7, 0));  // eos, generation_config, then the known <|endoftext|>
  EXPECT_EQ(tokenizer->chat_template(), "yes");
  write_file_atomically(folder_.path() / "chat_template.jinja", "from the file");
  EXPECT_EQ(load(golden_json())->chat_template(), "from the file");
}

TEST_F(TokenizerTest, WhatIsNotSupportedIsRefusedByName) {
  const auto changed = [&](const char* pointer, const json& value) {
    json description = golden_json();
    description[json::json_pointer(pointer)] = value;
    return error_of(description);
  };
  EXPECT_THAT(changed("/pre_tokenizer", {{"type", "Whitespace"}}), HasSubstr("'Whitespace' is not supported"));
  EXPECT_THAT(changed("/pre_tokenizer", nullptr), HasSubstr("ByteLevel decoder without a ByteLevel pre_tokenizer"));
  EXPECT_THAT(changed("/pre_tokenizer", {{"type", "Digits"}}), HasSubstr("without a ByteLevel pre_tokenizer"));
  EXPECT_THAT(changed("/decoder", {{"type", "Fuse"}}), HasSubstr("ByteLevel pre_tokenizer without a ByteLevel decoder"));
  EXPECT_THAT(changed("/decoder", nullptr), HasSubstr("has no 'decoder'"));
  EXPECT_THAT(changed("/normalizer", {{"type", "NFKC"}}), HasSubstr("'NFKC' is not supported"));
  EXPECT_THAT(changed("/decoder", {{"type", "CTC"}}), HasSubstr("'CTC' is not supported"));
  EXPECT_THAT(changed("/model/type", "Unigram"), HasSubstr("'Unigram' is not supported"));
  EXPECT_THAT(changed("/model/byte_fallback", true), HasSubstr("byte_fallback"));
  EXPECT_THAT(changed("/model/dropout", 0.5), HasSubstr("dropout"));
  EXPECT_THAT(changed("/model/end_of_word_suffix", "</w>"), HasSubstr("end_of_word_suffix"));
  EXPECT_THAT(changed("/post_processor", {{"type", "RobertaProcessing"}}),
              HasSubstr("'RobertaProcessing' is not supported"));
  EXPECT_THAT(changed("/added_tokens/1/id", 5), HasSubstr("'<|im_start|>' has the ids 1 and 5"));
  EXPECT_THAT(changed("/model/vocab/a", 3), HasSubstr("both have id 3"));
  EXPECT_THAT(changed("/model/vocab/a", 4'000'000'000'000), HasSubstr("expected 0 to"));
  EXPECT_THAT(changed("/model/vocab/a", "x"), HasSubstr("vocab.a: expected an integer, got \"x\""));
  EXPECT_THAT(changed("/model/merges/0", "one"), HasSubstr("merges[0]: expected two tokens"));
  EXPECT_THAT(changed("/model/merges/0", json{"zz", "qq"}), HasSubstr("not in the vocabulary"));
}

TEST_F(TokenizerTest, CharacterTokenizersOfOtherKindsAreRefusedByName) {
  const auto changed = [&](const char* pointer, const json& value) {
    json description = golden_json("mistral");
    description[json::json_pointer(pointer)] = value;
    return error_of(description);
  };
  const json prepend = {{"type", "Prepend"}, {"prepend", "x"}};
  const json metaspace = golden_json("mistral")["pre_tokenizer"];
  const auto sequence = [](const json& first, const json& second) {
    return json{{"type", "Sequence"}, {"pretokenizers", {first, second}}};
  };
  EXPECT_EQ(changed("/pre_tokenizer/split", true), "no error");
  EXPECT_THAT(changed("/pre_tokenizer/prepend_scheme", "last"), HasSubstr("expected always, first or never, got 'last'"));
  EXPECT_THAT(changed("/pre_tokenizer/add_prefix_space", false), HasSubstr("does not agree with prepend_scheme 'first'"));
  EXPECT_THAT(changed("/pre_tokenizer/replacement", "__"), HasSubstr("replacement: expected one character"));
  EXPECT_THAT(changed("/normalizer", prepend), HasSubstr("'first' is supported only for"));
  EXPECT_THAT(changed("/pre_tokenizer", sequence({{"type", "Digits"}}, metaspace)), HasSubstr("'first' is supported only for"));
  EXPECT_THAT(changed("/pre_tokenizer", sequence(metaspace, {{"type", "ByteLevel"}, {"add_prefix_space", false}})),
              HasSubstr("Metaspace and ByteLevel together"));
  EXPECT_THAT(changed("/normalizer", {{"type", "Precompiled"}}), HasSubstr("normalizer 'Precompiled' is not supported"));
  EXPECT_THAT(changed("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "a"}}}, {"content", ""}}),
              HasSubstr("a Replace with a regex"));
  EXPECT_THAT(changed("/normalizer", {{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", ""}}), HasSubstr("is empty"));
  EXPECT_THAT(changed("/decoder/decoders/0/type", "CTC"), HasSubstr("decoder 'CTC' is not supported"));
  EXPECT_THAT(changed("/decoder/decoders/3/start", -1), HasSubstr("start: expected 0 to 1000, got -1"));
  EXPECT_THAT(changed("/decoder/decoders/3/content", "ab"), HasSubstr("content: expected one character"));
}

TEST_F(TokenizerTest, RegexesThatEnginesReadDifferentlyAreRefused) {
  for (const char* regex : {"^a", "a$", "a.b", "\\w+", "\\h", "[a&&b]", "[a[b]]", "a{2}+", "(?<name>a)",
                            "(?m:a)", "[[:alpha:]]", "\\1(a)", "(", "[a"}) {
    json description = golden_json("llama3");
    description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = regex;
    EXPECT_THAT(error_of(description), HasSubstr("the regex '")) << regex;
  }
}

TEST_F(TokenizerTest, RegexThatNeverEndsIsStopped) {
  json description = golden_json("llama3");
  description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(a+a+)+b";
  const auto tokenizer = load(description);
  EXPECT_THAT([&] { tokenizer->encode(std::string(5000, 'a')); },
              ThrowsMessage<UserError>(HasSubstr("takes too long")));
}

TEST_F(TokenizerTest, MissingFilesAndOtherFormatsAreNamed) {
  const auto error = [](const std::filesystem::path& path) -> std::string {
    try {
      load_tokenizer(path);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error(folder_.path() / "none"), HasSubstr("no such file"));
  EXPECT_THAT(error(folder_.path()), HasSubstr("no tokenizer.json and no tokenizer.model"));
  write_file_atomically(folder_.path() / "tokenizer.txt", "x");
  EXPECT_THAT(error(folder_.path() / "tokenizer.txt"), HasSubstr("expected a *.gguf"));
}

// Loads, or says what is wrong; and what loads, encodes.
TEST_F(TokenizerTest, DamagedFilesLoadOrAreRefused) {
  const auto path = folder_.path() / "tokenizer.json";
  RandomStream random(stream_seed(1, "damage"));
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::string whole = golden_json(round % 2 == 0 ? "llama3" : "llama2").dump();
    // The description before the long vocabulary is met as often as the rest.
    const std::size_t head = random.below(2) == 0 ? 1500 : whole.size();
    write_bytes(path, mutated(whole.substr(0, head), random) + whole.substr(head));
    try {
      const auto tokenizer = load_tokenizer(path);
      const Ids ids = tokenizer->encode("Caf\u00E9 <|im_start|>  12345\n\n you're \u4F60\u597D", true);
      tokenizer->decode(ids);
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 2000);
}

double seconds_to_encode(const Tokenizer& tokenizer, const std::string& text) {
  const auto start = std::chrono::steady_clock::now();
  tokenizer.encode(text);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Four times the length would take 16 times as long.
TEST_F(TokenizerTest, TimeIsNotQuadraticInTheLengthOfAWord) {
  std::string word;
  RandomStream random(stream_seed(2, "word"));
  while (word.size() < 1'000'000) word.push_back(static_cast<char>('a' + random.below(26)));
  for (const char* name : {"gpt2", "llama3", "qwen2", "smollm2", "llama2", "mistral"}) {
    const auto tokenizer = load(golden_json(name));
    for (const std::string& text :
         {word, std::string(1'000'000, 'a'), std::string(1'000'000, ' '), std::string(1'000'000, '\n'),
          std::string(1'000'000, '7'), std::string(1'000'000, '<')}) {
      const double quarter = seconds_to_encode(*tokenizer, text.substr(0, text.size() / 4));
      EXPECT_LT(seconds_to_encode(*tokenizer, text), 10 * std::max(quarter, 0.02)) << name << ", a text of " << text.substr(0, 3);
    }
  }
}

TEST_F(TokenizerTest, ThreadsShareATokenizer) {
  const auto tokenizer = load(golden_json("qwen2"));
  std::vector<std::string> texts;
  for (int index = 0; index < 200; ++index)
    texts.push_back(fmt::format("text {} caf\u00E9 don't {}", index, index * 7919));
  std::vector<Ids> expected;
  const auto fresh = load(golden_json("qwen2"));
  for (const auto& text : texts) expected.push_back(fresh->encode(text));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (std::size_t index = 0; index < texts.size(); ++index)
        wrong += tokenizer->encode(texts[index]) != expected[index];
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace pal
