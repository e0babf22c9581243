#include "pal/metrics/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/core/check.h"

namespace pal {
namespace {

TEST(Words, ArePartedByAnyWhiteSpace) {
  EXPECT_EQ(split_words(" a\tb  c\n1\u00a01/2\u3000d\x1c"
                        "e "),
            (std::vector<std::string>{"a", "b", "c", "1", "1/2", "d", "e"}));
  EXPECT_TRUE(split_words(" \n").empty());
  EXPECT_TRUE(split_words("").empty());
}

TEST(Words, TokenizedCaptionsStayAsTheyAre) {
  const std::vector<Prediction> predictions = {{"1", "A dog's bark.", {"Don't (go)"}}};
  const auto raw = caption_words(predictions, true), ptb = caption_words(predictions, false);
  EXPECT_EQ(raw[0].candidate, (std::vector<std::string>{"A", "dog's", "bark."}));
  EXPECT_EQ(ptb[0].candidate, (std::vector<std::string>{"a", "dog", "'s", "bark"}));
  EXPECT_EQ(ptb[0].references[0], (std::vector<std::string>{"do", "n't", "-lrb-", "go", "-rrb-"}));
}

TEST(Words, ACaptionThatIsTooLongIsNamed) {
  const std::vector<Prediction> predictions = {{"clip 7", std::string(30'000, 'a'), {"b"}}};
  try {
    caption_words(predictions, false);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("id 'clip 7': PTB tokenizer: a caption of 30000 bytes"));
  }
}

}  // namespace
}  // namespace pal
