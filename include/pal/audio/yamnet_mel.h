// YAMNet's front-end: log mel energies of overlapping patches.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace pal {

// Source: TensorFlow Models, research/audioset/yamnet (features.py, params.py). Counts are samples at
// `sample_rate` unless named.
struct YamnetMel {
  static constexpr int sample_rate = 16000;             // Hz
  static constexpr std::int64_t window = 400;           // 25 ms, Hann
  static constexpr std::int64_t hop = 160;              // 10 ms
  static constexpr std::int64_t fft = 512;              // the window, padded with zeros to a power of two
  static constexpr std::int64_t mels = 64;              // bands from low to high
  static constexpr double low = 125, high = 7500;       // Hz
  static constexpr double log_offset = 1e-3;            // added to the magnitude before the logarithm
  static constexpr std::int64_t patch_frames = 96;      // 0.96 s
  static constexpr std::int64_t patch_hop = 48;         // frames, 0.48 s
  static constexpr std::int64_t patch_samples = 15600;  // (patch_frames - 1) * hop + window
};

// Patches of a clip: it is padded with zeros to one patch and then to whole patch hops.
std::int64_t yamnet_patch_count(std::int64_t samples);

// The energies. samples: [n] float32 mono at 16 kHz -> [frames, 64] natural logarithms, frames = 96 + 48 * (patches - 1).
// The padding is part of it, as YAMNet hears it.
torch::Tensor yamnet_mel(const torch::Tensor& samples);

}  // namespace pal
