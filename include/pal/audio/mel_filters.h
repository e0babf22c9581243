// Mel filter banks with triangles that are straight in Hz, as librosa, torchaudio and Hugging Face make them.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace pal {

// The scale on which the triangles' corners are evenly spaced, and their height.
enum class MelScale {
  kHtk,     // of height 1: librosa's htk=True, norm=None
  kSlaney,  // of area 1 Hz: librosa's htk=False, norm="slaney"
};

// What a bank is made for.
struct MelFilterOptions {
  std::int64_t mels = 80;       // triangles
  std::int64_t fft = 400;       // samples; the bank reads fft / 2 + 1 bins from 0 Hz to half the sample rate
  int sample_rate = 16000;      // Hz
  double low = 0, high = 8000;  // Hz, the outermost corners
  MelScale scale = MelScale::kSlaney;  // see there
};

// The bank: [mels, fft / 2 + 1] float64.
torch::Tensor mel_filters(const MelFilterOptions& options);

}  // namespace pal
