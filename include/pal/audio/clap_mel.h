// CLAP's front-end: the log mel spectrogram of a window of 10 s.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>

#include "pal/audio/mel_filters.h"

namespace pal {

// Source: transformers' ClapFeatureExtractor. Counts are samples at `sample_rate` unless named.
struct ClapMel {
  static constexpr int sample_rate = 48000;               // Hz
  static constexpr std::int64_t fft = 1024;               // 21.3 ms, Hann
  static constexpr std::int64_t hop = 480;                // 10 ms
  static constexpr std::int64_t window_samples = 480000;  // 10 s
  static constexpr std::int64_t window_frames = 1001;  // 1 + window_samples / hop, the frames being centred
  static constexpr std::int64_t mels = 64;             // bands from low to high
};

// What differs between checkpoints. By default as LAION trained the models without fusion (its model_configs).
struct ClapMelOptions {
  double low = 50, high = 14000;       // Hz
  MelScale scale = MelScale::kSlaney;  // truncation "rand_trunc": Slaney's; "fusion": HTK's
};

// Read from the preprocessor_config.json (or the feature_extractor of a processor_config.json) in the folder
// `weights` or beside that file, with Hugging Face's defaults for the keys that it lacks; the default options
// where there is no such file. Throws UserError for settings that clap_mel() does not compute.
ClapMelOptions read_clap_mel_options(const std::filesystem::path& weights);

// The spectrogram in decibels. samples: [n] float32 mono at 48 kHz, 1 <= n <= 480000, which is repeated as often as it fits
// wholly into 10 s and then padded with zeros ("repeatpad") -> [1001, 64].
torch::Tensor clap_mel(const torch::Tensor& samples, const ClapMelOptions& options = {});

}  // namespace pal
