// Manifests: the samples of a data set, one JSON object a line.
//
//   {"id": "scratch/dog1", "audio": "scratch/dog1.wav", "label": "dog"}
//   {"id": "q7", "audio": ["a.wav", "b.wav"], "messages": [{"role": "user", "content": "<audio> or <audio>: which is louder?"},
//                                                          {"role": "assistant", "content": "the second"}]}
//   {"id": "t1", "instruction": "What is a fugue?", "output": "..."}
//
// audio: path(s) relative to the manifest; absent: a text-only sample. start, end: seconds, for one clip. What is asked and answered:
// `messages`, or `instruction` and `output`, or `label` (question and answer then come from PromptOptions). references: right answers
// for scoring; by default the last assistant message. Other keys are kept by whoever wrote them and not read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pal/audio/decode.h"
#include "pal/text/prompt.h"

namespace pal {

// A recording, or a part of it.
struct Clip {
  std::filesystem::path path;  // of the recording, as it can be opened from here
  AudioSegment segment;        // seconds
};

// One line of a manifest.
struct Sample {
  std::string id;                       // different from all others of the manifest
  std::vector<Clip> clips;              // in the order of their places in the messages
  std::vector<Message> messages;        // with the answer last
  std::string label;                    // empty: none
  std::vector<std::string> references;  // right answers
};

// What is said to samples that do not say it themselves.
struct PromptOptions {
  std::string question = "What is this sound?";  // for samples that have only a label
  std::string answer = "{label}";                // their answer; {label} stands for the label
  std::string system;                            // a system message before every sample; empty: none
  std::string chat_template;                     // Jinja that is used instead of the tokenizer's own; empty: that one
};

// Throws UserError that lists up to 20 problems as FILE:LINE: what, among them ids that stand twice. Audio files need not exist.
std::vector<Sample> read_manifest(const std::filesystem::path& path, const PromptOptions& options);

// Throws UserError that lists recordings of the samples, ten at the most, that are not there. Opens none of them.
void check_recordings(const std::vector<Sample>& samples, const std::filesystem::path& manifest);

// The messages without the answer.
std::vector<Message> prompt_of(const Sample& sample);

}  // namespace pal
