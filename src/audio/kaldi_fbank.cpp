#include "pal/audio/kaldi_fbank.h"

#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "pal/audio/mel_scale.h"
#include "pal/core/check.h"

namespace pal {

namespace {

constexpr std::int64_t kBins = KaldiFbank::fft / 2 + 1;
constexpr std::int64_t kFramesAtOnce = 4096;  // bounds memory: an hour has 360,000 frames

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

// frames: [F, 400] -> [F, 128]. Kaldi's order: each frame's mean is taken off before the pre-emphasis.
torch::Tensor log_mel(torch::Tensor frames, const torch::Tensor& window, const torch::Tensor& filters) {
  frames = frames - frames.mean(1, true);
  const auto before = torch::cat({frames.slice(1, 0, 1), frames.slice(1, 0, -1)}, 1);
  frames = (frames - KaldiFbank::preemphasis * before) * window;
  const auto power = torch::fft::rfft(frames, KaldiFbank::fft).abs().square();
  return torch::log(torch::clamp_min(torch::matmul(power, filters), KaldiFbank::floor));
}

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
  static const torch::Tensor kFilters = make_filters();
  const auto filters = kFilters.to(samples.device());
  const auto window = torch::hann_window(KaldiFbank::window, /*periodic=*/false, samples.options());
  const auto centred = samples - samples.mean();
  std::vector<torch::Tensor> parts;
  for (const auto& some :
       centred.unfold(0, KaldiFbank::window, KaldiFbank::hop).slice(0, 0, frames).split(kFramesAtOnce)) {
    parts.push_back(log_mel(some, window, filters));
  }
  return torch::cat(parts);
}

}  // namespace pal
