// Which tokens are a word, and where it looked.
#include "pal/report/listening.h"

#include <gmock/gmock.h>

namespace pal {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

// The words of a text that ends its turn, with their tokens' text.
std::vector<std::string> words_of(const std::string& name, const std::string& text) {
  const auto tokenizer = load_tokenizer(PAL_SOURCE_DIR "/tests/golden/tokenizer_" + name + ".json");
  auto tokens = tokenizer->encode(text);
  std::vector<std::string> words;
  int64_t seen = 0;
  for (const auto& word : answer_words(*tokenizer, tokens)) {
    EXPECT_GE(word.begin, seen);
    seen = word.end;
    words.push_back(word.text);
    const auto own = tokenizer->decode(std::span(tokens).subspan(std::size_t(word.begin), std::size_t(word.end - word.begin)));
    EXPECT_NE(own.find(word.text), std::string::npos) << "'" << word.text << "' is not in its tokens '" << own << "'";
  }
  return words;
}

TEST(AnswerWords, AreSeparatedByWhiteSpaceWhateverTheTokens) {
  for (const char* name : {"gpt2", "smollm2", "llama3", "llama2", "mistral"}) {
    EXPECT_THAT(words_of(name, "a dog barks, loudly"), ElementsAre("a", "dog", "barks,", "loudly")) << name;
    EXPECT_THAT(words_of(name, "unbelievably 12345!?"), ElementsAre("unbelievably", "12345!?")) << name;
    EXPECT_THAT(words_of(name, "rain\nand \n\n wind \n"), ElementsAre("rain", "and", "wind")) << name;
    EXPECT_THAT(words_of(name, "  \n"), ElementsAre()) << name;
    EXPECT_THAT(words_of(name, ""), ElementsAre()) << name;
  }
}

// A character may be several tokens; no word ends inside of one.
TEST(AnswerWords, HoldWholeCharacters) {
  for (const char* name : {"gpt2", "smollm2", "llama2"})
    EXPECT_THAT(words_of(name, "naïve 🦜🦜 𝄞x end"), ElementsAre("naïve", "🦜🦜", "𝄞x", "end")) << name;
}

TEST(AnswerWords, SpecialTokensBelongToNone) {
  const auto tokenizer = load_tokenizer(PAL_SOURCE_DIR "/tests/golden/tokenizer_smollm2.json");
  auto tokens = tokenizer->encode("a dog<|im_end|>");
  const auto words = answer_words(*tokenizer, tokens);
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[1].text, "dog");
  EXPECT_EQ(words[1].end, int64_t(tokens.size()) - 1);
}

TEST(ListenAt, IsTheMeanOfHeadsAndOfTheWordsTokens) {
  // Two heads, three rows, two tokens.
  const StreamAttention attention{7, 0, torch::tensor({{{0.1, 0.2}, {0.3, 0.1}, {0.0, 0.6}}, {{0.3, 0.0}, {0.1, 0.3}, {0.2, 0.2}}}, torch::kFloat64)};
  const std::vector<AnswerWord> words{{"one", 0, 1}, {"two", 1, 3}};
  const std::vector<TokenSpan> times{{0, 1}, {1, 2}};
  const auto heard = listen_at(attention, words, times, 2, 2);
  EXPECT_EQ(heard.layer, 7);
  EXPECT_THAT(heard.share, ElementsAre(DoubleEq(0.3), DoubleEq(0.45)));
  EXPECT_THAT(heard.over_time, ElementsAre(ElementsAre(DoubleEq(0.2), DoubleEq(0.1)), ElementsAre(DoubleEq(0.15), DoubleEq(0.3))));
  const auto nowhere = listen_at(attention, words, std::nullopt, 2, 2);
  EXPECT_EQ(nowhere.share, heard.share);
  EXPECT_THAT(nowhere.over_time, ElementsAre(ElementsAre(), ElementsAre()));
}

}  // namespace
}  // namespace pal
