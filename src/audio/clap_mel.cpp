#include "pal/audio/clap_mel.h"

#include <torch/torch.h>

#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "pal/audio/power_spectrum.h"
#include "pal/core/check.h"
#include "pal/core/config_json.h"

namespace pal {

namespace {

torch::Tensor filters_for(const ClapMelOptions& o) {  // [64, 513]
  static std::mutex mutex;
  static std::map<std::tuple<double, double, MelScale>, torch::Tensor> made;
  const std::lock_guard lock(mutex);
  auto& filters = made[{o.low, o.high, o.scale}];
  if (!filters.defined()) {
    filters = mel_filters({.mels = ClapMel::mels,
                           .fft = ClapMel::fft,
                           .sample_rate = ClapMel::sample_rate,
                           .low = o.low,
                           .high = o.high,
                           .scale = o.scale});
  }
  return filters;
}

torch::Tensor repeat_and_pad(const torch::Tensor& samples) {
  const auto repeated = samples.repeat({ClapMel::window_samples / samples.size(0)});
  return torch::constant_pad_nd(repeated, {0, ClapMel::window_samples - repeated.size(0)});
}

}  // namespace

ClapMelOptions read_clap_mel_options(const std::filesystem::path& weights) {
  const auto config = ConfigJson::feature_extractor(weights);
  if (!config) return {};
  config->refuse_unless<std::string>("feature_extractor_type", "ClapFeatureExtractor");
  config->refuse_unless("sampling_rate", std::int64_t{ClapMel::sample_rate});
  config->refuse_unless("feature_size", ClapMel::mels);
  config->refuse_unless("fft_window_size", ClapMel::fft);
  config->refuse_unless("hop_length", ClapMel::hop);
  config->refuse_unless("max_length_s", ClapMel::window_samples / ClapMel::sample_rate);
  config->refuse_unless("nb_max_samples", ClapMel::window_samples);
  config->refuse_unless<std::string>("padding", "repeatpad");
  config->refuse_unless("padding_value", 0.0);

  ClapMelOptions options;
  options.low = config->get("frequency_min", 0.0);
  options.high = config->get("frequency_max", 14000.0);
  PAL_CHECK(options.low >= 0 && options.low < options.high && options.high <= ClapMel::sample_rate / 2.0,
            "{}: frequency_min {} and frequency_max {}: a range within 0 to {} Hz was expected",
            config->where(), options.low, options.high, ClapMel::sample_rate / 2);
  const auto truncation = config->get<std::string>("truncation", "fusion");
  PAL_CHECK(truncation == "rand_trunc" || truncation == "fusion",
            "{}: truncation '{}' is not known; rand_trunc and fusion are", config->where(), truncation);
  options.scale = truncation == "fusion" ? MelScale::kHtk : MelScale::kSlaney;
  return options;
}

torch::Tensor clap_mel(const torch::Tensor& samples, const ClapMelOptions& options) {
  PAL_ASSERT(samples.dim() == 1 && samples.scalar_type() == torch::kFloat32,
             "clap_mel: [n] float32 was expected");
  PAL_ASSERT(samples.size(0) >= 1 && samples.size(0) <= ClapMel::window_samples, "clap_mel: {} samples",
             samples.size(0));
  // In float64 as the reference: in float32 the FFT's rounding of a loud sound is above the floor of 1e-10.
  const auto signal = repeat_and_pad(samples).to(torch::kFloat64);
  const auto window = torch::hann_window(ClapMel::fft, signal.options());
  const auto spectrum = torch::stft(signal, ClapMel::fft, ClapMel::hop, ClapMel::fft, window,
                                    /*center=*/true, "reflect", /*normalized=*/false, /*onesided=*/true,
                                    /*return_complex=*/true);
  const auto mel = torch::matmul(filters_for(options).to(samples.device()), power_spectrum(spectrum));
  return (10.0 * torch::log10(torch::clamp_min(mel, 1e-10))).t().to(torch::kFloat32).contiguous();
}

}  // namespace pal
