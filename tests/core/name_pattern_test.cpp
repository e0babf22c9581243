#include "pal/core/name_pattern.h"

#include <gtest/gtest.h>

namespace pal {
namespace {

TEST(NamePattern, AStarStandsForAnyCharactersDotsIncluded) {
  EXPECT_TRUE(matches_pattern("connectors.*", "connectors.detail.fc1.weight"));
  EXPECT_TRUE(matches_pattern("*", "a.b"));
  EXPECT_TRUE(matches_pattern("a*c*e", "abcde"));
  EXPECT_TRUE(matches_pattern("a*b", "ab"));
  EXPECT_TRUE(matches_pattern("a*bc", "abbbc"));  // the star must grow
  EXPECT_TRUE(matches_pattern("*.self_attn.*", "llm.layers.0.self_attn.q.weight"));
  EXPECT_TRUE(matches_pattern("a**", "a"));
  EXPECT_TRUE(matches_pattern("", ""));
}

TEST(NamePattern, APatternCoversTheWholeNameAndEveryOtherCharacterIsItself) {
  EXPECT_FALSE(matches_pattern("llm", "llm.norm"));
  EXPECT_FALSE(matches_pattern("norm", "llm.norm"));
  EXPECT_FALSE(matches_pattern("a*b", "abc"));
  EXPECT_FALSE(matches_pattern("llm.norm", "llmxnorm"));
  EXPECT_FALSE(matches_pattern("a?", "ab"));
  EXPECT_FALSE(matches_pattern("", "a"));
  EXPECT_FALSE(matches_pattern("a*bc*d", "abd"));
}

TEST(NamePattern, NearPatternsAreThoseThatWouldMatch) {
  EXPECT_EQ(near_patterns("llm.layers.*.self_atn.q_proj", {"llm.layers.3.self_attn.q_proj", "llm.norm"}).substr(0, 31),
            "'llm.layers.*.self_attn.q_proj'");
}

}  // namespace
}  // namespace pal
