#include "pal/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"

namespace pal {
namespace {

using nlohmann::json;
using testing::ElementsAre;
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

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizer, testing::Values("gpt2", "llama3", "qwen2", "smollm2"));

}  // namespace
}  // namespace pal
