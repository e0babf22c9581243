#include "pal/audio/yamnet_mel.h"

#include <torch/torch.h>

#include <algorithm>

#include "pal/audio/mel_scale.h"
#include "pal/core/check.h"

namespace pal {

namespace {

constexpr std::int64_t kBins = YamnetMel::fft / 2 + 1;
constexpr std::int64_t kPatchHopSamples = YamnetMel::patch_hop * YamnetMel::hop;

// [257, 64]: triangles of height 1 whose corners are evenly spaced in mel; the constant component (bin 0) is
// left out.
torch::Tensor make_filters() {
  auto filters = torch::zeros({kBins, YamnetMel::mels}, torch::kFloat64);
  auto weight = filters.accessor<double, 2>();
  const double low = hertz_to_htk_mel(YamnetMel::low);
  const double step = (hertz_to_htk_mel(YamnetMel::high) - low) / double(YamnetMel::mels + 1);
  for (std::int64_t bin = 1; bin < kBins; ++bin) {
    const double mel = hertz_to_htk_mel(double(bin) * YamnetMel::sample_rate / double(YamnetMel::fft));
    for (std::int64_t band = 0; band < YamnetMel::mels; ++band) {
      const double left = low + double(band) * step;
      weight[bin][band] = std::max(0.0, std::min((mel - left) / step, (left + 2 * step - mel) / step));
    }
  }
  return filters.to(torch::kFloat32);
}

}  // namespace

std::int64_t yamnet_patch_count(std::int64_t samples) {
  const std::int64_t beyond = std::max<std::int64_t>(samples - YamnetMel::patch_samples, 0);
  return 1 + (beyond + kPatchHopSamples - 1) / kPatchHopSamples;
}

torch::Tensor yamnet_mel(const torch::Tensor& samples) {
  PAL_ASSERT(samples.dim() == 1 && samples.scalar_type() == torch::kFloat32,
             "yamnet_mel: [n] float32 was expected");
  static const torch::Tensor filters = make_filters();
  const std::int64_t patches = yamnet_patch_count(samples.size(0));
  const std::int64_t length = YamnetMel::patch_samples + (patches - 1) * kPatchHopSamples;
  const auto padded = torch::constant_pad_nd(samples, {0, length - samples.size(0)});
  const auto window = torch::hann_window(YamnetMel::window, samples.options());
  const auto frames = padded.unfold(0, YamnetMel::window, YamnetMel::hop) * window;  // [frames, 400]
  const auto magnitude = torch::fft::rfft(frames, YamnetMel::fft).abs();             // not power
  return torch::log(torch::matmul(magnitude, filters.to(samples.device())) + YamnetMel::log_offset);
}

}  // namespace pal
