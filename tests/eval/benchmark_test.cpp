#include "pal/eval/benchmark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/core/check.h"

namespace pal {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::string text(const char* benchmark, std::string_view answer) { return answer_text(find_benchmark(benchmark), answer); }

TEST(Benchmark, AskAndScoreAsLtuDoes) {
  std::string table;
  for (const auto& b : benchmarks()) table += fmt::format("{} {} {} {}\n", b.name, b.metric, b.classes, b.underscores_are_spaces);
  EXPECT_EQ(table,
            "esc50 accuracy 50 true\ndcase2017 micro_f1 17 true\nvocalsound accuracy 6 true\nfsd50k map 200 true\n"
            "audioset map 527 false\naudiocaps ciderd 0 false\nclotho ciderd 0 false\n");
  for (const char* name : {"esc50", "dcase2017", "vocalsound", "fsd50k", "audioset"})
    EXPECT_EQ(find_benchmark(name).question, "Close-ended question: Write an audio caption describing the sound.");
  EXPECT_EQ(find_benchmark("audiocaps").question, "Close-ended question: Write an audio caption describing the sound, in AudioCaps style.");
  EXPECT_EQ(find_benchmark("clotho").question, "Close-ended question: Create a caption for audio, in Clotho style.");
}

TEST(Benchmark, AnUnknownNameIsRefusedWithTheNames) {
  EXPECT_THAT([] { find_benchmark("esc10"); }, ThrowsMessage<UserError>(AllOf(HasSubstr("'esc10'"), HasSubstr("esc50, dcase2017"))));
}

TEST(Benchmark, TheCaptionIsWhatFollowsTheLastColon) {
  for (const char* name : {"esc50", "vocalsound", "dcase2017", "audiocaps", "clotho"}) {
    EXPECT_EQ(text(name, "Audio caption: A dog barks."), "A dog barks.") << name;
    EXPECT_EQ(text(name, "Labels: dog; Audio caption:  A dog barks. \n"), "A dog barks.") << name;
    EXPECT_EQ(text(name, "Audio caption: "), "") << name;
  }
}

TEST(Benchmark, AudioSetsCaptionMayHoldColonsAndLosesItsQuotationMarks) {
  for (const char* name : {"audioset", "fsd50k"}) {
    EXPECT_EQ(text(name, "Audio caption: \"A man says: hello\""), "A man says: hello") << name;
    EXPECT_EQ(text(name, "Audio caption: Rain. Audio caption : Wind"), "Wind") << name;
    EXPECT_EQ(text(name, "Audio caption - Rain"), "- Rain") << name;
  }
}

// LTU's [1:] and [2:] would give "dog barks" without its D, and "og barks".
TEST(Benchmark, NoLetterIsLostWhereThePrefixIsAbsent) {
  for (const auto& benchmark : benchmarks()) {
    EXPECT_EQ(answer_text(benchmark, "Dog barks"), "Dog barks") << benchmark.name;
    EXPECT_EQ(answer_text(benchmark, "Audio caption:Dog barks"), "Dog barks") << benchmark.name;
    EXPECT_EQ(answer_text(benchmark, ""), "") << benchmark.name;
  }
}

TEST(Benchmark, ATextIsOneLine) { EXPECT_EQ(text("esc50", "Audio caption: Rain\r\nand wind"), "Rain  and wind"); }

TEST(Benchmark, LabelsAndAnswersAreComparedAsSoundsOf) {
  EXPECT_EQ(label_query(find_benchmark("esc50"), "Door_wood_knock"), "sound of door wood knock");
  EXPECT_EQ(label_query(find_benchmark("fsd50k"), "Bass_drum"), "sound of bass drum");
  EXPECT_EQ(label_query(find_benchmark("audioset"), "A_B (Music)"), "sound of a_b (music)");
  EXPECT_EQ(answer_query(" A Dog BARKS. "), "sound of a dog barks.");
}

TEST(Benchmark, CaptionsAreScoredWithoutPunctuationInLowerCase) {
  EXPECT_EQ(plain_caption("A dog's bark, mid-air; [twice] ~ É!"), "a dogs bark midair twice  é");
}

}  // namespace
}  // namespace pal
