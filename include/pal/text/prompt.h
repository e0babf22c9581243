// Prompts: a conversation as tokens, with the places of its audio clips and the tokens that count in the loss.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pal/text/chat_template.h"
#include "pal/text/tokenizer.h"

namespace pal {

// Stands in a user's message for the place of a clip.
inline constexpr std::string_view kAudioPlace = "<audio>";

// What a prompt is for.
enum class PromptUse {
  kTraining,    // the assistant's turns are the targets
  kGeneration,  // ends with the opening of the assistant's turn; no targets
};

// A conversation in tokens.
struct Prompt {
  std::vector<std::int64_t> tokens;    // of the text; audio has no tokens here
  std::vector<std::int64_t> audio_at;  // of each clip: how many of the tokens come before it; not decreasing
  std::vector<bool> target;            // of each token: counts in the loss
};

// Renders the messages by the template and tokenises the text before, between and after the clips separately, so that
// the tokens do not depend on the audio.
//
// The clips take the places of <audio> in the users' messages, in order. Without any such place they all stand, in
// order, at the start of the first user message's content. In other messages, and in the template's own text, <audio>
// is ordinary text.
//
// kTraining: the targets are each assistant turn from where generation would begin, to its end-of-turn token
// (Tokenizer::stop_tokens), included; nothing else.
//
// Throws UserError where the number of places is neither 0 nor `clips`; where clips have no user message to stand in; for
// training, where there is no assistant turn or the template does not end one with a stop token; and where the
// template changes a message's content so that its place in the text cannot be found.
Prompt build_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                    const std::vector<Message>& messages, std::int64_t clips, PromptUse use);

}  // namespace pal
