// Resampling by a windowed sinc, equal to torchaudio.functional.resample with its default arguments.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace pal {

// Resamples. samples: [n] float32 on the CPU, sampled at `from` Hz -> [resampled_length(n, from, to)] at `to` Hz.
// Any pair of rates from 1 to 768000 Hz. Kernels are kept for the next call with the same rates; only the
// taps inside the window are stored, so one never takes more than (from + to) * 16 / gcd(from, to) numbers
// (44101 -> 16000 Hz: 0.6 million). Throws UserError for rates outside that range. Source: torchaudio 2.11,
// functional.resample (sinc_interp_hann, lowpass_filter_width 6, rolloff 0.99).
torch::Tensor resample(const torch::Tensor& samples, int from, int to);

// Length after resampling, ceil(n * to / from) with the quotient rounded to float32 as torchaudio has it.
std::int64_t resampled_length(std::int64_t samples, int from, int to);

}  // namespace pal
