#include "pal/audio/kaldi_fbank.h"

#include <torch/torch.h>

#include <algorithm>

#include "pal/audio/mel_scale.h"
#include "pal/audio/power_spectrum.h"
#include "pal/core/check.h"

namespace pal {

namespace {

constexpr std::int64_t kBins = KaldiFbank::fft / 2 + 1;
constexpr std::int64_t kFramesAtOnce = 128;  // what is held of them, 0.7 MB, stays in a core's own cache

// [257, 128]: triangles of height 1 whose corners are evenly spaced in mel. The last bin, half the sample rate, is
// left out.
torch::Tensor make_filters() {
  auto filters = torch::zeros({kBins, KaldiFbank::mels}, torch::kFloat64);
  auto weight = filters.accessor<double, 2>();
  const double low = hertz_to_htk_mel(KaldiFbank::low);
  const double step = (hertz_to_htk_mel(KaldiFbank::high) - low) / double(KaldiFbank::mels + 1);
  for (std::int64_t bin = 0; bin < kBins - 1; ++bin) {
    const double mel = hertz_to_htk_mel(double(bin) * KaldiFbank::sample_rate / double(KaldiFbank::fft));
    for (std::int64_t band = 0; band < KaldiFbank::mels; ++band) {
      const double left = low + double(band) * step;
      weight[bin][band] = std::max(0.0, std::min((mel - left) / step, (left + 2 * step - mel) / step));
    }
  }
  return filters.to(torch::kFloat32);
}

torch::Tensor filters_on(torch::Device device) {
  static const torch::Tensor kFilters = make_filters();
  return kFilters.to(device);
}

torch::Tensor window_on(torch::Device device) {
  static const torch::Tensor kWindow = torch::hann_window(KaldiFbank::window, /*periodic=*/false, torch::kFloat32).slice(0, 1);
  return kWindow.to(device);
}

// What a block of frames needs beside its result, allocated once a clip: memory that stays in the cache and that the
// kernel need not provide anew.
class MelEnergies {
 public:
  // For blocks of at most `most` frames.
  MelEnergies(std::int64_t most, const torch::TensorOptions& options)
      : window_(window_on(options.device())),
        filters_(filters_on(options.device())),
        centred_(torch::empty({most, KaldiFbank::window}, options)),
        padded_(torch::zeros({most, KaldiFbank::fft}, options)) {}

  // frames: [F, 400]; energies: [F, 128], is written. Kaldi's order: each frame's mean is taken off before the pre-emphasis.
  void compute(const torch::Tensor& frames, torch::Tensor energies) {
    auto centred = centred_.slice(0, 0, frames.size(0));
    auto padded = padded_.slice(0, 0, frames.size(0));
    torch::sub_out(centred, frames, frames.mean(1, true));
    auto shaped = padded.slice(1, 1, KaldiFbank::window);  // the first sample is left out: the window is zero there
    torch::sub_out(shaped, centred.slice(1, 1), centred.slice(1, 0, -1), KaldiFbank::preemphasis);
    shaped.mul_(window_);
    torch::mm_out(energies, power_spectrum(torch::fft::rfft(padded)), filters_);
  }

 private:
  torch::Tensor window_;   // [399]: from its second value on
  torch::Tensor filters_;  // [257, 128]
  torch::Tensor centred_;  // [most, 400]
  torch::Tensor padded_;   // [most, 512], zero beyond the window
};

}  // namespace

std::int64_t kaldi_frame_count(std::int64_t samples) {
  return samples < KaldiFbank::window ? 0 : 1 + (samples - KaldiFbank::window) / KaldiFbank::hop;
}

torch::Tensor kaldi_fbank(const torch::Tensor& samples, std::int64_t most_frames) {
  PAL_ASSERT(samples.dim() == 1 && samples.scalar_type() == torch::kFloat32 && most_frames >= 1,
             "kaldi_fbank: [n] float32 was expected");
  const std::int64_t frames = std::min(kaldi_frame_count(samples.size(0)), most_frames);
  PAL_CHECK(frames > 0, "kaldi_fbank: the clip has {} samples at 16 kHz; one window takes {} (25 ms)",
            samples.size(0), KaldiFbank::window);
  const auto centred = samples - samples.mean();
  const auto windows = centred.unfold(0, KaldiFbank::window, KaldiFbank::hop);
  MelEnergies mel(std::min(frames, kFramesAtOnce), samples.options());
  auto energies = torch::empty({frames, KaldiFbank::mels}, samples.options());
  for (std::int64_t begin = 0; begin < frames; begin += kFramesAtOnce) {
    const std::int64_t end = std::min(begin + kFramesAtOnce, frames);
    mel.compute(windows.slice(0, begin, end), energies.slice(0, begin, end));
  }
  return energies.clamp_min_(KaldiFbank::floor).log_();
}

}  // namespace pal
