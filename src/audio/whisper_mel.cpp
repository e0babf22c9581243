#include "pal/audio/whisper_mel.h"

#include <torch/torch.h>

#include <map>
#include <mutex>

#include "pal/audio/mel_filters.h"
#include "pal/audio/power_spectrum.h"
#include "pal/core/check.h"

namespace pal {

namespace {

torch::Tensor filters_for(std::int64_t mels) {  // [mels, 201]
  static std::mutex mutex;
  static std::map<std::int64_t, torch::Tensor> made;
  const std::lock_guard lock(mutex);
  auto& filters = made[mels];
  if (!filters.defined()) {
    filters = mel_filters({.mels = mels,
                           .fft = WhisperMel::fft,
                           .sample_rate = WhisperMel::sample_rate,
                           .low = WhisperMel::low,
                           .high = WhisperMel::high,
                           .scale = MelScale::kSlaney})
                  .to(torch::kFloat32);
  }
  return filters;
}

}  // namespace

torch::Tensor whisper_mel(const torch::Tensor& samples, std::int64_t mels) {
  PAL_ASSERT(samples.dim() == 1 && samples.scalar_type() == torch::kFloat32,
             "whisper_mel: [n] float32 was expected");
  PAL_ASSERT(samples.size(0) <= WhisperMel::window_samples && mels >= 1, "whisper_mel: {} samples, {} mels",
             samples.size(0), mels);
  const auto padded = torch::constant_pad_nd(samples, {0, WhisperMel::window_samples - samples.size(0)});
  const auto window = torch::hann_window(WhisperMel::fft, samples.options());
  const auto spectrum = torch::stft(padded, WhisperMel::fft, WhisperMel::hop, WhisperMel::fft, window,
                                    /*center=*/true, "reflect",
                                    /*normalized=*/false, /*onesided=*/true, /*return_complex=*/true);
  const auto power = power_spectrum(spectrum.narrow(1, 0, WhisperMel::window_frames));  // the 3001st frame is dropped
  const auto mel = torch::matmul(filters_for(mels).to(samples.device()), power);
  const auto logarithm = torch::log10(torch::clamp_min(mel, 1e-10));
  return (torch::maximum(logarithm, logarithm.max() - WhisperMel::range) + 4.0) / 4.0;
}

}  // namespace pal
