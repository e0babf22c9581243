#include "pal/audio/augmentation.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "pal/core/check.h"

namespace pal {

namespace {

constexpr double kFrameRate = 100;  // frames a second, of every front-end

double between(double low, double high, RandomStream& stream) { return low + (high - low) * stream.uniform(); }

double amplitude_ratio(double decibels) { return std::pow(10.0, decibels / 20.0); }

void check_clip(const torch::Tensor& samples) {
  PAL_ASSERT(samples.dim() == 1 && samples.scalar_type() == torch::kFloat32 && samples.is_cpu(),
             "samples [n] in float32 on the CPU were expected");
}

// Summed in order, not by torch, whose sums depend on the number of threads.
double root_mean_square(const torch::Tensor& samples) {
  const auto values = samples.accessor<float, 1>();
  double sum = 0;
  for (std::int64_t i = 0; i < values.size(0); ++i) sum += double(values[i]) * double(values[i]);
  return std::sqrt(sum / double(std::max<std::int64_t>(values.size(0), 1)));
}

torch::Tensor with_gain(const torch::Tensor& samples, double gain, RandomStream& stream) {
  return samples * amplitude_ratio(between(-gain, gain, stream));
}

torch::Tensor with_noise(const torch::Tensor& samples, double snr, RandomStream& stream) {
  const double level = root_mean_square(samples) * amplitude_ratio(-snr);  // 0 for silence
  auto result = samples.clone();
  auto values = result.accessor<float, 1>();
  for (std::int64_t i = 0; i < values.size(0); ++i) values[i] += float(level * stream.normal());
  return result;
}

// Consecutive frames, or bands.
struct Stretch {
  std::int64_t begin = 0, end = 0;
};

// `count` stretches of 0 .. width of the `length` places; every position of a stretch is as likely.
std::vector<Stretch> draw_stretches(std::int64_t count, std::int64_t width, std::int64_t length, RandomStream& stream) {
  std::vector<Stretch> stretches;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto size = std::int64_t(stream.below(std::uint64_t(std::min(width, length) + 1)));
    const auto begin = std::int64_t(stream.below(std::uint64_t(length - size + 1)));
    stretches.push_back({begin, begin + size});
  }
  return stretches;
}

// windows: [W, T, F]; of the first `frames` of the W * T. In order, as root_mean_square().
double mean_of_frames(const torch::Tensor& windows, std::int64_t frames) {
  const auto values = windows.accessor<float, 3>();
  const std::int64_t window_frames = windows.size(1), bands = windows.size(2);
  double sum = 0;
  for (std::int64_t frame = 0; frame < frames; ++frame) {
    const auto row = values[frame / window_frames][frame % window_frames];
    for (std::int64_t band = 0; band < bands; ++band) sum += double(row[band]);
  }
  return sum / double(frames * bands);
}

// windows: [W, T, F]; `frames` are counted through all windows.
void fill(const torch::Tensor& windows, Stretch frames, Stretch bands, double value) {
  const std::int64_t window_frames = windows.size(1);
  for (std::int64_t window = 0; window < windows.size(0); ++window) {
    const std::int64_t before = window * window_frames;
    const std::int64_t begin = std::clamp<std::int64_t>(frames.begin - before, 0, window_frames);
    const std::int64_t end = std::clamp<std::int64_t>(frames.end - before, 0, window_frames);
    windows[window].slice(0, begin, end).slice(1, bands.begin, bands.end).fill_(value);
  }
}

}  // namespace

bool AugmentationOptions::changes_audio() const {
  return crop > 0 || gain > 0 || noise > 0 || time_masks > 0 || frequency_masks > 0 || mix > 0;
}

AudioSegment random_crop(const AudioSegment& segment, double clip_seconds, const AugmentationOptions& options, RandomStream& stream) {
  if (options.crop <= 0 || clip_seconds <= options.crop) return segment;
  const double start = segment.start + between(0, clip_seconds - options.crop, stream);
  return {start, start + options.crop};
}

torch::Tensor augment_samples(const torch::Tensor& samples, const AugmentationOptions& options, RandomStream& stream) {
  check_clip(samples);
  auto result = samples;
  if (options.gain > 0) result = with_gain(result, options.gain, stream);
  if (options.noise > 0 && stream.uniform() < options.noise)
    result = with_noise(result, between(options.noise_snr_low, options.noise_snr_high, stream), stream);
  return result;
}

torch::Tensor mix_samples(const torch::Tensor& first, const torch::Tensor& second, double level_db) {
  check_clip(first);
  check_clip(second);
  const double first_level = root_mean_square(first), second_level = root_mean_square(second);
  const bool silence = first_level == 0 || second_level == 0;
  const double scale = silence ? 1 : first_level / second_level * amplitude_ratio(level_db);
  auto sum = torch::zeros({std::max(first.size(0), second.size(0))});
  sum.slice(0, 0, first.size(0)) += first;
  sum.slice(0, 0, second.size(0)) += second * scale;
  const auto peak = sum.abs().max();
  return peak.item<float>() > 1 ? sum / peak : sum;
}

void spec_augment(torch::Tensor features, std::int64_t frequency_dim, double seconds, const AugmentationOptions& options,
                  RandomStream& stream) {
  if (options.time_masks <= 0 && options.frequency_masks <= 0) return;
  PAL_ASSERT((features.dim() == 2 || features.dim() == 3) && features.scalar_type() == torch::kFloat32 && features.is_cpu(),
             "features of two or three dimensions in float32 on the CPU were expected");
  PAL_ASSERT(frequency_dim == -1 || frequency_dim == -2, "frequency_dim is {}", frequency_dim);
  auto windows = frequency_dim == -1 ? features : features.transpose(-2, -1);
  if (windows.dim() == 2) windows = windows.unsqueeze(0);
  const std::int64_t all_frames = windows.size(0) * windows.size(1), bands = windows.size(2);
  const std::int64_t frames = std::min<std::int64_t>(std::llround(seconds * kFrameRate), all_frames);
  if (frames <= 0) return;
  const double mean = mean_of_frames(windows, frames);
  for (const auto& mask : draw_stretches(options.time_masks, options.time_width, frames, stream)) fill(windows, mask, {0, bands}, mean);
  for (const auto& mask : draw_stretches(options.frequency_masks, options.frequency_width, bands, stream))
    fill(windows, {0, frames}, mask, mean);
}

}  // namespace pal
