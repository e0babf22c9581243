// Whisper's front-end: the log mel spectrogram of a window of 30 s.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace pal {

// Source: transformers' WhisperFeatureExtractor. Counts are samples at `sample_rate` unless named.
struct WhisperMel {
  static constexpr int sample_rate = 16000;               // Hz
  static constexpr std::int64_t fft = 400;                // 25 ms, Hann
  static constexpr std::int64_t hop = 160;                // 10 ms
  static constexpr std::int64_t window_samples = 480000;  // 30 s
  static constexpr std::int64_t window_frames = 3000;     // window_samples / hop
  static constexpr double low = 0, high = 8000;           // Hz
  static constexpr double range = 8;  // powers of ten below the loudest value that are kept
};

// The spectrogram. samples: [n] float32 mono at 16 kHz, n <= 480000, padded with zeros to 30 s -> [mels, 3000].
// mels: 80, or 128 from large-v3 on; any number of at least 1 works.
torch::Tensor whisper_mel(const torch::Tensor& samples, std::int64_t mels);

}  // namespace pal
