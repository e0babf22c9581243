#include "pal/audio/whisper_mel.h"

#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "pal/audio/mel_scale.h"
#include "pal/core/check.h"

namespace pal {

namespace {

constexpr std::int64_t kBins = WhisperMel::fft / 2 + 1;

// [mels, 201]: triangles in Hz whose corners are evenly spaced in Slaney's mel, each with an area of 1 Hz
// (librosa's norm "slaney").
torch::Tensor make_filters(std::int64_t mels) {
  auto filters = torch::zeros({mels, kBins}, torch::kFloat64);
  auto weight = filters.accessor<double, 2>();
  const double low = hertz_to_slaney_mel(WhisperMel::low);
  const double step = (hertz_to_slaney_mel(WhisperMel::high) - low) / double(mels + 1);
  for (std::int64_t band = 0; band < mels; ++band) {
    const double left = slaney_mel_to_hertz(low + double(band) * step);
    const double centre = slaney_mel_to_hertz(low + double(band + 1) * step);
    const double right = slaney_mel_to_hertz(low + double(band + 2) * step);
    for (std::int64_t bin = 0; bin < kBins; ++bin) {
      const double hertz = double(bin) * WhisperMel::sample_rate / double(WhisperMel::fft);
      const double height = std::min((hertz - left) / (centre - left), (right - hertz) / (right - centre));
      weight[band][bin] = std::max(0.0, height) * 2.0 / (right - left);
    }
  }
  return filters.to(torch::kFloat32);
}

torch::Tensor filters_for(std::int64_t mels) {
  static std::mutex mutex;
  static std::map<std::int64_t, torch::Tensor> made;
  const std::lock_guard lock(mutex);
  auto& filters = made[mels];
  if (!filters.defined()) filters = make_filters(mels);
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
  const auto power =
      spectrum.narrow(1, 0, WhisperMel::window_frames).abs().square();  // the 3001st frame is dropped
  const auto mel = torch::matmul(filters_for(mels).to(samples.device()), power);
  const auto logarithm = torch::log10(torch::clamp_min(mel, 1e-10));
  return (torch::maximum(logarithm, logarithm.max() - WhisperMel::range) + 4.0) / 4.0;
}

}  // namespace pal
