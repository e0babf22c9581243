// Manifests: the samples of a data set, one JSON object a line, or all in one JSON array. docs/data.md tells users, docs/manifest.schema.json
// describes an object.
//
//   {"id": "scratch/dog1", "audio": "scratch/dog1.wav", "label": "dog", "split": "train"}
//   {"id": "q7", "audio": ["a.wav", "b.wav"], "messages": [{"role": "user", "content": "<audio> or <audio>: which is louder?"},
//                                                          {"role": "assistant", "content": "the second"}]}
//   {"id": "t1", "instruction": "What is a fugue?", "output": "..."}
//   {"id": "c3", "audio": "c3.wav", "captions": ["A dog barks.", "Barking, then wind."]}
//
// Two forms of others are read as they are: LTU's and OpenAQA's {"instruction", "input", "dataset", "audio_id", "output", "task"}, and
// {"messages": [...], "audios": [...]}.
//
// audio (audios, audio_id): path(s) relative to the manifest, or absolute; absent: a text-only sample. start, end: seconds, for one clip.
// offset, bytes: where in its file each recording is, as in an index of shards (shard.h); absent: the file is the recording.
// What is asked and answered: `messages`, or `instruction` and `output`, or PromptOptions around `label`, `labels` or the first of
// `captions`. Right answers for scoring: `references`, or `captions`, or the labels, or what is answered. Without an `id`, a sample is
// named by its number in the file. Other keys are kept by whoever wrote them and not read.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "pal/audio/recording.h"
#include "pal/audio/segment.h"
#include "pal/text/prompt.h"

namespace pal {

// A recording, or a part of it.
struct Clip {
  std::string path;      // of its file, as it can be opened from here. A text: fs::path costs five times its bytes
  AudioSegment segment;  // seconds
  int64_t offset = 0;    // of the recording in the file, bytes
  int64_t bytes = 0;     // of the recording; 0: the whole file

  Recording recording() const { return {path, offset, bytes}; }  // where it is
  std::string key() const;                                       // different for different clips
};

// One object of a manifest. Millions are held at once, so that nothing stands here twice.
struct Sample {
  std::string id;                       // different from all others of the manifest
  std::vector<Clip> clips;              // in the order of their places in the messages
  std::vector<Message> messages;        // with the answer last
  std::vector<std::string> labels;      // classes, as the manifest names them
  std::vector<std::string> references;  // right answers, where they are others than what is answered; see references_of()
  bool captioned = false;               // what is answered is the first of the manifest's `captions`
};

// What is said to samples that do not say it themselves.
struct PromptOptions {
  std::string question = "What is this sound?";  // for samples that have only labels or captions
  std::string answer = "{label}";                // the answer of those with labels; {label} stands for them, joined by "; "
  std::string system;                            // a system message before every sample; empty: none
  std::string chat_template;                     // Jinja that is used instead of the tokenizer's own; empty: that one
};

// The answer that names a label, as options.answer says.
std::string answer_of_label(const PromptOptions& options, const std::string& label);

// A manifest, or those of its samples that belong to one split.
struct ManifestPart {
  ManifestPart() = default;
  // From a path alone where no split is chosen.
  ManifestPart(std::filesystem::path path, std::string split = "") : path(std::move(path)), split(std::move(split)) {}

  bool empty() const { return path.empty(); }  // names no manifest
  std::string name() const;                    // for messages

  std::filesystem::path path;  // of the manifest
  std::string split;           // the samples whose "split" it is; empty: all
};

// Calls `take` with the samples, in the file's order; one at a time is in memory. All samples of the file are checked, whatever their split.
// Throws UserError that lists up to 20 problems as FILE:LINE: what, among them ids that stand twice, and where no sample is of the split,
// the splits that there are. Audio files need not exist.
void read_manifest(const ManifestPart& part, const PromptOptions& options, const std::function<void(Sample)>& take);
// The same as a list.
std::vector<Sample> read_manifest(const ManifestPart& part, const PromptOptions& options);

// Throws UserError that lists recordings of the samples, ten at the most, that are not there. Opens none of them.
void check_recordings(const std::vector<Sample>& samples, const std::filesystem::path& manifest);

// The messages without the answer.
std::vector<Message> prompt_of(const Sample& sample);

// The right answers: the sample's references, or what is answered.
std::vector<std::string> references_of(const Sample& sample);

}  // namespace pal
