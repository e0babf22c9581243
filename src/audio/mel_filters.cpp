#include "pal/audio/mel_filters.h"

#include <torch/torch.h>

#include <algorithm>

#include "pal/audio/mel_scale.h"
#include "pal/core/check.h"

namespace pal {

torch::Tensor mel_filters(const MelFilterOptions& o) {
  PAL_ASSERT(o.mels >= 1 && o.fft >= 2 && o.low >= 0 && o.low < o.high,
             "mel_filters: {} mels from {} to {} Hz", o.mels, o.low, o.high);
  const bool slaney = o.scale == MelScale::kSlaney;
  const auto to_mel = slaney ? hertz_to_slaney_mel : hertz_to_htk_mel;
  const auto to_hertz = slaney ? slaney_mel_to_hertz : htk_mel_to_hertz;
  const std::int64_t bins = o.fft / 2 + 1;
  auto filters = torch::zeros({o.mels, bins}, torch::kFloat64);
  auto weight = filters.accessor<double, 2>();
  const double lowest = to_mel(o.low);
  const double step = (to_mel(o.high) - lowest) / double(o.mels + 1);
  for (std::int64_t band = 0; band < o.mels; ++band) {
    const double left = to_hertz(lowest + double(band) * step);
    const double centre = to_hertz(lowest + double(band + 1) * step);
    const double right = to_hertz(lowest + double(band + 2) * step);
    const double peak = slaney ? 2.0 / (right - left) : 1.0;
    for (std::int64_t bin = 0; bin < bins; ++bin) {
      const double hertz = double(bin) * o.sample_rate / double(o.fft);
      const double height = std::min((hertz - left) / (centre - left), (right - hertz) / (right - centre));
      weight[band][bin] = std::max(0.0, height) * peak;
    }
  }
  return filters;
}

}  // namespace pal
