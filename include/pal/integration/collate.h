// From samples of a manifest to what the model reads.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "pal/core/check.h"
#include "pal/data/manifest.h"
#include "pal/integration/clip_encoder.h"
#include "pal/text/chat_template.h"
#include "pal/text/prompt.h"
#include "pal/text/tokenizer.h"

namespace pal {

// What a batch is for.
enum class Purpose { kTraining, kAnswering };  // with the answer as target; or up to where it begins

// Told of a sample whose recording cannot be read, and why. It may throw.
using OnUnreadable = std::function<void(const Sample&, const UserError&)>;

// A sample that has its tokens, and its clips up to where the networks begin.
struct PreparedSample {
  const Sample* sample = nullptr;      // what it was
  Prompt prompt;                       // its text
  std::vector<ClipInput> clips;        // in the order of their places in the text
  std::optional<UserError> problem;    // why a recording of it cannot be read; then it has no clips
  const Sample* unreadable = nullptr;  // with a problem: whose recording that is, its own or its partner's
};

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

  // The first half of it, for one sample; may be called by several threads, also while the model runs. Throws what is wrong beside a recording.
  PreparedSample prepare(const AugmentedSample& sample, Purpose purpose, bool withhold_audio = false) const;
  // The second half of it, with what else collate() does.
  PalBatch collate(const std::vector<PreparedSample>& samples, const OnUnreadable& unreadable = {}) const;

  // Tokens that a training sample becomes, of text and of what all streams make of its clips, as ClipEncoder::token_counts() has
  // them. Clips that cannot be read have none. May be called by several threads.
  int64_t length(const AugmentedSample& sample) const;

  void forget_clips() const { clips_->forget(); }             // as ClipEncoder::forget()
  void read_from(FeatureCaches caches) { clips_->read_from(std::move(caches)); }  // as ClipEncoder::read_from()
  // Throws StaleFeatures where a cache lacks clips of the samples, or has them of what the recordings held once.
  void check_caches(const std::vector<Sample>& samples) const;
  const Tokenizer& tokenizer() const { return *tokenizer_; }  // of the prompts
  // The tokens of an answer with the end of its turn.
  std::vector<int64_t> answer_tokens(const std::string& answer) const;

 private:
  Prompt prompt(const AugmentedSample& sample, Purpose purpose) const;
  std::vector<EncodedClip> encode(const PreparedSample& sample) const;

  PalModel& model_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  ChatTemplate chat_template_;
  std::unique_ptr<ClipEncoder> clips_;
};

}  // namespace pal
