// From samples of a manifest to what the model reads.
#pragma once

#include <memory>

#include "pal/data/manifest.h"
#include "pal/integration/pal_model.h"
#include "pal/text/chat_template.h"
#include "pal/text/prompt.h"
#include "pal/text/tokenizer.h"

namespace pal {

// Recordings to encoder tokens. What frozen encoders give is kept in memory, since it never changes; encoders that are trained
// run with autograd, each time anew.
class ClipEncoder {
 public:
  // `model` must outlive it. cache: whether to keep what frozen encoders give.
  ClipEncoder(PalModel& model, bool cache) : model_(model), cache_(cache) {}

  // [N, E] per encoder, in their order by name. Throws UserError that names the file.
  EncodedClip encode(const Clip& clip);
  // What a clip is when the audio is withheld: no tokens.
  EncodedClip nothing() const;

 private:
  PalModel& model_;
  bool cache_;
  std::map<std::string, torch::Tensor> kept_;  // by encoder, file and segment
};

// What a batch is for.
enum class Purpose { kTraining, kAnswering };  // with the answer as target; or up to where it begins

// Makes the batches of a run or an evaluation.
class Collator {
 public:
  // `model` must outlive it. cache: as ClipEncoder. Throws UserError where the tokenizer has more tokens than the LLM.
  Collator(PalModel& model, std::shared_ptr<const Tokenizer> tokenizer, ChatTemplate chat_template, bool cache);

  // The samples' prompts and encoded clips, in their order. Throws UserError as build_prompt() and ClipEncoder::encode() do.
  PalBatch collate(const std::vector<const Sample*>& samples, Purpose purpose, bool withhold_audio = false) const;
  const Tokenizer& tokenizer() const { return *tokenizer_; }  // of the prompts
  // The tokens of an answer with the end of its turn.
  std::vector<int64_t> answer_tokens(const std::string& answer) const;

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  ChatTemplate chat_template_;
  std::unique_ptr<ClipEncoder> clips_;
};

}  // namespace pal
