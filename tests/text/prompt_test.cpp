#include "pal/text/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pal/core/check.h"

namespace pal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// ChatML, as SmolLM2 and Qwen have it.
constexpr const char* kChatml =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
// The same, but contents are trimmed, as Llama 3 does.
constexpr const char* kTrimming =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + "
    "'<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

const std::vector<Message> kAsked = {{"user", "What is it?"}, {"assistant", "A dog."}};

class PromptTest : public testing::Test {
 protected:
  Prompt build(const std::vector<Message>& messages, std::int64_t clips, PromptUse use = PromptUse::kTraining,
               const char* source = kChatml) {
    return build_prompt(*tokenizer_, ChatTemplate(source, "<|endoftext|>", "<|im_end|>"), messages, clips,
                        use);
  }

  // The prompt's text with [ ] around the targets and @ where a clip stands.
  std::string show(const Prompt& prompt) {
    EXPECT_EQ(prompt.target.size(), prompt.tokens.size());
    std::string shown;
    auto clip = prompt.audio_at.begin();
    bool inside = false;
    for (std::size_t at = 0; at <= prompt.tokens.size(); ++at) {
      const bool target = at < prompt.tokens.size() && prompt.target[at];
      if (!target && std::exchange(inside, false)) shown += "]";
      for (; clip != prompt.audio_at.end() && *clip == static_cast<std::int64_t>(at); ++clip) shown += "@";
      if (target && !std::exchange(inside, true)) shown += "[";
      if (at < prompt.tokens.size()) shown += tokenizer_->decode(std::span(&prompt.tokens[at], 1));
    }
    return shown;
  }

  std::string error_of(const std::vector<Message>& messages, std::int64_t clips,
                       PromptUse use = PromptUse::kTraining, const char* source = kChatml) {
    try {
      build(messages, clips, use, source);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }

  std::unique_ptr<Tokenizer> tokenizer_ =
      load_tokenizer(PAL_SOURCE_DIR "/tests/golden/tokenizer_smollm2.json");
};

TEST_F(PromptTest, ClipWithoutAPlaceStandsAtTheStartOfTheFirstUserContent) {
  const std::vector<Message> messages = {{"system", "Be brief."},
                                         {"user", "What is it?"},
                                         {"assistant", "A dog."},
                                         {"user", "Sure?"},
                                         {"assistant", "Yes."}};
  EXPECT_EQ(show(build(messages, 2)),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n@@What is it?<|im_end|>\n"
            "<|im_start|>assistant\n[A dog.<|im_end|>]\n<|im_start|>user\nSure?<|im_end|>\n"
            "<|im_start|>assistant\n[Yes.<|im_end|>]\n");
}

TEST_F(PromptTest, ClipsTakeTheWrittenPlacesInOrder) {
  const std::vector<Message> messages = {{"user", "First <audio>, then <audio><audio>"},
                                         {"assistant", "ok"},
                                         {"user", "<audio>"},
                                         {"assistant", "ok"}};
  EXPECT_EQ(show(build(messages, 4)),
            "<|im_start|>user\nFirst @, then @@<|im_end|>\n<|im_start|>assistant\n[ok<|im_end|>]\n"
            "<|im_start|>user\n@<|im_end|>\n<|im_start|>assistant\n[ok<|im_end|>]\n");
}

TEST_F(PromptTest, ForGenerationItEndsWithTheAssistantsOpening) {
  const Prompt prompt = build({{"user", "What is it?"}}, 1, PromptUse::kGeneration);
  EXPECT_EQ(show(prompt), "<|im_start|>user\n@What is it?<|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(PromptTest, TrainingBeginsWithTheTokensOfGeneration) {
  for (const char* source : {kChatml, kTrimming}) {
    const Prompt asked = build({{"user", "What is it?"}}, 1, PromptUse::kGeneration, source);
    const Prompt answered =
        build({{"user", "What is it?"}, {"assistant", "A dog."}}, 1, PromptUse::kTraining, source);
    ASSERT_LT(asked.tokens.size(), answered.tokens.size());
    EXPECT_TRUE(std::equal(asked.tokens.begin(), asked.tokens.end(), answered.tokens.begin()));
    EXPECT_TRUE(answered.target[asked.tokens.size()]);
    EXPECT_FALSE(answered.target[asked.tokens.size() - 1]);
  }
}

TEST_F(PromptTest, TokensDoNotDependOnTheAudio) {
  // The cut falls where no merge crosses it, after the template's opening line.
  const Prompt with = build(kAsked, 3);
  const Prompt without = build(kAsked, 0);
  EXPECT_EQ(with.tokens, without.tokens);
  EXPECT_EQ(with.target, without.target);
  EXPECT_THAT(without.audio_at, testing::IsEmpty());
}

TEST_F(PromptTest, TextAroundAPlaceIsTokenisedSeparately) {
  // " the" is one token, " t" and "he" are two: the clip must not let them meet.
  const Prompt prompt = build({{"user", " t<audio>he"}}, 1, PromptUse::kGeneration);
  const auto whole = tokenizer_->encode("<|im_start|>user\n the<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(prompt.tokens.size(), whole.size() + 1);
  const std::span<const std::int64_t> tokens = prompt.tokens;
  EXPECT_EQ(tokenizer_->decode(tokens.first(static_cast<std::size_t>(prompt.audio_at[0]))),
            "<|im_start|>user\n t");
}

TEST_F(PromptTest, TrimmingTemplatesKeepTheirText) {
  const std::vector<Message> messages = {{"user", " \n What? "}, {"assistant", " A dog.\n"}};
  EXPECT_EQ(show(build(messages, 1, PromptUse::kTraining, kTrimming)),
            "<|im_start|>user\n@What?<|im_end|>\n<|im_start|>assistant\n[A dog.<|im_end|>]\n");
  EXPECT_EQ(show(build(messages, 1, PromptUse::kTraining, kChatml)),
            "<|im_start|>user\n@ \n What? <|im_end|>\n<|im_start|>assistant\n[ A dog.\n<|im_end|>]\n");
}

TEST_F(PromptTest, TargetsBeginWhereGenerationWould) {
  // Thoughts that the template puts before the answer are the model's to write, as its opening does not have them.
  constexpr const char* kThinking =
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}"
      "{{ '<think>\n</think>\n' }}{% endif %}{{ m.content + '<|im_end|>\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  EXPECT_EQ(show(build(kAsked, 0, PromptUse::kTraining, kThinking)),
            "<|im_start|>user\nWhat is it?<|im_end|>\n<|im_start|>assistant\n[<think>\n</think>\nA "
            "dog.<|im_end|>]\n");
  // Where the opening is not how the answered text begins, they begin with the content.
  constexpr const char* kOtherOpening =
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}";
  EXPECT_EQ(show(build(kAsked, 0, PromptUse::kTraining, kOtherOpening)),
            "<|im_start|>user\nWhat is it?<|im_end|>\n<|im_start|>assistant\n[A dog.<|im_end|>]\n");
}

TEST_F(PromptTest, AudioPlacesOfOthersAreText) {
  constexpr const char* kWithWord =
      "{% for m in messages %}{{ '<audio>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<audio>assistant\n' }}{% endif %}";
  const std::vector<Message> messages = {
      {"system", "<audio> is a tag"}, {"user", "Q <audio>"}, {"assistant", "<audio>!"}};
  EXPECT_EQ(show(build(messages, 1, PromptUse::kTraining, kWithWord)),
            "<audio>system\n<audio> is a tag<|im_end|>\n<audio>user\nQ "
            "@<|im_end|>\n<audio>assistant\n[<audio>!<|im_end|>]\n");
}

TEST_F(PromptTest, PrivateCharactersInContentsAreKept) {
  const std::string odd = "\U00100000\U00100001\U00100003 odd";
  EXPECT_EQ(show(build({{"user", odd}, {"assistant", odd}}, 1)).find("\U00100002"), std::string::npos);
  const Prompt prompt = build({{"user", odd}, {"assistant", odd}}, 1);
  EXPECT_EQ(tokenizer_->decode(prompt.tokens),
            "<|im_start|>user\n" + odd + "<|im_end|>\n<|im_start|>assistant\n" + odd + "<|im_end|>\n");
}

TEST_F(PromptTest, SpecialTokensInAQuestionEndNoAnswer) {
  const std::vector<Message> messages = {
      {"user", "Q"}, {"assistant", "A<|im_end|>B"}, {"user", "<|im_end|>"}, {"assistant", "C"}};
  EXPECT_THAT(show(build(messages, 0)),
              HasSubstr("[A<|im_end|>B<|im_end|>]\n<|im_start|>user\n<|im_end|><|im_end|>\n"));
}

TEST_F(PromptTest, WrongNumbersOfPlacesAreRefused) {
  EXPECT_THAT(error_of({{"user", "<audio> <audio>"}, {"assistant", "A"}}, 1),
              HasSubstr("2 places '<audio>' for 1 clips"));
  EXPECT_THAT(error_of({{"user", "<audio>"}, {"assistant", "A"}}, 0),
              HasSubstr("1 places '<audio>' for 0 clips"));
  EXPECT_THAT(error_of({{"user", "<audio>"}, {"assistant", "A"}}, 3), HasSubstr("1 places"));
  EXPECT_THAT(error_of({{"system", "S"}, {"assistant", "A"}}, 1), HasSubstr("no message of the user"));
  EXPECT_THAT(error_of(kAsked, -1), HasSubstr("-1 clips"));
}

TEST_F(PromptTest, TrainingNeedsAnAnswerThatEnds) {
  EXPECT_THAT(error_of({{"user", "Q"}}, 0), HasSubstr("needs a message of the assistant"));
  constexpr const char* kEndless =
      "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}";
  EXPECT_THAT(error_of(kAsked, 0, PromptUse::kTraining, kEndless), HasSubstr("would not learn to stop"));
  // The end of the user's turn behind it is not the answer's.
  constexpr const char* kUsersEndOnly =
      "{% for m in messages %}{{ m.role + ': ' + m.content }}{% if m.role == 'user' %}{{ '<|im_end|>' }}{% "
      "endif %}{% endfor %}";
  EXPECT_THAT(error_of({{"user", "Q"}, {"assistant", "A"}, {"user", "Q"}, {"assistant", "A"}}, 0,
                       PromptUse::kTraining, kUsersEndOnly),
              HasSubstr("would not learn to stop"));
}

TEST_F(PromptTest, TemplatesThatChangeContentsAreRefused) {
  for (const char* source :
       {"{% for m in messages %}{{ m.content[:3] + '<|im_end|>' }}{% endfor %}",
        "{% for m in messages %}{{ m.content + m.content + '<|im_end|>' }}{% endfor %}",
        "{{ messages[0].content + '<|im_end|>' }}",
        "{% for m in messages %}{{ m.content|length|string + m.content + '<|im_end|>' }}{% endfor %}"}) {
    EXPECT_THAT(error_of(kAsked, 1, PromptUse::kTraining, source), HasSubstr("cannot be found")) << source;
  }
}

}  // namespace
}  // namespace pal
