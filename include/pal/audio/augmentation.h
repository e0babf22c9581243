// How training audio is changed, so that no epoch hears a clip as the last one did: crops, level, noise, masks, mixtures.
// All functions draw their numbers on one thread and in one order from the stream they are given, so that the same state
// gives the same audio however many threads there are. Nothing is drawn for what is off.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "pal/audio/segment.h"
#include "pal/core/random.h"

namespace pal {

// How training clips are changed, each time anew. All off by default.
struct AugmentationOptions {
  double crop = 0;                    // seconds: a longer clip is cut to a random stretch of this length; 0: off
  double gain = 0;                    // dB: the clip's level is changed by -gain .. gain, uniformly; 0: off
  double noise = 0;                   // share (0..1) of the clips that white noise is added to; 0: off
  double noise_snr_low = 10;          // dB: signal to noise, drawn uniformly from here ...
  double noise_snr_high = 40;         // dB: ... to here
  std::int64_t time_masks = 0;        // SpecAugment (Park et al. 2019): how many stretches of time are masked; 0: off
  std::int64_t time_width = 50;       // frames (10 ms) of the longest; widths are uniform in 0 .. time_width
  std::int64_t frequency_masks = 0;   // how many stretches of mel bands are masked; 0: off
  std::int64_t frequency_width = 16;  // bands of the widest; widths are uniform in 0 .. frequency_width
  double mix = 0;                     // share (0..1) of the captioned samples that another one is mixed with; 0: off
  double mix_level = 6;               // dB: the second clip's loudness relative to the first is uniform in -mix_level .. mix_level

  bool changes_audio() const;                                   // anything is on
  bool operator==(const AugmentationOptions&) const = default;  // the same changes are asked for
};

// The stretch of a clip to decode. clip_seconds: the length of `segment`, above 0, even where its end is absent.
// Where that is not longer than options.crop, `segment` itself, and nothing is drawn.
AudioSegment random_crop(const AudioSegment& segment, double clip_seconds, const AugmentationOptions& options, RandomStream& stream);

// Gain, then noise. samples: [n] float32 on the CPU -> [n]; they are returned themselves where neither is on. The noise is
// white and Gaussian, as strong as the drawn ratio asks of the clip's mean power; silence gets none, for there is no signal to
// relate it to. Values beyond +-1 are kept: floats do not clip, and the front-ends take any level.
torch::Tensor augment_samples(const torch::Tensor& samples, const AugmentationOptions& options, RandomStream& stream);

// The sum of two clips of one rate, both from their beginning. first: [n], second: [m], float32 on the CPU -> [max(n, m)]. The
// second's RMS is `level_db` above the first's (below where negative); where one of them is silent, no level is changed. The
// sum is scaled down to a peak of 1 where it would be above, so that the ratio stays.
torch::Tensor mix_samples(const torch::Tensor& first, const torch::Tensor& second, double level_db);

// SpecAugment's masks, in place, on features of Encoder::features(): float32 on the CPU, [..., T, F] (frequency_dim -1) or
// [..., F, T] (-2); a leading dimension is the windows of one clip, one after the other, and a mask of time may go over from one
// into the next. All masks lie within the frames that a clip of `seconds` fills, at 100 frames a second (the hop of all
// front-ends), and none is longer than the clip. A masked cell gets the mean of the filled cells as they were before the
// first mask, which tells nothing. What lies behind the clip stays as it is: padding, but for CLAP the clip's repetitions, which
// would give away what is masked; there `seconds` is that of all windows.
void spec_augment(torch::Tensor features, std::int64_t frequency_dim, double seconds, const AugmentationOptions& options,
                  RandomStream& stream);

}  // namespace pal
