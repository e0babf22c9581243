#include "pal/metrics/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "pal/core/check.h"
#include "pal/core/random.h"

namespace pal {

namespace {

RandomStream stream(const BootstrapOptions& options) {
  return RandomStream(stream_seed(options.seed, "bootstrap"));
}

void check(int64_t count, const BootstrapOptions& options) {
  PAL_CHECK(count > 0, "confidence interval: expected at least one value, got none");
  PAL_CHECK(options.resamples > 0 && options.confidence > 0 && options.confidence < 1,
            "confidence interval: expected resamples > 0 and 0 < confidence < 1, got {} and {}",
            options.resamples, options.confidence);
}

// The value at `share` of the way through, interpolated between neighbours.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * double(sorted.size() - 1);
  const std::size_t below = std::size_t(place), above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - double(below));
}

Interval middle(std::vector<double> values, double confidence) {
  std::ranges::sort(values);
  return {quantile(values, (1 - confidence) / 2), quantile(values, (1 + confidence) / 2)};
}

}  // namespace

Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options) {
  check(int64_t(values.size()), options);
  RandomStream random = stream(options);
  std::vector<double> means(std::size_t(options.resamples), 0.0);
  for (double& mean : means) {
    for (std::size_t i = 0; i < values.size(); ++i) mean += values[random.below(values.size())];
    mean /= double(values.size());
  }
  return middle(std::move(means), options.confidence);
}

Interval bootstrap(int64_t count, const std::function<double(std::span<const int32_t>)>& statistic,
                   const BootstrapOptions& options) {
  check(count, options);
  RandomStream random = stream(options);
  std::vector<double> results(std::size_t(options.resamples), 0.0);
  std::vector<int32_t> drawn(std::size_t(count), 0);
  for (double& result : results) {
    std::ranges::fill(drawn, 0);
    for (int64_t i = 0; i < count; ++i) ++drawn[random.below(uint64_t(count))];
    result = statistic(drawn);
  }
  return middle(std::move(results), options.confidence);
}

Interval wilson(int64_t successes, int64_t count) {
  PAL_CHECK(count > 0, "confidence interval: expected at least one value, got none");
  PAL_ASSERT(successes >= 0 && successes <= count, "{} successes of {}", successes, count);
  constexpr double z = 1.959963984540054;  // leaves 2.5 % of a normal distribution above it
  const double n = double(count), share = double(successes) / n;
  const double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  // Rounding must not push the interval past what a share can be, or off the share itself.
  return {std::clamp(middle - half, 0.0, share), std::clamp(middle + half, share, 1.0)};
}

}  // namespace pal
