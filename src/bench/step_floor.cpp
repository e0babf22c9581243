#include "pal/bench/step_floor.h"

#include <algorithm>
#include <limits>

#include "timed.h"

namespace pal {

namespace {

constexpr double kSecondsOfEach = 0.4;
constexpr int64_t kCopied = int64_t{1} << 28;  // bytes: more than caches hold

template <typename Work>
double fastest(at::Device device, const Work& work) {
  timed(device, work);  // settles
  double least = std::numeric_limits<double>::infinity(), sum = 0;
  while (sum < kSecondsOfEach) {
    const double took = timed(device, work);
    least = std::min(least, took);
    sum += took;
  }
  return least;
}

}  // namespace

MachinePeaks measure_peaks(at::Device device, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  const int64_t n = device.is_cuda() ? 8192 : 1024;
  const auto options = at::TensorOptions(device).dtype(type);
  const auto a = at::randn({n, n}, options), b = at::randn({n, n}, options);
  auto product = at::empty({n, n}, options);
  MachinePeaks peaks;
  peaks.flops_per_second = 2.0 * double(n) * double(n) * double(n) / fastest(device, [&] { at::mm_out(product, a, b); });
  const auto from = at::zeros({kCopied}, options.dtype(at::kByte));
  auto into = at::zeros_like(from);
  peaks.bytes_per_second = 2.0 * double(kCopied) / fastest(device, [&] { into.copy_(from); });
  const auto numbers = from.view(at::kFloat);
  peaks.read_bytes_per_second = double(kCopied) / fastest(device, [&] { (void)numbers.sum(); });
  return peaks;
}

int64_t optimizer_traffic(const std::vector<NamedParameter>& parameters, const AdamWOptions& options) {
  int64_t bytes = 0;
  for (const auto& parameter : parameters) {
    const auto& value = parameter.value;
    if (!value.requires_grad()) continue;
    const auto type = state_type(value.scalar_type(), options);
    const auto own = int64_t(value.element_size()), state = int64_t(c10::elementSize(type));
    const int64_t stepped = type == value.scalar_type() ? 2 * own : 2 * state + own;  // a master is read and written, and rounded into the value
    bytes += value.numel() * (own + stepped + 2 * 2 * state);
  }
  return bytes;
}

double step_floor(double flops, int64_t optimizer_bytes, const MachinePeaks& peaks) {
  return flops / peaks.flops_per_second + double(optimizer_bytes) / peaks.bytes_per_second;
}

}  // namespace pal
