#include "pal/metrics/paired_test.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "pal/core/check.h"
#include "pal/core/random.h"

namespace pal {

namespace {

bool is_binary(std::span<const double> values) {
  return std::ranges::all_of(values, [](double value) { return value == 0.0 || value == 1.0; });
}

std::vector<double> differences(std::span<const double> a, std::span<const double> b) {
  PAL_CHECK(a.size() == b.size(), "paired test: expected scores of the same clips, got {} and {}", a.size(),
            b.size());
  PAL_CHECK(!a.empty(), "paired test: expected at least one clip, got none");
  std::vector<double> d(a.size());
  std::ranges::transform(a, b, d.begin(), std::minus<>());
  return d;
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

// P(X <= k) of a fair coin thrown n times; by logarithms, since n may be in the thousands.
double binomial_tail(int64_t k, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i <= k; ++i) {
    sum += std::exp(std::lgamma(double(n + 1)) - std::lgamma(double(i + 1)) - std::lgamma(double(n - i + 1)) -
                    double(n) * std::log(2.0));
  }
  return sum;
}

}  // namespace

PairedTest mcnemar(std::span<const double> a, std::span<const double> b) {
  const auto d = differences(a, b);
  PAL_CHECK(is_binary(a) && is_binary(b), "mcnemar: expected scores of 0 and 1");
  const int64_t only_a = std::ranges::count(d, 1.0), only_b = std::ranges::count(d, -1.0);
  const double p = 2 * binomial_tail(std::min(only_a, only_b), only_a + only_b);
  return {"mcnemar", mean(d), std::min(1.0, p), int64_t(d.size())};
}

PairedTest sign_flip(std::span<const double> a, std::span<const double> b, const PermutationOptions& options) {
  const auto d = differences(a, b);
  PAL_CHECK(options.draws > 0, "sign_flip: expected draws > 0, got {}", options.draws);
  const double observed = std::abs(std::accumulate(d.begin(), d.end(), 0.0));
  const double size =
      std::accumulate(d.begin(), d.end(), 0.0, [](double sum, double x) { return sum + std::abs(x); });
  const double rounding = 1e-12 * size;  // a flip that equals the observed one must count as such
  RandomStream random(stream_seed(options.seed, "sign_flip"));
  int64_t as_far = 1;
  for (int64_t draw = 0; draw < options.draws; ++draw) {
    double sum = 0;
    for (std::size_t i = 0; i < d.size(); i += 64) {
      uint64_t bits = random.next();
      for (std::size_t j = i; j < std::min(i + 64, d.size()); ++j, bits >>= 1)
        sum += (bits & 1) ? d[j] : -d[j];
    }
    as_far += std::abs(sum) >= observed - rounding;
  }
  return {"sign_flip", mean(d), double(as_far) / double(options.draws + 1), int64_t(d.size())};
}

PairedTest swap_answers(int64_t clips, const std::function<double(std::span<const int32_t>)>& score,
                        const PermutationOptions& options) {
  PAL_CHECK(clips > 0, "paired test: expected at least one clip, got none");
  PAL_CHECK(options.draws > 0, "swap: expected draws > 0, got {}", options.draws);
  const std::size_t n = std::size_t(clips);
  std::vector<int32_t> first(2 * n, 0), second(2 * n, 0);  // whose answers are the first system's, and the second's
  const auto difference = [&](auto swapped) {
    for (std::size_t i = 0; i < n; ++i) {
      const bool turned = swapped(i);
      first[i] = second[n + i] = turned ? 0 : 1;
      first[n + i] = second[i] = turned ? 1 : 0;
    }
    return score(first) - score(second);
  };
  const double observed = difference([](std::size_t) { return false; });
  const double rounding = 1e-12 * (1 + std::abs(observed));
  RandomStream random(stream_seed(options.seed, "swap"));
  int64_t as_far = 1;
  for (int64_t draw = 0; draw < options.draws; ++draw) {
    const double one = difference([&](std::size_t) { return (random.next() & 1) != 0; });
    as_far += std::abs(one) >= std::abs(observed) - rounding;
  }
  return {"swap", observed, double(as_far) / double(options.draws + 1), clips};
}

PairedTest compare_paired(std::span<const double> a, std::span<const double> b,
                          const PermutationOptions& options) {
  return is_binary(a) && is_binary(b) ? mcnemar(a, b) : sign_flip(a, b, options);
}

}  // namespace pal
