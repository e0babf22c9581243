// Kaldi's log mel filter bank energies, the front-end of EAT and SSLAM.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <limits>

namespace pal {

// Source: torchaudio 2.11, compliance.kaldi.fbank as EAT calls it (htk_compat, no energy, window "hanning", no dither).
// Counts are samples at `sample_rate` unless named.
struct KaldiFbank {
  static constexpr int sample_rate = 16000;       // Hz
  static constexpr std::int64_t window = 400;     // 25 ms, Hann, symmetric
  static constexpr std::int64_t hop = 160;        // 10 ms
  static constexpr std::int64_t fft = 512;        // the window, padded with zeros to a power of two
  static constexpr std::int64_t mels = 128;       // bands from low to high
  static constexpr double low = 20, high = 8000;  // Hz
  static constexpr double preemphasis =
      0.97;                                 // of the sample before; a frame's first sample counts as its own
  static constexpr double floor = 0x1p-23;  // of the energies, before the logarithm: float32's epsilon
};

// Frames of a clip: windows that lie wholly inside it. 0 for less than a window.
std::int64_t kaldi_frame_count(std::int64_t samples);

// The energies. samples: [n] float32 mono at 16 kHz, full scale +-1 -> [frames, 128] natural logarithms,
// frames = min(kaldi_frame_count(n), most_frames). The mean of the whole clip is taken off first, also
// where only its first frames are asked for. Throws UserError for a clip shorter than one window.
torch::Tensor kaldi_fbank(const torch::Tensor& samples,
                          std::int64_t most_frames = std::numeric_limits<std::int64_t>::max());

}  // namespace pal
