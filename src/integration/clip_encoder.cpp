#include "pal/integration/clip_encoder.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "pal/audio/resample.h"
#include "pal/core/check.h"

namespace pal {

namespace {

bool is_trained(const Encoder& encoder) {
  const auto parameters = encoder.parameters();
  return std::any_of(parameters.begin(), parameters.end(), [](const torch::Tensor& p) { return p.requires_grad(); });
}

// How long a clip is.
struct Extent {
  int64_t frames = 0;
  int sample_rate = 0;

  double seconds() const { return double(frames) / sample_rate; }
};

std::optional<AudioInfo> stated_length(const Recording& recording) {
  try {
    return read_audio_header(recording);
  } catch (const UserError&) {  // it does not say its length, as some mp3 and streamed flac, or is none
    return {};
  }
}

// By the header, or decoded where that does not say.
Extent extent_of(const Clip& clip) {
  if (const auto stated = stated_length(clip.recording())) {
    const double end = std::min(clip.segment.end.value_or(stated->seconds()), stated->seconds());
    return {std::llround((end - clip.segment.start) * stated->sample_rate), stated->sample_rate};
  }
  const auto waveform = decode_audio(clip.recording(), {}, clip.segment);
  return {waveform.samples.size(0), waveform.sample_rate};
}

Extent cropped(Extent extent, const AugmentationOptions* options) {
  if (options != nullptr && options->crop > 0) extent.frames = std::min<int64_t>(extent.frames, std::llround(options->crop * extent.sample_rate));
  return extent;
}

Waveform decode(const Clip& clip, const AugmentationOptions& options, RandomStream& random) {
  const auto segment = options.crop > 0 ? random_crop(clip.segment, extent_of(clip).seconds(), options, random) : clip.segment;
  return decode_audio(clip.recording(), {}, segment);
}

// A clip's samples at the rates that encoders hear at. All of them hear the same changes: each rate begins with the same random numbers.
class ClipSamples {
 public:
  explicit ClipSamples(const AugmentedClip& clip) : clip_(clip), random_(clip.seed) {
    if (clip.options == nullptr) {
      first_ = decode_audio(clip.clip->recording(), {}, clip.clip->segment);
      return;
    }
    first_ = decode(*clip.clip, *clip.options, random_);
    if (clip.partner == nullptr) return;
    try {
      second_ = decode(*clip.partner, *clip.options, random_);
    } catch (const UserError& error) {
      throw UnreadablePartner(error.what());
    }
    level_ = clip.options->mix_level * (2 * random_.uniform() - 1);
  }

  // random: goes on after what these draw.
  torch::Tensor at(int rate, RandomStream& random) const {
    random = random_;
    auto samples = resample(first_.samples, first_.sample_rate, rate);
    if (clip_.options == nullptr) return samples;
    samples = augment_samples(samples, *clip_.options, random);
    return second_ ? mix_samples(samples, resample(second_->samples, second_->sample_rate, rate), level_) : samples;
  }

 private:
  AugmentedClip clip_;
  RandomStream random_;
  Waveform first_;
  std::optional<Waveform> second_;
  double level_ = 0;  // dB, of the second
};

ClipFeatures features_of(const Encoder& encoder, const ClipSamples& clip, const AugmentationOptions* options) {
  RandomStream random(0);
  const auto samples = clip.at(encoder.sample_rate(), random);
  auto prepared = encoder.prepare(samples);
  if (options != nullptr)
    spec_augment(prepared.features, encoder.frequency_dim(), encoder.filled_seconds(samples.size(0)), *options, random);
  return prepared;
}

}  // namespace

ClipInput ClipEncoder::prepare(const AugmentedClip& clip) const {
  torch::NoGradGuard no_grad;
  ClipInput input{{}, clip.clip->recording().name()};
  std::optional<ClipSamples> samples;  // decoded once for all encoders
  for (const auto& [name, encoder] : model_.encoders()) {
    auto& one = input.encoders.emplace_back();
    if (const auto* cache = cache_for(name, clip)) {
      one.tokens = cache->read(*clip.clip);
      continue;
    }
    if (!is_trained(*encoder) && clip.options == nullptr) {
      one.key = name + "\n" + clip.clip->key();
      if (one.tokens = kept(one.key); one.tokens.defined()) continue;
    }
    if (!samples) samples.emplace(clip);
    try {
      one.features = features_of(*encoder, *samples, clip.options);
    } catch (const UserError& error) {
      user_error("{}: {}", input.recording, error.what());
    }
  }
  return input;
}

EncodedClip ClipEncoder::encode(const ClipInput& clip) {
  EncodedClip encoded;
  auto input = clip.encoders.begin();
  for (const auto& [name, encoder] : model_.encoders()) {
    const auto& one = *input++;
    if (one.tokens.defined()) {
      encoded.push_back(one.tokens);
      continue;
    }
    const bool trained = is_trained(*encoder);
    torch::AutoGradMode record(trained && torch::GradMode::is_enabled());
    try {
      encoded.push_back(encoder->encode(one.features));
    } catch (const UserError& error) {
      user_error("{}: {}", clip.recording, error.what());
    }
    if (trained) continue;
    auto& tokens = encoded.back();
    if (tokens.storage().nbytes() > tokens.nbytes()) tokens = tokens.clone();  // else what was trimmed would stay, too
    if (!one.key.empty()) keep(one.key, tokens);
  }
  return encoded;
}

ClipInput ClipEncoder::nothing() const {
  ClipInput empty;
  for (const auto& [name, encoder] : model_.encoders())
    empty.encoders.push_back({torch::zeros({0, encoder->width()}, model_.device()), {}, ""});
  return empty;
}

std::vector<int64_t> ClipEncoder::token_counts(const AugmentedClip& clip) const {
  std::vector<int64_t> counts;
  std::vector<Extent> extents;  // read once for all encoders
  for (const auto& [name, encoder] : model_.encoders()) {
    if (const auto* cache = cache_for(name, clip)) {
      counts.push_back(cache->rows(*clip.clip));
      continue;
    }
    if (extents.empty())
      for (const auto* one : {clip.clip, clip.partner})
        if (one != nullptr) extents.push_back(cropped(extent_of(*one), clip.options));
    int64_t samples = 1;
    for (const auto& extent : extents) samples = std::max(samples, resampled_length(extent.frames, extent.sample_rate, encoder->sample_rate()));
    try {
      counts.push_back(encoder->token_count(samples));
    } catch (const UserError& error) {
      user_error("{}: {}", clip.clip->recording().name(), error.what());
    }
  }
  return counts;
}

const FeatureCache* ClipEncoder::cache_for(const std::string& name, const AugmentedClip& clip) const {
  const auto found = caches_.find(name);
  if (found == caches_.end() || clip.options != nullptr || is_trained(*model_.encoders().at(name))) return nullptr;
  return found->second.get();
}

torch::Tensor ClipEncoder::kept(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(key);
  return found == kept_.end() ? torch::Tensor() : found->second;
}

void ClipEncoder::keep(const std::string& key, const torch::Tensor& tokens) {
  const auto bytes = int64_t(tokens.nbytes());
  {
    const std::lock_guard lock(mutex_);
    if (kept_bytes_ + bytes > limit_) return;
  }
  const auto copy = tokens.to(torch::kCPU);  // a GPU's memory is for training; waits for it, but once a clip
  const std::lock_guard lock(mutex_);
  if (kept_.emplace(key, copy).second) kept_bytes_ += bytes;
}

void ClipEncoder::forget() {
  const std::lock_guard lock(mutex_);
  kept_.clear();
  kept_bytes_ = 0;
}

}  // namespace pal
