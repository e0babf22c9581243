// From samples of a manifest to what the model reads.
#pragma once

#include <functional>
#include <memory>

#include "pal/core/check.h"
#include "pal/data/manifest.h"
#include "pal/integration/feature_cache.h"
#include "pal/integration/pal_model.h"
#include "pal/text/chat_template.h"
#include "pal/text/prompt.h"
#include "pal/text/tokenizer.h"

namespace pal {

// Recordings to encoder tokens. What frozen encoders give is kept in the computer's memory up to a limit, since it never changes;
// encoders that are trained run with autograd, each time anew.
class ClipEncoder {
 public:
  // `model` must outlive it. limit: bytes that may be kept.
  ClipEncoder(PalModel& model, int64_t limit) : model_(model), limit_(limit) {}

  // [N, E] per encoder, in their order by name. Throws UserError that names the file.
  EncodedClip encode(const Clip& clip);
  // What a clip is when the audio is withheld: no tokens.
  EncodedClip nothing() const;
  // Forgets what is kept: an encoder has changed.
  void forget();
  // Encoders that have a cache are not asked any more, but while a stage trains them.
  void read_from(FeatureCaches caches) { caches_ = std::move(caches); }
  const FeatureCaches& caches() const { return caches_; }  // by the encoder's name
  int64_t kept_bytes() const { return kept_bytes_; }  // of memory

 private:
  PalModel& model_;
  int64_t limit_, kept_bytes_ = 0;
  FeatureCaches caches_;
  std::map<std::string, torch::Tensor> kept_;  // by encoder, file and segment
};

// What a batch is for.
enum class Purpose { kTraining, kAnswering };  // with the answer as target; or up to where it begins

// Told of a sample whose recording cannot be read, and why. It may throw.
using OnUnreadable = std::function<void(const Sample&, const UserError&)>;

// Makes the batches of a run or an evaluation.
class Collator {
 public:
  // `model` must outlive it. clip_memory: bytes that ClipEncoder may keep. Throws UserError where the tokenizer has more tokens than
  // the LLM.
  Collator(PalModel& model, std::shared_ptr<const Tokenizer> tokenizer, ChatTemplate chat_template, int64_t clip_memory);

  // The samples' prompts and encoded clips, in their order. Throws UserError as build_prompt() and ClipEncoder::encode() do; with
  // `unreadable`, samples whose recordings cannot be read are left out once it was told.
  PalBatch collate(const std::vector<const Sample*>& samples, Purpose purpose, bool withhold_audio = false,
                   const OnUnreadable& unreadable = {}) const;
  void forget_clips() const { clips_->forget(); }             // as ClipEncoder::forget()
  void read_from(FeatureCaches caches) { clips_->read_from(std::move(caches)); }  // as ClipEncoder::read_from()
  // Throws StaleFeatures where a cache lacks clips of the samples, or has them of what the recordings held once.
  void check_caches(const std::vector<Sample>& samples) const;
  const Tokenizer& tokenizer() const { return *tokenizer_; }  // of the prompts
  // The tokens of an answer with the end of its turn.
  std::vector<int64_t> answer_tokens(const std::string& answer) const;

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  ChatTemplate chat_template_;
  std::unique_ptr<ClipEncoder> clips_;
};

}  // namespace pal
