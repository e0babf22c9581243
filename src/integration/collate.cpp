#include "pal/integration/collate.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {

Collator::Collator(PalModel& model, std::shared_ptr<const Tokenizer> tokenizer, ChatTemplate chat_template, int64_t clip_memory)
    : model_(model),
      tokenizer_(std::move(tokenizer)),
      chat_template_(std::move(chat_template)),
      clips_(std::make_unique<ClipEncoder>(model, clip_memory)) {
  const int64_t vocabulary = model.llm()->options.vocab_size;
  PAL_CHECK(tokenizer_->vocab_size() <= vocabulary,
            "the tokenizer has {} tokens, but the LLM's embedding only {}; do they belong together?", tokenizer_->vocab_size(),
            vocabulary);
}

PalBatch Collator::collate(const std::vector<const Sample*>& samples, Purpose purpose, bool withhold_audio,
                           const OnUnreadable& unreadable) const {
  std::vector<PreparedSample> prepared;
  for (const Sample* sample : samples) prepared.push_back(prepare({.sample = sample}, purpose, withhold_audio));
  return collate(prepared, unreadable);
}

Prompt Collator::prompt(const AugmentedSample& sample, Purpose purpose) const {
  const bool training = purpose == Purpose::kTraining;
  return build_prompt(*tokenizer_, chat_template_, training ? messages_of(sample) : prompt_of(*sample.sample),
                      int64_t(sample.sample->clips.size()), training ? PromptUse::kTraining : PromptUse::kGeneration);
}

PreparedSample Collator::prepare(const AugmentedSample& sample, Purpose purpose, bool withhold_audio) const {
  PreparedSample prepared{sample.sample, prompt(sample, purpose), {}, {}, nullptr};
  const auto leave_out = [&](const UserError& problem, const Sample* whose) {
    prepared.clips.clear();
    prepared.problem = problem;
    prepared.unreadable = whose;
  };
  try {
    for (const auto& clip : clips_of(sample)) prepared.clips.push_back(withhold_audio ? clips_->nothing() : clips_->prepare(clip));
  } catch (const StaleFeatures&) {
    throw;  // the recording may be sound: it is the cache that is not
  } catch (const UnreadablePartner& problem) {
    leave_out(problem, sample.partner);
  } catch (const UserError& problem) {
    leave_out(problem, sample.sample);
  }
  return prepared;
}

std::vector<EncodedClip> Collator::encode(const PreparedSample& sample) const {
  if (sample.problem) throw *sample.problem;
  std::vector<EncodedClip> clips;
  for (const auto& clip : sample.clips) clips.push_back(clips_->encode(clip));
  return clips;
}

PalBatch Collator::collate(const std::vector<PreparedSample>& samples, const OnUnreadable& unreadable) const {
  PalBatch batch;
  std::vector<int64_t> tokens;
  std::vector<uint8_t> target;
  for (const auto& sample : samples) {
    std::vector<EncodedClip> clips;
    try {
      clips = encode(sample);
    } catch (const UserError& problem) {
      if (!unreadable) throw;
      unreadable(sample.problem ? *sample.unreadable : *sample.sample, problem);
      continue;
    }
    const auto& prompt = sample.prompt;
    tokens.insert(tokens.end(), prompt.tokens.begin(), prompt.tokens.end());
    target.insert(target.end(), prompt.target.begin(), prompt.target.end());
    batch.text_tokens.push_back(int64_t(prompt.tokens.size()));
    batch.audio_at.push_back(prompt.audio_at);
    batch.clips.push_back(std::move(clips));
    batch.ids.push_back(sample.sample->id);
  }
  batch.tokens = torch::tensor(tokens, torch::kInt64);
  batch.target = torch::tensor(target, torch::kUInt8).to(torch::kBool);
  return batch;
}

int64_t Collator::length(const AugmentedSample& sample) const {
  auto tokens = int64_t(prompt(sample, Purpose::kTraining).tokens.size());
  for (const auto& clip : clips_of(sample)) {
    try {
      for (int64_t stream : model_.stream_tokens(clips_->token_counts(clip))) tokens += stream;
    } catch (const StaleFeatures&) {
      throw;
    } catch (const UserError&) {  // it is told of when the sample is used
    }
  }
  return tokens;
}

void Collator::check_caches(const std::vector<Sample>& samples) const {
  std::vector<const Clip*> clips;
  for (const auto& sample : samples)
    for (const auto& clip : sample.clips) clips.push_back(&clip);
  for (const auto& [name, cache] : clips_->caches()) cache->check(clips);
}

std::vector<int64_t> Collator::answer_tokens(const std::string& answer) const {
  const auto prompt =
      build_prompt(*tokenizer_, chat_template_, {{"user", "?"}, {"assistant", answer}}, 0, PromptUse::kTraining);
  std::vector<int64_t> tokens;
  for (std::size_t i = 0; i < prompt.tokens.size(); ++i)
    if (prompt.target[i]) tokens.push_back(prompt.tokens[i]);
  return tokens;
}

}  // namespace pal
