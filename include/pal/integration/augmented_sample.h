// A training sample as one draw of it is heard: changed at random, or mixed with another.
#pragma once

#include <string>
#include <vector>

#include "pal/audio/augmentation.h"
#include "pal/data/manifest.h"

namespace pal {

// What is known before anything is decoded. What is referred to must outlive it.
struct AugmentedSample {
  const Sample* sample = nullptr;                // whose draw it is
  const AugmentationOptions* options = nullptr;  // none: the sample as it is
  const Sample* partner = nullptr;               // mixed with: both have one clip and one answer
  uint64_t seed = 0;                             // of all that is random about it

  bool is_changed() const { return options != nullptr && options->changes_audio(); }  // by whatever the options may do
};

// The sample's messages; with a partner, its answer is followed by the partner's.
std::vector<Message> messages_of(const AugmentedSample& sample);

// One clip of it.
struct AugmentedClip {
  const Clip* clip = nullptr;                    // of the sample itself
  const AugmentationOptions* options = nullptr;  // none: the clip as it is
  const Clip* partner = nullptr;                 // mixed with
  uint64_t seed = 0;                             // another one for each clip
};

// The sample's clips, in their order.
std::vector<AugmentedClip> clips_of(const AugmentedSample& sample);

// Whom samples are mixed with, and what each draw's random numbers are.
class Augmenter {
 public:
  // samples and options must outlive it. Throws UserError where samples are to be mixed and fewer than two have captions.
  Augmenter(const std::vector<Sample>& samples, const AugmentationOptions& options, uint64_t seed);

  // The sample `index` where it is the `number`-th that is drawn: a function of the two.
  AugmentedSample at(int64_t index, int64_t number) const;

 private:
  const std::vector<Sample>& samples_;
  const AugmentationOptions& options_;
  uint64_t seed_;
  std::vector<int64_t> captioned_;  // indices of samples that can be mixed, increasing
};

}  // namespace pal
