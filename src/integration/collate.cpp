#include "pal/integration/collate.h"

#include <algorithm>

#include "pal/core/check.h"

namespace pal {

namespace {

bool is_trained(const Encoder& encoder) {
  const auto parameters = encoder.parameters();
  return std::any_of(parameters.begin(), parameters.end(), [](const torch::Tensor& p) { return p.requires_grad(); });
}

}  // namespace

EncodedClip ClipEncoder::encode(const Clip& clip) {
  EncodedClip encoded;
  for (const auto& [name, encoder] : model_.encoders()) {
    const bool trained = is_trained(*encoder);
    const auto key = name + "\n" + clip.key();
    if (const auto kept = kept_.find(key); !trained && kept != kept_.end()) {
      encoded.push_back(kept->second);
      continue;
    }
    if (const auto cache = caches_.find(name); !trained && cache != caches_.end()) {
      encoded.push_back(cache->second->read(clip));
      continue;
    }
    torch::AutoGradMode record(trained && torch::GradMode::is_enabled());
    encoded.push_back(encode_file(*encoder, clip.recording(), {}, clip.segment));
    if (trained) continue;
    auto& tokens = encoded.back();
    tokens = tokens.to(torch::kCPU);  // a GPU's memory is for training; a batch is moved there at once
    if (kept_bytes_ + int64_t(tokens.nbytes()) > limit_) continue;
    kept_bytes_ += int64_t(tokens.nbytes());
    kept_[key] = tokens;
  }
  return encoded;
}

void ClipEncoder::forget() {
  kept_.clear();
  kept_bytes_ = 0;
}

EncodedClip ClipEncoder::nothing() const {
  EncodedClip empty;
  for (const auto& [name, encoder] : model_.encoders()) empty.push_back(torch::zeros({0, encoder->width()}, model_.device()));
  return empty;
}

Collator::Collator(PalModel& model, std::shared_ptr<const Tokenizer> tokenizer, ChatTemplate chat_template, int64_t clip_memory)
    : tokenizer_(std::move(tokenizer)),
      chat_template_(std::move(chat_template)),
      clips_(std::make_unique<ClipEncoder>(model, clip_memory)) {
  const int64_t vocabulary = model.llm()->options.vocab_size;
  PAL_CHECK(tokenizer_->vocab_size() <= vocabulary,
            "the tokenizer has {} tokens, but the LLM's embedding only {}; do they belong together?", tokenizer_->vocab_size(),
            vocabulary);
}

PalBatch Collator::collate(const std::vector<const Sample*>& samples, Purpose purpose, bool withhold_audio,
                           const OnUnreadable& unreadable) const {
  PalBatch batch;
  std::vector<int64_t> tokens;
  std::vector<uint8_t> target;
  for (const Sample* sample : samples) {
    std::vector<EncodedClip> clips;
    try {
      for (const auto& clip : sample->clips) clips.push_back(withhold_audio ? clips_->nothing() : clips_->encode(clip));
    } catch (const StaleFeatures&) {
      throw;  // the recording may be sound: it is the cache that is not
    } catch (const UserError& problem) {
      if (!unreadable) throw;
      unreadable(*sample, problem);
      continue;
    }
    const bool training = purpose == Purpose::kTraining;
    const auto messages = training ? sample->messages : prompt_of(*sample);
    const auto prompt = build_prompt(*tokenizer_, chat_template_, messages, int64_t(sample->clips.size()),
                                     training ? PromptUse::kTraining : PromptUse::kGeneration);
    tokens.insert(tokens.end(), prompt.tokens.begin(), prompt.tokens.end());
    target.insert(target.end(), prompt.target.begin(), prompt.target.end());
    batch.text_tokens.push_back(int64_t(prompt.tokens.size()));
    batch.audio_at.push_back(prompt.audio_at);
    batch.clips.push_back(std::move(clips));
    batch.ids.push_back(sample->id);
  }
  batch.tokens = torch::tensor(tokens, torch::kInt64);
  batch.target = torch::tensor(target, torch::kUInt8).to(torch::kBool);
  return batch;
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
