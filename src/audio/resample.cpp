#include "pal/audio/resample.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

#include "pal/core/check.h"

namespace pal {

namespace {

constexpr int kZeroCrossings = 6;  // torchaudio's lowpass_filter_width
constexpr double kRolloff = 0.99;
constexpr int kHighestRate = 768000;  // Hz
constexpr std::int64_t kLanes =
    8;  // taps summed side by side, so that the compiler can use vector instructions

// Output sample q * to + p is the sum over k of taps[p][k] * input[q * from + first[p] + k].
struct SincKernel {
  std::int64_t from = 0, to = 0;    // Hz, divided by their greatest common divisor
  std::int64_t taps_per_phase = 0;  // a multiple of kLanes
  std::int64_t width = 0;           // samples before and after a block that its outputs may read
  std::vector<std::int64_t> first;  // [to]
  std::vector<float> taps;          // [to, taps_per_phase]
};

// The filter's value at input sample `index` for output `phase`. In float32 and in this order, because
// torchaudio computes it so: at odd ratios the rounding of `t` is visible, and parity with the encoders'
// training is worth more than the last digits.
float sinc_tap(std::int64_t index, std::int64_t phase, const SincKernel& kernel, double base_rate) {
  constexpr float kPi = std::numbers::pi_v<float>;
  float t = float(-phase) / float(kernel.to) + float(index) / float(kernel.from);
  t = std::clamp(t * float(base_rate), -float(kZeroCrossings), float(kZeroCrossings));
  const float window = std::cos(t * kPi / kZeroCrossings / 2);
  t *= kPi;
  return (t == 0 ? 1.0f : std::sin(t) / t) * (window * window * float(base_rate / double(kernel.from)));
}

SincKernel make_kernel(std::int64_t from, std::int64_t to) {
  SincKernel kernel;
  kernel.from = from;
  kernel.to = to;
  const double base_rate = double(std::min(from, to)) * kRolloff;
  const double reach = kZeroCrossings * double(from) / base_rate;  // input samples; the window is zero beyond
  kernel.width = std::int64_t(std::ceil(reach));
  const std::int64_t taps = 2 * kernel.width + 2;
  kernel.taps_per_phase = (taps + kLanes - 1) / kLanes * kLanes;
  kernel.first.resize(std::size_t(to));
  kernel.taps.assign(std::size_t(to * kernel.taps_per_phase), 0.0f);
  for (std::int64_t phase = 0; phase < to; ++phase) {
    const std::int64_t first =
        std::max(-kernel.width, std::int64_t(std::floor(double(phase * from) / double(to) - reach)));
    const std::int64_t end = std::min(first + taps, kernel.width + from);  // torchaudio's kernel ends there
    kernel.first[std::size_t(phase)] = first;
    for (std::int64_t index = first; index < end; ++index) {
      kernel.taps[std::size_t(phase * kernel.taps_per_phase + index - first)] =
          sinc_tap(index, phase, kernel, base_rate);
    }
  }
  return kernel;
}

std::shared_ptr<const SincKernel> cached_kernel(std::int64_t from, std::int64_t to) {
  constexpr std::size_t kMostNumbers = 32u << 20;  // 128 MiB in all; rates in one data set are few
  static std::mutex mutex;
  static std::map<std::pair<std::int64_t, std::int64_t>, std::shared_ptr<const SincKernel>> kernels;
  static std::size_t numbers = 0;
  const std::lock_guard lock(mutex);
  auto& kernel = kernels[{from, to}];
  if (kernel) return kernel;
  auto made = std::make_shared<const SincKernel>(make_kernel(from, to));
  if (numbers + made->taps.size() > kMostNumbers) {
    kernels.clear();
    numbers = 0;
  }
  numbers += made->taps.size();
  kernels[{from, to}] = made;
  return made;
}

float dot(const float* taps, const float* input, std::int64_t count) {
  float sums[kLanes] = {};
  for (std::int64_t k = 0; k < count; k += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += taps[k + lane] * input[k + lane];
  }
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {  // in pairs: eight additions in a row would wait for each other
    for (std::int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

// padded: the samples behind kernel.width zeros, and zeros after them; out: [length].
void convolve(const SincKernel& kernel, const float* padded, std::int64_t length, float* out) {
  const float* block = padded + kernel.width;
  for (std::int64_t done = 0; done < length; done += kernel.to, block += kernel.from) {
    const std::int64_t phases = std::min(kernel.to, length - done);
    for (std::int64_t phase = 0; phase < phases; ++phase) {
      out[done + phase] = dot(kernel.taps.data() + phase * kernel.taps_per_phase,
                              block + kernel.first[std::size_t(phase)], kernel.taps_per_phase);
    }
  }
}

void check_rates(int from, int to) {
  PAL_CHECK(from >= 1 && from <= kHighestRate && to >= 1 && to <= kHighestRate,
            "resample: rates from 1 to {} Hz were expected, got {} -> {}", kHighestRate, from, to);
}

}  // namespace

std::int64_t resampled_length(std::int64_t samples, int from, int to) {
  check_rates(from, to);
  const std::int64_t common = std::gcd(from, to);
  const std::int64_t in = from / common, out = to / common;
  if (in == out) return samples;
  const auto rounded = std::int64_t(std::ceil(float(double(out) * double(samples) / double(in))));
  return std::min(rounded, (samples / in + 1) * out);  // what torchaudio's convolution can give
}

torch::Tensor resample(const torch::Tensor& samples, int from, int to) {
  check_rates(from, to);
  PAL_ASSERT(samples.dim() == 1 && samples.scalar_type() == torch::kFloat32 && samples.is_cpu(),
             "resample: [n] float32 on the CPU was expected");
  if (from == to) return samples;
  const std::int64_t common = std::gcd(from, to);
  const auto kernel = cached_kernel(from / common, to / common);
  const std::int64_t length = samples.size(0);

  std::vector<float> padded(
      std::size_t(kernel->width + length + kernel->width + kernel->from + 2 * kernel->taps_per_phase));
  std::copy_n(samples.contiguous().data_ptr<float>(), length, padded.begin() + kernel->width);
  auto output = torch::empty(resampled_length(length, from, to), torch::kFloat32);
  convolve(*kernel, padded.data(), output.size(0), output.data_ptr<float>());
  return output;
}

}  // namespace pal
