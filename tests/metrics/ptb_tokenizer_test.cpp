#include "pal/metrics/ptb_tokenizer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "pal/core/check.h"
#include "pal/core/files.h"

namespace pal {
namespace {

TEST(PtbTokenizer, EqualsTheGoldenCases) {
  PtbTokenizer tokenizer;
  const auto cases = nlohmann::json::parse(read_file(PAL_SOURCE_DIR "/tests/golden/golden_ptb.json"));
  ASSERT_EQ(cases.size(), 34u);
  for (const auto& one : cases) {
    const std::string caption = one["in"];
    EXPECT_EQ(tokenizer.tokenize(caption), one["out"].get<std::string>()) << caption;
  }
}

// 2,000 captions in the style of AudioCaps and Clotho with the original's answers (tests/parity/make_captions.py), or
// the file that PAL_PTB_CASES names: tests/parity/metrics_parity.py gives fresh ones.
TEST(PtbTokenizer, EqualsTheOriginalOnCaptions) {
  PtbTokenizer tokenizer;
  const char* given = std::getenv("PAL_PTB_CASES");
  const auto cases =
      nlohmann::json::parse(read_file(given ? given : PAL_SOURCE_DIR "/tests/golden/ptb_captions.json"));
  ASSERT_GE(cases.size(), 2000u);
  for (const auto& one : cases) {
    const std::string caption = one["in"];
    EXPECT_EQ(tokenizer.tokenize(caption), one["out"].get<std::string>()) << caption;
  }
  std::cout << cases.size() << " captions compared\n";
}

// Answers of Stanford's tokenizer 3.4.1, typed in; tests/parity compares thousands where Java is there.
TEST(PtbTokenizer, AnswersAsTheOriginalInItsOddCorners) {
  PtbTokenizer tokenizer;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plan B. The dog", "plan b the dog"},  // a letter before a sentence's first word loses its period
      {"plan B. the dog", "plan b. the dog"},
      {"no. 5 is no. answer", "no. 5 is no answer"},  // an abbreviation only before a number
      {"dog., cat", "dog. cat"},
      {"mann't don't can't-do", "mann t do n't ca n't do"},
      {"1 1/2 cups", "1\u00a01/2 cups"},
      {"half-1/2 a/b-c R&B r&b", "half-1 / 2 a/b-c r&b r & b"},
      {"'nuff 'em 'Twas O'Brien's", "nuff 'em 't was o'brien 's"},
      {"----- -- a\u2014b", "----- a b"},
      {"a \U0001F600 \u266A b", "a \u266A b"},  // what no rule knows goes
      {"dog...5 ... o'o", "dog 5 o'o"},
      {"it\u2019s don\u2019t \u2019em", "it 's do n't \u2019em"},
      {"dog.Then a?b", "dog.then a?b"},
      {"M'Baku ma'am y'all", "m'baku ma'am y' all"},
      {"in '95 or '90s, '95.", "in '95 or '90s 95"},
      {"\u00BD 2\u00BD", "1/2 2 1/2"},
      {"3.5-second U.S.-based", "3.5-second u.s.-based"},
      {"C++ or c#", "c++ or c#"},
      {"(555) 123-4567", "-lrb-555-rrb-\u00a0123-4567"},
      {"^_^ <<a>> a... . . .", "^_^ << a >> a."},
      {"goodbye''s", "goodbye s"},
      {"7p.m. 7 p.m. jan. May.", "7p m. 7 p.m. jan. may"},
  };
  for (const auto& [caption, expected] : cases) EXPECT_EQ(tokenizer.tokenize(caption), expected) << caption;
}

TEST(PtbTokenizer, NothingGivesNothing) {
  PtbTokenizer tokenizer;
  for (const char* caption : {"", " ", "\n\t", ".", "... \"", "--"})
    EXPECT_EQ(tokenizer.tokenize(caption), "") << caption;
}

TEST(PtbTokenizer, RefusesTextThatIsNoCaption) {
  PtbTokenizer tokenizer;
  EXPECT_NO_THROW(tokenizer.tokenize(std::string(20'000, 'a')));
  EXPECT_THROW(tokenizer.tokenize(std::string(20'001, 'a')), UserError);
}

TEST(PtbTokenizer, HostileTextCostsItsSquareAtMost) {
  PtbTokenizer tokenizer;
  const auto start = std::clock();
  for (const char* part : {"a,", "<!", "a.", "a@", "1-", "(1", "a'", "&a", "'s", "1 "}) {
    std::string text;
    while (text.size() < 4'000) text += part;
    tokenizer.tokenize(text);
  }
  // 0.3 s of CPU time here; anything worse than the square of the length would be hours.
  EXPECT_LT(double(std::clock() - start) / CLOCKS_PER_SEC, 10.0);
}

}  // namespace
}  // namespace pal
