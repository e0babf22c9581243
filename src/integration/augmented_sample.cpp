#include "pal/integration/augmented_sample.h"

#include <algorithm>

#include "pal/core/check.h"
#include "pal/core/random.h"

namespace pal {

namespace {

bool can_be_mixed(const Sample& sample) { return sample.captioned && sample.clips.size() == 1; }

}  // namespace

std::vector<Message> messages_of(const AugmentedSample& sample) {
  auto messages = sample.sample->messages;
  if (sample.partner != nullptr) messages.back().content += " " + sample.partner->messages.back().content;
  return messages;
}

std::vector<AugmentedClip> clips_of(const AugmentedSample& sample) {
  std::vector<AugmentedClip> clips;
  for (const auto& clip : sample.sample->clips)
    clips.push_back({&clip, sample.is_changed() ? sample.options : nullptr, sample.partner ? &sample.partner->clips.front() : nullptr,
                     stream_seed(sample.seed, "clip", clips.size())});
  return clips;
}

Augmenter::Augmenter(const std::vector<Sample>& samples, const AugmentationOptions& options, uint64_t seed)
    : samples_(samples), options_(options), seed_(seed) {
  if (options.mix == 0) return;
  for (std::size_t i = 0; i < samples.size(); ++i)
    if (can_be_mixed(samples[i])) captioned_.push_back(int64_t(i));
  PAL_CHECK(captioned_.size() >= 2, "data.augment.mix: samples with `captions` and one clip are mixed, and data.train has {} of them", captioned_.size());
}

AugmentedSample Augmenter::at(int64_t index, int64_t number) const {
  AugmentedSample drawn{&samples_.at(std::size_t(index)), &options_, nullptr, stream_seed(seed_, "augment", uint64_t(number))};
  if (options_.mix == 0 || !can_be_mixed(*drawn.sample)) return drawn;
  RandomStream random(stream_seed(drawn.seed, "mix"));
  if (random.uniform() >= options_.mix) return drawn;
  auto other = random.below(captioned_.size() - 1);  // any but itself
  if (captioned_[other] >= index) ++other;
  drawn.partner = &samples_[std::size_t(captioned_[other])];
  return drawn;
}

}  // namespace pal
