#include "pal/text/prompt.h"

#include <algorithm>
#include <set>
#include <span>

#include "marked_text.h"
#include "pal/core/check.h"

namespace pal {
namespace {

// A stretch of the text that counts in the loss.
struct Turn {
  std::size_t begin;
  std::size_t end;
};

// Behind the first stop token at or after `from`, and before `limit`.
std::size_t behind_stop_token(const Tokenizer& tokenizer, std::string_view text, std::size_t from,
                              std::size_t limit) {
  std::size_t nearest = std::string_view::npos;
  std::size_t behind = std::string_view::npos;
  for (std::int64_t id : tokenizer.stop_tokens()) {
    const std::string token = tokenizer.decode(std::span(&id, 1));
    const std::size_t at = token.empty() ? std::string_view::npos : text.substr(0, limit).find(token, from);
    if (at < nearest) {
      nearest = at;
      behind = at + token.size();
    }
  }
  PAL_CHECK(behind != std::string_view::npos,
            "prompt: the chat template ends an assistant's turn with none of the tokenizer's {} stop tokens; "
            "a model trained on it would not learn to stop",
            tokenizer.stop_tokens().size());
  return behind;
}

// Where generation of the answer would begin: behind what the template opens an assistant's turn with, where that is how
// this text begins, and where the content begins otherwise.
std::size_t generation_begin(const ChatTemplate& chat_template, const std::vector<Message>& before,
                             const MarkedText& marked, std::size_t content) {
  std::string opening;
  try {
    opening = chat_template.render(before, true);
  } catch (const UserError&) {
    return content;  // the template does not render these messages alone, say because roles must alternate
  }
  return opening.size() <= content && marked.text.starts_with(opening) ? opening.size() : content;
}

// The assistant's turns; in generation they are empty ones, for their beginnings are cuts there, too.
std::vector<Turn> assistant_turns(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                                  const std::vector<Message>& messages, const MarkedText& marked,
                                  bool training) {
  PAL_CHECK(!training || !marked.answers.empty(),
            "prompt: for training, a conversation needs a message of the assistant");
  std::vector<Turn> turns;
  for (std::size_t index = 0; index < messages.size(); ++index) {
    if (messages[index].role != "assistant") continue;
    const MarkedText::Answer& answer = marked.answers[turns.size()];
    const std::vector<Message> before(messages.begin(),
                                      messages.begin() + static_cast<std::ptrdiff_t>(index));
    const std::size_t begin = generation_begin(chat_template, before, marked, answer.begin);
    turns.push_back(
        {begin, training ? behind_stop_token(tokenizer, marked.text, answer.end, answer.next) : begin});
  }
  return turns;
}

}  // namespace

Prompt build_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                    const std::vector<Message>& messages, std::int64_t clips, PromptUse use) {
  PAL_CHECK(clips >= 0, "prompt: {} clips", clips);
  const bool training = use == PromptUse::kTraining;
  const MarkedText marked = render_marked(chat_template, messages, clips, !training);
  const std::vector<Turn> turns = assistant_turns(tokenizer, chat_template, messages, marked, training);

  // The text is cut where audio comes in, and where the answers begin, as what was generated is cut from its prompt.
  std::set<std::size_t> cuts = {marked.text.size()};
  for (const auto& clip : marked.clips) cuts.insert({clip.begin, clip.end});
  for (const Turn& turn : turns) cuts.insert({turn.begin, turn.end});

  Prompt prompt;
  const auto add_text = [&](std::size_t begin, std::size_t end) {
    const auto ids = tokenizer.encode(std::string_view(marked.text).substr(begin, end - begin));
    const bool target = std::any_of(turns.begin(), turns.end(),
                                    [&](const Turn& turn) { return begin >= turn.begin && end <= turn.end; });
    prompt.tokens.insert(prompt.tokens.end(), ids.begin(), ids.end());
    prompt.target.insert(prompt.target.end(), ids.size(), target);
  };
  std::size_t done = 0;
  auto clip = marked.clips.begin();
  for (std::size_t cut : cuts) {
    if (cut > done) add_text(done, cut);
    done = std::max(done, cut);
    for (; clip != marked.clips.end() && clip->begin == cut; ++clip) {
      prompt.audio_at.push_back(static_cast<std::int64_t>(prompt.tokens.size()));
      done = clip->end;
    }
  }
  return prompt;
}

}  // namespace pal
