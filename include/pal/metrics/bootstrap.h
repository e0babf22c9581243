// Confidence intervals: how far a score could lie from its value on other clips of the same kind.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace pal {

// A confidence interval.
struct Interval {
  double low = 0, high = 0;  // in the score's unit
};

// How an interval is drawn.
struct BootstrapOptions {
  double confidence = 0.95;    // share of the draws inside
  int64_t resamples = 10'000;  // draws
  uint64_t seed = 0;           // of the draws
};

// Percentile bootstrap (Efron 1979) of the mean: values are drawn with replacement, `resamples` times, and the interval
// holds the middle `confidence` of the means. The same seed gives the same interval. Throws UserError without values.
Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options = {});

// The same for a statistic that is no mean: `statistic` gets how often each of the `count` samples was drawn.
Interval bootstrap(int64_t count, const std::function<double(std::span<const int32_t> drawn)>& statistic,
                   const BootstrapOptions& options = {});

// Wilson's interval (1927) of a share of successes at 95 %. For 0/1 scores we take it rather than the bootstrap: that
// has no width where all answers are right or all wrong, and is too narrow for few clips; this one needs no draws.
// Throws UserError for a count of 0.
Interval wilson(int64_t successes, int64_t count);

}  // namespace pal
