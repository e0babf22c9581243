#include "pal/text/prompt.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {

namespace {

constexpr std::string_view kPlace = "<audio>";
// Stands for a place while the template is rendered: private-use characters, which no template writes.
constexpr std::string_view kSentinel = "\uE000\uE0A1\uE001";

int64_t replace_places(std::string& text) {
  int64_t count = 0;
  for (std::size_t at = text.find(kPlace); at != std::string::npos; at = text.find(kPlace, at + kSentinel.size())) {
    text.replace(at, kPlace.size(), kSentinel);
    ++count;
  }
  return count;
}

// The messages with a sentinel at each clip's place.
std::vector<Message> place_clips(std::vector<Message> messages, int64_t clips) {
  int64_t places = 0;
  for (auto& message : messages) {
    PAL_CHECK(message.content.find(kSentinel) == std::string::npos, "a message holds characters that stand for audio inside pal");
    if (message.role == "user") places += replace_places(message.content);
  }
  if (places == 0 && clips > 0) {
    const auto user = std::find_if(messages.begin(), messages.end(), [](const Message& m) { return m.role == "user"; });
    PAL_CHECK(user != messages.end(), "there is no user message to put the audio into");
    for (int64_t i = 0; i < clips; ++i) user->content.insert(0, kSentinel);
    places = clips;
  }
  PAL_CHECK(places == clips, "{} places of <audio> in the messages, but {} clips", places, clips);
  return messages;
}

class PromptBuilder {
 public:
  explicit PromptBuilder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void add(std::string_view text, bool target) {
    for (;;) {
      const std::size_t at = text.find(kSentinel);
      add_text(text.substr(0, at), target);
      if (at == std::string_view::npos) return;
      prompt_.audio_at.push_back(int64_t(prompt_.tokens.size()));
      text.remove_prefix(at + kSentinel.size());
    }
  }
  Prompt take() { return std::move(prompt_); }

 private:
  void add_text(std::string_view text, bool target) {
    if (text.empty()) return;
    const auto tokens = tokenizer_.encode(text);
    prompt_.tokens.insert(prompt_.tokens.end(), tokens.begin(), tokens.end());
    prompt_.target.insert(prompt_.target.end(), tokens.size(), target);
  }

  const Tokenizer& tokenizer_;
  Prompt prompt_;
};

std::string_view without_trailing_space(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

}  // namespace

Prompt build_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat_template, const std::vector<Message>& given,
                    int64_t clips, PromptUse use) {
  const auto messages = place_clips(given, clips);
  PromptBuilder builder(tokenizer);
  const auto text = chat_template.render(messages, use == PromptUse::kGeneration);
  std::size_t done = 0;  // of `text`
  for (std::size_t i = 0; use == PromptUse::kTraining && i < messages.size(); ++i) {
    if (messages[i].role != "assistant") continue;
    const auto before = chat_template.render({messages.begin(), messages.begin() + std::ptrdiff_t(i)}, true);
    const auto after = chat_template.render({messages.begin(), messages.begin() + std::ptrdiff_t(i) + 1}, false);
    PAL_CHECK(after.starts_with(before) && text.starts_with(after) && before.size() >= done,
              "the chat template does not render a conversation as the beginning of its continuation, so the answer's tokens "
              "cannot be told apart");
    builder.add(std::string_view(text).substr(done, before.size() - done), false);
    const auto answer = without_trailing_space(std::string_view(after).substr(before.size()));
    builder.add(answer, true);
    done = before.size() + answer.size();
  }
  builder.add(std::string_view(text).substr(done), false);
  return builder.take();
}

}  // namespace pal
